//! A recovery key as somebody types it, group by group: what is right is kept,
//! and only the rest has to be typed again.

use super::recovery::{self, GROUP_DIGITS, GROUPS};
use zeroize::Zeroizing;

/// Room for a group, whatever somebody types in its place.
const ROOM: usize = 4 * GROUP_DIGITS;

/// The groups of a recovery key that fit their check digits, each in its place.
pub struct TypedGroups([Option<Zeroizing<String>>; GROUPS]);

impl TypedGroups {
    /// Reads the fields, one for each group. A key that was typed or pasted into
    /// one of them as a whole is taken apart.
    pub fn read(fields: &[impl AsRef<str>]) -> Self {
        let fields = || fields.iter().map(AsRef::as_ref);
        if let Some(whole) = fields().find(|field| letters(field) >= GROUPS * GROUP_DIGITS) {
            return Self::apart(whole);
        }
        if fields().any(|field| letters(field) > GROUP_DIGITS) {
            let all: Vec<&str> = fields().filter(|field| letters(field) > 0).collect();
            return Self::apart(&Zeroizing::new(all.join("-")));
        }
        let mut fields = fields();
        Self(std::array::from_fn(|place| {
            fields.next().and_then(|typed| fitting(place, typed))
        }))
    }

    /// A key in one piece: by what stands between its groups, else by counting.
    fn apart(text: &str) -> Self {
        let written = text.split(recovery::is_gap).filter(|it| !it.is_empty());
        if written.clone().count() == GROUPS {
            let mut written = written;
            return Self(std::array::from_fn(|place| {
                written.next().and_then(|typed| fitting(place, typed))
            }));
        }
        let mut letters = text.chars().filter(|letter| !recovery::is_gap(*letter));
        Self(std::array::from_fn(|place| {
            let mut group = Zeroizing::new(String::with_capacity(ROOM));
            group.extend(letters.by_ref().take(GROUP_DIGITS));
            fitting(place, &group)
        }))
    }

    /// The first group, from one, that is missing, mistaken or in another's
    /// place.
    pub fn mistake(&self) -> Option<usize> {
        let place = self.0.iter().position(Option::is_none);
        place.map(|place| place + 1)
    }

    /// Each group in its order, where it fits.
    pub fn each(&self) -> impl Iterator<Item = Option<&str>> {
        self.0
            .iter()
            .map(|group| group.as_ref().map(|it| it.as_str()))
    }

    /// What fits, as it is written down: the whole key if there is no mistake.
    pub fn whole(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(GROUPS * (GROUP_DIGITS + 1)));
        for group in self.each().flatten() {
            if !text.is_empty() {
                text.push('-');
            }
            text.push_str(group);
        }
        text
    }
}

fn letters(text: &str) -> usize {
    let is_letter = |letter: &char| !recovery::is_gap(*letter);
    text.chars().filter(is_letter).count()
}

fn fitting(place: usize, typed: &str) -> Option<Zeroizing<String>> {
    if letters(typed) != GROUP_DIGITS {
        return None;
    }
    let mut group = Zeroizing::new(String::with_capacity(ROOM));
    group.extend(typed.chars().filter(|letter| !recovery::is_gap(*letter)));
    recovery::group_fits(place, &group).then_some(group)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::RecoveryKey;
    use crate::keys::testing::Sequence;
    use proptest::prelude::*;

    fn paper() -> String {
        RecoveryKey::draw(&Sequence::default()).show().to_string()
    }

    fn alone(text: &str) -> [&str; GROUPS] {
        let mut fields = [""; GROUPS];
        fields[0] = text;
        fields
    }

    #[test]
    fn a_key_is_read_from_its_fields_or_from_one_of_them() {
        let paper = paper();
        let groups: Vec<&str> = paper.split('-').collect();
        let bare = paper.replace('-', "");
        let spaced = paper.replace('-', "  ");
        let mut last = [""; GROUPS];
        last[8] = &bare;
        // Pasted over what was there before.
        let mut again = [groups[0]; GROUPS];
        again[3] = &paper;
        let run_on = [&bare[..14], groups[2], &bare[21..], "", "", "", "", "", ""];
        let fields = [
            groups.clone(),
            alone(&paper).to_vec(),
            alone(&bare).to_vec(),
            alone(&spaced).to_vec(),
            last.to_vec(),
            again.to_vec(),
            run_on.to_vec(),
        ];
        for fields in fields {
            let read = TypedGroups::read(&fields);
            assert_eq!(read.mistake(), None, "{fields:?}");
            assert_eq!(read.whole().as_str(), paper, "{fields:?}");
        }
    }

    #[test]
    fn a_slip_costs_its_own_group_alone() {
        let paper = paper();
        for place in 0..GROUPS {
            let mut groups: Vec<String> = paper.split('-').map(str::to_owned).collect();
            let last = groups[place].pop().unwrap();
            for end in [if last == '1' { "2" } else { "1" }, "", "O"] {
                let kept = groups[place].clone();
                groups[place].push_str(end);
                let whole = groups.join("-");
                for read in [
                    TypedGroups::read(&groups),
                    TypedGroups::read(&alone(&whole)),
                ] {
                    assert_eq!(read.mistake(), Some(place + 1), "{whole}");
                    let wrong: Vec<usize> = (0..GROUPS)
                        .filter(|at| read.each().nth(*at).flatten().is_none())
                        .collect();
                    assert_eq!(wrong, [place], "{whole}");
                }
                groups[place] = kept;
            }
        }
        let none = TypedGroups::read(&alone(""));
        assert_eq!((none.mistake(), none.whole().as_str()), (Some(1), ""));
    }

    proptest! {
        #[test]
        fn any_fields_are_read_without_a_panic(fields in proptest::collection::vec("\\PC{0,80}", 0..12)) {
            let read = TypedGroups::read(&fields);
            let sound = RecoveryKey::parse(&read.whole()).is_ok();
            prop_assert_eq!(read.mistake().is_none(), sound);
        }
    }
}

//! Whether a sign is denied: "no convulsions", "convulsions: none".
//!
//! Each language denies with its own words and reaches through its own words:
//! "ni" is "nor" in one and "it is" in another, "mais" is "more" in one and
//! "but" in another. A denial too many costs more than an alarm too many.

use super::lexicon::Role;
use super::reading::{Found, Reading};
use super::sign::bit;
use super::words::Gap;
use crate::core::lang::Lang;

/// Words a denial reaches back over.
const REACH: usize = 6;

/// Whether a sign is denied.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Denial {
    None,
    /// By a word of another language.
    Foreign,
    /// By a word of the sign's own language.
    Own,
}

impl Reading<'_> {
    /// Whether a word of the sign is denied from before, or the sign from
    /// behind. A "no" that is part of the sign ("not breathing") denies nothing.
    pub(super) fn denial(&self, found: &Found) -> Denial {
        if found
            .at
            .iter()
            .any(|at| denying(self.role(*at), found) != 0)
        {
            return Denial::None;
        }
        let last = found.at.last().copied().unwrap_or(0);
        let behind = (last + 1..=last + 2)
            .take_while(|at| self.words.gap_before(*at) == Gap::Space)
            .filter(|at| !self.is_cleared(*at))
            .map(|at| denying_before(self.role(at), found))
            .find(|languages| *languages != 0);
        if let Some(languages) = behind {
            return Denial::by(languages, found.lang);
        }
        let mut each = found
            .at
            .iter()
            .map(|at| self.denial_from_before(found, *at));
        each.find(|denial| *denial != Denial::None)
            .unwrap_or(Denial::None)
    }

    /// Looks back from a word over what a denial reaches through, each
    /// language by its own words: "mais" passes a Portuguese denial on and
    /// ends a French one.
    fn denial_from_before(&self, found: &Found, at: usize) -> Denial {
        let mut reaching = u8::MAX;
        let mut carried = 0;
        let mut begun = 0;
        let mut here = at;
        for _ in 0..REACH {
            match self.words.gap_before(here) {
                Gap::Stop => return Denial::None,
                Gap::Comma => reaching &= carried,
                Gap::Space => {}
            }
            here = here.saturating_sub(1);
            let role = self.role(here);
            let part = found.at.contains(&here);
            let denying = denying(role, found) & reaching;
            if denying != 0 && !self.is_cleared(here) {
                return if part {
                    Denial::None
                } else {
                    Denial::by(denying, found.lang)
                };
            }
            carried |= role.carries;
            begun = (begun | role.begins) & !role.carries;
            if !part {
                reaching &= role.through & !(role.told & begun);
            }
            if reaching == 0 {
                return Denial::None;
            }
        }
        Denial::None
    }
}

impl Denial {
    fn by(languages: u8, own: Lang) -> Self {
        if languages & bit(own) == 0 {
            Self::Foreign
        } else {
            Self::Own
        }
    }
}

/// The languages in which a word denies the sign; none if it is an everyday
/// word of the sign's own language that denies nothing there.
fn denying(role: Role, found: &Found) -> u8 {
    counting(role.denies, role, found)
}

/// The same for a word that denies what stands before it.
fn denying_before(role: Role, found: &Found) -> u8 {
    counting(role.denies_before, role, found)
}

const fn counting(denies: u8, role: Role, found: &Found) -> u8 {
    let own = bit(found.lang);
    if denies & own == 0 && role.harmless & own != 0 {
        0
    } else {
        denies
    }
}

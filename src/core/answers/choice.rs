//! One of the choices, or any number of them: by number, ordinal, label, or
//! another word people use for it.
//!
//! A choice is taken only when nothing else that bears meaning was said: "not
//! my child", "me and my child", "fever and a snake bite" are asked again.

use super::amount::amount_at;
use super::fold::{fold, folded_tokens, is_sign, tokens as cut};
use super::lexicon::{self, exact_at, filler_at};
use super::numerals::{number_at, ordinal_at};
use super::phrases::{Table, is_slip_of};
use super::{Choice, Misread, Value, denied, none, subject, told_age, yes_no};
use crate::core::lang::Lang;
use Lang::{En, Es, Fr, Pt, Sw};

static JOINERS: Table<()> = Table::of(&[
    (En, (), "and|or|plus|also|with|then"),
    (Fr, (), "et|ou|plus|aussi|avec|puis"),
    (Sw, (), "na|au|pia|pamoja na|halafu"),
    (Es, (), "y|o|e|u|mas|tambien|con|ademas"),
    (Pt, (), "e|ou|mais|tambem|com"),
]);

static ALL_OF_THEM: Table<()> = Table::of(&[
    (En, (), "all|all of them|all of these|everything"),
    (Fr, (), "tous|toutes|tout|tous les symptomes|tout cela"),
    (Sw, (), "yote|zote|vyote|dalili zote|yote hayo"),
    (Es, (), "todos|todas|todo|todos ellos"),
    (Pt, (), "todos|todas|tudo|todos eles"),
]);

/// What was met while reading.
#[derive(Default)]
struct Picked {
    places: Vec<usize>,
    out_of_range: bool,
    unknown: usize,
    negated: bool,
    joined: bool,
    range: bool,
    /// A number stands beside a label and means neither that label nor a time.
    doubtful: bool,
}

/// Reads exactly one choice.
pub(super) fn read_one(choices: &[Choice], folded: &str, lang: Lang) -> Result<Value, Misread> {
    let tokens = cut(folded);
    if let Some(place) = exact_label(choices, folded) {
        return one(choices, place);
    }
    if is_yes_no(choices)
        && let Some(answer) = by_yes_no(choices, folded, &tokens, lang)
    {
        return answer;
    }
    if folded.ends_with('?') || lexicon::is_question(folded, &tokens, lang) {
        return Err(Misread::Unclear);
    }
    let tokens = without_ages(&tokens, lang);
    let picked = pick(choices, &tokens, lang);
    match picked.places.as_slice() {
        _ if picked.negated || lexicon::is_unsure(&tokens, lang) => Err(Misread::Unclear),
        [] if picked.out_of_range => Err(Misread::NoSuchChoice),
        [] => near_label(choices, folded)
            .ok_or(Misread::Unclear)
            .and_then(|place| one(choices, place)),
        [place] if !picked.out_of_range && !picked.range => match (picked.unknown, picked.joined) {
            (0, _) => one(choices, *place),
            (_, true) => Err(Misread::Ambiguous),
            // What is left over may be the rest of the label, misspelt.
            (_, false) if near_label(choices, folded) == Some(*place) => one(choices, *place),
            (_, false) => Err(Misread::Unclear),
        },
        [_, ..] => Err(Misread::Ambiguous),
    }
}

/// Reads any number of choices; "none" is [`Value::Nothing`].
pub(super) fn read_any(choices: &[Choice], folded: &str, lang: Lang) -> Result<Value, Misread> {
    let tokens = cut(folded);
    if let Some(place) = exact_label(choices, folded) {
        return several(choices, vec![place]);
    }
    if folded.ends_with('?') || lexicon::is_question(folded, &tokens, lang) {
        return Err(Misread::Unclear);
    }
    let none = none::is_none(&tokens, lang) && !subject::speaks_of_either(&tokens, lang);
    if none || matches!(tokens.as_slice(), [zero] if zero == "0") {
        return Ok(Value::Nothing);
    }
    if exact_at(&ALL_OF_THEM, &tokens, 0, lang) == Some(tokens.len()) {
        return several(choices, (0..choices.len()).collect());
    }
    let picked = pick(choices, &tokens, lang);
    if lexicon::is_unsure(&tokens, lang) {
        return Err(Misread::Unclear);
    }
    if (picked.negated || picked.unknown > 0) && !picked.out_of_range && !picked.range {
        match denied::split(&all_labels(choices), &tokens, lang) {
            Some(there) if there.is_empty() => return Ok(Value::Nothing),
            Some(there) => return several(choices, there),
            None => {}
        }
    }
    if picked.places.is_empty() {
        if picked.out_of_range {
            return Err(Misread::NoSuchChoice);
        }
        let place = near_label(choices, folded).filter(|_| !picked.negated);
        several(choices, vec![place.ok_or(Misread::Unclear)?])
    } else if picked.out_of_range {
        Err(Misread::NoSuchChoice)
    } else if picked.negated || picked.range || picked.doubtful {
        Err(Misread::Ambiguous)
    } else if picked.unknown > 0 {
        Err(Misread::Unclear)
    } else {
        several(choices, picked.places)
    }
}

/// Whether a text says anything of these choices in the language, be it one of
/// them, several, a number, or that something is not so. What does may not be
/// tried as words of another language.
pub fn is_about(choices: &[Choice], text: &str, lang: Lang) -> bool {
    let tokens = folded_tokens(text);
    let picked = pick(choices, &tokens, lang);
    !picked.places.is_empty()
        || picked.out_of_range
        || picked.negated
        || yes_no::says_either(&tokens, lang)
}

/// The choice of which the whole text is a label, by id; nothing may stand
/// around it, and a single letter is none.
pub fn find_label<'a>(choices: &'a [Choice], text: &str) -> Option<&'a str> {
    let folded = fold(text);
    let letters = folded.chars().filter(|c| c.is_alphabetic()).count();
    let place = exact_label(choices, &folded).filter(|_| letters > 1)?;
    choices.get(place).map(|choice| choice.id.as_str())
}

fn all_labels(choices: &[Choice]) -> Vec<(usize, Vec<String>)> {
    let labels = labels(choices).map(|(place, label)| (place, folded_tokens(label)));
    labels.collect()
}

fn pick(choices: &[Choice], tokens: &[String], lang: Lang) -> Picked {
    let labels = all_labels(choices);
    let mut out = Picked::default();
    let mut numbers: Vec<Number> = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        if let Some((place, used)) = label_at(&labels, tokens, at)
            && !is_overtaken(&labels, tokens, at, used)
        {
            out.add(place);
            at += used;
        } else if lexicon::negation_at(tokens, at, lang) {
            out.negated = true;
            at += 1;
        } else if let Some((n, used)) =
            ordinal_at(tokens, at, lang).filter(|_| !is_article(tokens, at, lang))
        {
            let place = usize::try_from(n).ok().and_then(|n| n.checked_sub(1));
            numbers.push(Number {
                place: place.filter(|place| *place < choices.len()),
                counts_time: counts_time(tokens, at, lang),
            });
            at += used;
        } else if let Some(used) = exact_at(&JOINERS, tokens, at, lang) {
            out.joined = true;
            at += used;
        } else if let Some(used) = filler_at(tokens, at, lang) {
            at += used;
        } else {
            match tokens.get(at) {
                Some(sign) if sign == "-" => out.range = true,
                Some(sign) if is_sign(sign) => {}
                Some(_) | None => out.unknown += 1,
            }
            at += 1;
        }
    }
    out.weigh(&numbers);
    out.places.sort_unstable();
    out
}

/// A number as it was met, digits or words.
struct Number {
    /// The choice it would be.
    place: Option<usize>,
    counts_time: bool,
}

/// Whether a number tells an age or how long something lasts: "my child is 3",
/// "cough for 1 year".
fn counts_time(tokens: &[String], at: usize, lang: Lang) -> bool {
    let lasts = |at| amount_at(tokens, at, lang).is_some();
    lasts(at) || at.checked_sub(1).is_some_and(lasts) || told_age::is_bare_age(tokens, at, lang)
}

impl Picked {
    /// Numbers alone are choices. Beside a label one is an age or a time, or
    /// the label's own; what else it may be is asked.
    fn weigh(&mut self, numbers: &[Number]) {
        let named = self.places.clone();
        for number in numbers {
            match number.place {
                _ if number.counts_time && !named.is_empty() => {}
                Some(place) => {
                    self.doubtful |= !named.is_empty() && !named.contains(&place);
                    self.add(place);
                }
                None => self.out_of_range = true,
            }
        }
    }

    fn add(&mut self, place: usize) {
        if !self.places.contains(&place) {
            self.places.push(place);
        }
    }
}

/// "My baby, 2 months": the number is none of a choice.
fn without_ages(tokens: &[String], lang: Lang) -> Vec<String> {
    let mut out = Vec::new();
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        match told_age::age_at(tokens, at, lang) {
            Some(used) => at += used,
            None => {
                out.push(token.clone());
                at += 1;
            }
        }
    }
    out
}

/// "a child", "un enfant": the article is not the number one, unless another
/// number is joined to it.
fn is_article(tokens: &[String], at: usize, lang: Lang) -> bool {
    let article = tokens
        .get(at)
        .is_some_and(|t| matches!(t.as_str(), "un" | "une" | "una" | "um" | "uma"));
    let joined = exact_at(&JOINERS, tokens, at + 1, lang).is_some()
        || number_at(tokens, at + 1, lang).is_some();
    article && at + 1 < tokens.len() && !joined
}

fn labels(choices: &[Choice]) -> impl Iterator<Item = (usize, &str)> {
    choices.iter().enumerate().flat_map(|(place, choice)| {
        std::iter::once(choice.label.as_str())
            .chain(choice.also.iter().map(String::as_str))
            .map(move |label| (place, label))
    })
}

/// The choice whose longest label begins at `at`; two choices with the same
/// label there are no choice.
pub(super) fn label_at(
    labels: &[(usize, Vec<String>)],
    tokens: &[String],
    at: usize,
) -> Option<(usize, usize)> {
    let mut best: Option<(usize, usize)> = None;
    let here = tokens.get(at..).unwrap_or_default();
    for (place, label) in labels.iter().filter(|(_, label)| !label.is_empty()) {
        let used = match (here, label.as_slice()) {
            _ if here.starts_with(label) => Some(label.len()),
            ([word, ..], [label]) if label.chars().count() >= 6 && is_slip_of(word, label) => {
                Some(1)
            }
            _ => None,
        };
        if let Some(used) = used
            && best.is_none_or(|(_, most)| used > most)
        {
            best = Some((*place, used));
        }
    }
    best
}

/// Whether a label that begins inside this one reaches beyond it: in "para mi
/// hijo" the label "para mi" gives way to "mi hijo".
pub(super) fn is_overtaken(
    labels: &[(usize, Vec<String>)],
    tokens: &[String],
    at: usize,
    used: usize,
) -> bool {
    (at + 1..at + used).any(|inner| {
        label_at(labels, tokens, inner).is_some_and(|(_, more)| inner + more > at + used)
    })
}

/// The only choice whose label is the whole text; what is shown goes before
/// other words for it.
fn exact_label(choices: &[Choice], folded: &str) -> Option<usize> {
    let said = cut(folded);
    let is_said = |label: &str| !said.is_empty() && folded_tokens(label) == said;
    let mut shown = (0..).zip(choices).filter(|(_, c)| is_said(&c.label));
    if let (Some((place, _)), None) = (shown.next(), shown.next()) {
        return Some(place);
    }
    let mut places: Vec<usize> = labels(choices)
        .filter(|(_, label)| is_said(label))
        .map(|(place, _)| place)
        .collect();
    places.dedup();
    match places.as_slice() {
        [place] => Some(*place),
        _ => None,
    }
}

/// The only choice whose label is the whole text but for a slip or two.
fn near_label(choices: &[Choice], folded: &str) -> Option<usize> {
    let mut places: Vec<usize> = labels(choices)
        .filter(|(_, label)| {
            let label = fold(label);
            let length = label.chars().count();
            let slips = if length >= 9 { 2 } else { 1 };
            length >= 5
                && label.chars().next() == folded.chars().next()
                && label.len().abs_diff(folded.len()) <= 8
                && strsim::osa_distance(&label, folded) <= slips
        })
        .map(|(place, _)| place)
        .collect();
    places.dedup();
    match places.as_slice() {
        [place] => Some(*place),
        _ => None,
    }
}

fn is_yes_no(choices: &[Choice]) -> bool {
    let has = |id: &str| choices.iter().any(|choice| choice.id == id);
    choices.len() == 2 && has("yes") && has("no")
}

/// Choices called yes and no are read as such, so that "I do not agree" is
/// never taken for "agree". Numbers stay with the order of the choices.
fn by_yes_no(
    choices: &[Choice],
    folded: &str,
    tokens: &[String],
    lang: Lang,
) -> Option<Result<Value, Misread>> {
    if tokens
        .iter()
        .any(|t| t.starts_with(|c: char| c.is_ascii_digit()))
    {
        return None;
    }
    match yes_no::read(folded, lang) {
        Ok(Value::YesNo { yes }) => {
            let id = if yes { "yes" } else { "no" };
            let place = choices.iter().position(|choice| choice.id == id)?;
            Some(one(choices, place))
        }
        Err(Misread::Ambiguous) => Some(Err(Misread::Ambiguous)),
        Err(_) if lexicon::is_negated(tokens, lang) => Some(Err(Misread::Unclear)),
        Ok(_) | Err(_) => None,
    }
}

fn one(choices: &[Choice], place: usize) -> Result<Value, Misread> {
    let choice = choices.get(place).ok_or(Misread::NoSuchChoice)?;
    Ok(Value::One {
        id: choice.id.clone(),
    })
}

fn several(choices: &[Choice], places: Vec<usize>) -> Result<Value, Misread> {
    let ids = places
        .into_iter()
        .map(|place| choices.get(place).map(|choice| choice.id.clone()))
        .collect::<Option<Vec<String>>>()
        .ok_or(Misread::NoSuchChoice)?;
    Ok(Value::Several { ids })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_goes_before_another_choices_other_words() {
        let choice = |id: &str, label: &str, also: &[&str]| Choice {
            id: id.to_owned(),
            label: label.to_owned(),
            also: also.iter().map(|word| (*word).to_owned()).collect(),
        };
        let choices = [
            choice("fever", "Fever", &["cough", "hot"]),
            choice("cough", "Cough", &["hot"]),
        ];
        let one = |id: &str| Ok(Value::One { id: id.to_owned() });
        assert_eq!(read_one(&choices, "cough", En), one("cough"));
        assert_eq!(read_one(&choices, "fever", En), one("fever"));
        let any = read_any(&choices, "cough", En);
        let ids = vec!["cough".to_owned()];
        assert_eq!(any, Ok(Value::Several { ids }));
        assert_eq!(find_label(&choices, "hot"), None);
    }
}

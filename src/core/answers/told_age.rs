//! Ages that are told along with a trouble: "my child is 3 years old and has
//! fever", "bébé de 3 mois". They say nothing of how long the trouble lasts.

use super::amount::{Unit, amount_at};
use super::fold::folded_tokens;
use super::phrases::Table;
use crate::core::lang::Lang;
use Lang::{En, Es, Fr, Pt, Sw};

/// Words behind a length of time that make it an age.
const OLD: &[&str] = &["old", "olds", "yo"];
/// Words before it that always do.
const AGED: &[&str] = &["aged", "age", "agee", "edad", "idade", "umri"];
/// Words before years, which then are an age, and other units behind a person.
const OF: &[&str] = &["of", "de", "wa", "da", "mwenye"];
/// Before those, a length of time is only told more roughly.
const ROUGHLY: &[&str] = &[
    "cerca",
    "mas",
    "mais",
    "plus",
    "moins",
    "menos",
    "partir",
    "pres",
    "muda",
    "antes",
    "alrededor",
    "volta",
];

/// Whom nobody's age is told of: "it is 3 years", "il y a 3 ans".
const IT: &[&str] = &["it", "y", "ca", "cela"];

/// How people say what somebody's age is.
static IS: Table<()> = Table::of(&[
    (En, (), "is|am|im|hes|shes|has|have"),
    (Fr, (), "a|ai|jai|est"),
    (Sw, (), "ana|nina"),
    (Es, (), "tiene|tengo"),
    (Pt, (), "tem|tenho"),
]);

static PERSONS: Table<()> = Table::of(&[
    (
        En,
        (),
        "child|kid|baby|infant|newborn|son|daughter|boy|girl|man|woman|husband|wife|mother|father|sister|brother|patient|he|she",
    ),
    (
        Fr,
        (),
        "enfant|bebe|nourrisson|fils|fille|fillette|garcon|homme|femme|mari|mere|pere|soeur|frere|patient|patiente",
    ),
    (
        Sw,
        (),
        "mtoto|mwanangu|kichanga|kijana|binti|mvulana|msichana|mwanaume|mwanamke|mke|mume|mama|baba|mgonjwa|wangu",
    ),
    (
        Es,
        (),
        "hijo|hija|bebe|nino|nina|hombre|mujer|esposo|esposa|madre|padre|hermano|hermana|paciente",
    ),
    (
        Pt,
        (),
        "filho|filha|bebe|crianca|menino|menina|homem|mulher|marido|esposa|mae|pai|irmao|irma|paciente",
    ),
]);

fn is_one_of(table: &'static Table<()>, tokens: &[String], at: Option<usize>, lang: Lang) -> bool {
    at.is_some_and(|at| table.hits(tokens, at).any(|hit| hit.of == lang))
}

/// The age that stands at `at`: how many tokens it takes.
pub(super) fn age_at(tokens: &[String], at: usize, lang: Lang) -> Option<usize> {
    let (amount, used) = amount_at(tokens, at, lang)?;
    let word = |at: Option<usize>| at.and_then(|at| tokens.get(at)).map_or("", String::as_str);
    let (before, further) = (at.checked_sub(1), at.checked_sub(2));
    let years = amount.unit == Unit::Year;
    let long = years || amount.unit == Unit::Month;
    let inner = tokens.get(at..at + used).unwrap_or_default();
    let old = OLD.contains(&word(at.checked_add(used)))
        || inner.iter().any(|token| OLD.contains(&token.as_str()));
    let of = OF.contains(&word(before)) && !ROUGHLY.contains(&word(further));
    let is = is_one_of(&IS, tokens, before, lang) && !IT.contains(&word(further));
    let person = |at| is_one_of(&PERSONS, tokens, at, lang);
    let age = old
        || AGED.contains(&word(before))
        || of && (years || person(further))
        || is && (years || (long || word(before) == "is") && person(further))
        || long && person(before);
    age.then_some(used)
}

/// Whether a number without a unit is somebody's age: "my child is 3".
pub(super) fn is_bare_age(tokens: &[String], at: usize, lang: Lang) -> bool {
    let word = |back: usize| at.checked_sub(back).and_then(|at| tokens.get(at));
    let word = |back: usize| word(back).map_or("", String::as_str);
    let is = ["is", "am", "im", "hes", "shes"].contains(&word(1)) && !IT.contains(&word(2));
    is || AGED.contains(&word(1)) || is_one_of(&PERSONS, tokens, at.checked_sub(1), lang)
}

/// Whether an age stands among these words of a text.
pub(super) fn stands_in(words: &[&str], at: usize, used: usize, lang: Lang) -> bool {
    let (tokens, from, to) = span(words, at, used);
    (0..to).any(|start| age_at(&tokens, start, lang).is_some_and(|taken| from < start + taken))
}

/// The tokens of a text, and from where to where some words of it reach.
pub(super) fn span(words: &[&str], at: usize, used: usize) -> (Vec<String>, usize, usize) {
    let mut tokens: Vec<String> = Vec::new();
    let (mut from, mut to) = (0, 0);
    for (place, word) in words.iter().enumerate() {
        if place == at {
            from = tokens.len();
        }
        tokens.extend(folded_tokens(word));
        if place < at + used {
            to = tokens.len();
        }
    }
    (tokens, from, to)
}

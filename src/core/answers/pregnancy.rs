//! "5 months pregnant", "si mjamzito": answers to the question of a pregnancy
//! that say neither yes nor no.
//!
//! Every word must be understood; what was, may be or is tried for is asked
//! again.

use super::amount::amount_at;
use super::lexicon::{self, exact_at};
use super::numerals::number_at;
use super::phrases::Table;
use crate::core::lang::Lang;
use Lang::{En, Es, Fr, Pt, Sw};

static PREGNANT: Table<()> = Table::of(&[
    (En, (), "pregnant|pregnancy|expecting a baby"),
    (Fr, (), "enceinte|grossesse"),
    (
        Sw,
        (),
        "mjamzito|mja mzito|mimba|ujauzito|nimebeba mimba|amebeba mimba",
    ),
    (Es, (), "embarazada|embarazo|encinta|gestante|gestacion"),
    (Pt, (), "gravida|gravidez|gestante|gestacao"),
]);

/// Words around it that change nothing.
static AROUND: Table<()> = Table::of(&[
    (
        En,
        (),
        "i am|im|am|she is|shes|is|the patient is|patient is|yes|already|now|about|almost|of|for|and|with|a|the",
    ),
    (
        Fr,
        (),
        "je suis|je|suis|elle est|elle|est|la patiente|oui|deja|de|dune|une|en|environ|presque|actuellement|maintenant|et",
    ),
    (
        Sw,
        (),
        "ndiyo|ndio|mimi|ni|ana|nina|mgonjwa|mama|yeye|ya|wa|mwezi|tayari|sasa|kama|karibu|na",
    ),
    (
        Es,
        (),
        "si|estoy|esta|ella|la paciente|paciente|de|unos|como|casi|ya|ahora|tengo|tiene|con|y|un",
    ),
    (
        Pt,
        (),
        "sim|estou|esta|ela|a paciente|paciente|de|uns|quase|cerca|ja|agora|tenho|tem|com|e|uma",
    ),
]);

/// "Is she", "est-elle": these ask.
const ASKING: &[(&[&str], &[&str])] = &[
    (&["is", "am", "are"], &["she", "i", "the", "you"]),
    (&["est", "suis"], &["elle", "ce", "je", "la"]),
    (&["esta", "estoy", "estou"], &["ella", "ela", "la", "a"]),
];

const YES: &[&str] = &["yes", "oui", "ndiyo", "ndio", "si", "sim"];

/// Whether the words say that there is a pregnancy, or that there is none.
pub(super) fn state(tokens: &[String], lang: Lang) -> Option<bool> {
    if asks(tokens) {
        return None;
    }
    let (mut said, mut negated, mut counted) = (false, false, false);
    let mut at = 0;
    while at < tokens.len() {
        let hits = PREGNANT.hits(tokens, at);
        // "Si mjamzito" is a no in Swahili and looks like a yes in Spanish.
        let known = hits.filter(|hit| hit.of == lang || hit.used == tokens.len());
        if let Some(used) = known.map(|hit| hit.used).max() {
            said = true;
            at += used;
        } else if lexicon::negation_at(tokens, at, lang) {
            negated = true;
            at += 1;
        } else if let Some((_, used)) = amount_at(tokens, at, lang) {
            counted = true;
            at += used;
        } else if let Some(used) = exact_at(&AROUND, tokens, at, lang) {
            at += used;
        } else {
            let (_, used) = number_at(tokens, at, lang)?;
            counted = true;
            at += used;
        }
    }
    let yes = (tokens.iter()).any(|t| (t != "si" || lang == Es) && YES.contains(&t.as_str()));
    match (said, negated) {
        (true, false) => Some(true),
        // "No, 5 months pregnant" contradicts itself.
        (true, true) if !counted && !yes => Some(false),
        _ => None,
    }
}

fn asks(tokens: &[String]) -> bool {
    let [first, second, ..] = tokens else {
        return false;
    };
    ASKING.iter().any(|(verbs, persons)| {
        verbs.contains(&first.as_str()) && persons.contains(&second.as_str())
    })
}

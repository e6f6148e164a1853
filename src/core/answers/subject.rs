//! What an answer says it is about: "no medicines" leaves allergies open, and
//! "5 months pregnant" answers only whether there is a pregnancy.
//!
//! Nothing here is guessed from where an answer stands.

use super::fold::folded_tokens;
use super::lexicon::{FOREIGN_MIN, exact_at};
use super::none;
use super::phrases::Table;
use super::pregnancy;
use crate::core::lang::Lang;
use Lang::{En, Es, Fr, Pt, Sw};
use serde::{Deserialize, Serialize};

/// What a question is about whose answers name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// Allergies.
    Allergies,
    /// Medicines taken.
    Medicines,
    /// A pregnancy.
    Pregnancy,
}

/// Words that name a subject; none for something that is asked elsewhere.
static NAMES: Table<Option<Subject>> = Table::of(&[
    (En, Some(Subject::Allergies), "allergy|allergies|allergic"),
    (
        En,
        Some(Subject::Medicines),
        "medicine|medicines|medication|medications|meds|drug|drugs|pill|pills|tablet|tablets|treatment|take|takes|taking|use|using",
    ),
    (En, None, "symptom|symptoms|sign|signs|contact"),
    (
        Fr,
        Some(Subject::Allergies),
        "allergie|allergies|dallergie|dallergies|allergique|allergiques",
    ),
    (
        Fr,
        Some(Subject::Medicines),
        "medicament|medicaments|comprime|comprimes|traitement|remede|remedes|prends|prend|prendre|utilise",
    ),
    (Fr, None, "symptome|symptomes|signe|signes|contact"),
    (Sw, Some(Subject::Allergies), "mzio|mizio|aleji|allergy"),
    (
        Sw,
        Some(Subject::Medicines),
        "dawa|vidonge|matibabu|natumia|ninatumia|anatumia|situmii|hatumii|ninayotumia|ninazotumia|simezi|hamezi|sinywi",
    ),
    (Sw, None, "dalili|mtu"),
    (
        Es,
        Some(Subject::Allergies),
        "alergia|alergias|alergico|alergica",
    ),
    (
        Es,
        Some(Subject::Medicines),
        "medicina|medicinas|medicamento|medicamentos|medicacion|remedio|remedios|pastilla|pastillas|tratamiento|tomo|toma|tomando|uso",
    ),
    (Es, None, "sintoma|sintomas|contacto"),
    (
        Pt,
        Some(Subject::Allergies),
        "alergia|alergias|alergico|alergica",
    ),
    (
        Pt,
        Some(Subject::Medicines),
        "medicamento|medicamentos|medicacao|remedio|remedios|comprimido|comprimidos|tratamento|tomo|toma|tomando|uso",
    ),
    (Pt, None, "sintoma|sintomas|contacto|contato"),
]);

/// How people begin to tell what they take.
static TAKING: Table<()> = Table::of(&[
    (
        En,
        (),
        "i take|im taking|i am taking|taking|she takes|she is taking|he takes|i use|i am using|im using|yes i take",
    ),
    (
        Fr,
        (),
        "je prends|je prend|elle prend|il prend|on prend|jutilise|oui je prends",
    ),
    (
        Sw,
        (),
        "natumia|ninatumia|anatumia|nameza|ninameza|anameza|ndiyo natumia",
    ),
    (
        Es,
        (),
        "tomo|toma|yo tomo|ella toma|estoy tomando|esta tomando|tomando|si tomo",
    ),
    (
        Pt,
        (),
        "tomo|toma|eu tomo|ela toma|estou a tomar|esta a tomar|estou tomando|tomando|sim tomo",
    ),
]);

/// The subjects that are named. "Allergies to medicines" names allergies, "no
/// allergies or medicines" both.
fn named(tokens: &[String], lang: Lang) -> Vec<Option<Subject>> {
    let mut found: Vec<Option<Subject>> = Vec::new();
    let (mut at, mut apart, mut behind) = (0, true, 0);
    while at < tokens.len() {
        let hits = NAMES.hits(tokens, at);
        let known = hits.filter(|hit| hit.of == lang || hit.chars >= FOREIGN_MIN);
        if let Some(hit) = known.max_by_key(|hit| (hit.of == lang, hit.used)) {
            if lang == En && !apart && behind == at {
                // "Allergy tablets" are tablets.
                found.pop();
                found.push(hit.meaning);
            } else if apart && !found.contains(&hit.meaning) {
                found.push(hit.meaning);
            }
            apart = false;
            at += hit.used;
            behind = at;
        } else {
            let joined = exact_at(&none::JOINERS, tokens, at, lang).is_some();
            apart |= joined || none::begins_at(tokens, at, lang);
            at += 1;
        }
    }
    found
}

/// The subjects that a text is wholly about: it says that there is none, or
/// what is taken, or what is not borne, or whether there is a pregnancy.
fn told(tokens: &[String], lang: Lang) -> Vec<Option<Subject>> {
    if pregnancy::state(tokens, lang).is_some() {
        return vec![Some(Subject::Pregnancy)];
    }
    let named = named(tokens, lang);
    if none::is_none(tokens, lang) {
        return named;
    }
    let takes = exact_at(&TAKING, tokens, 0, lang).is_some();
    match named.as_slice() {
        [Some(Subject::Allergies)] => named,
        [Some(Subject::Medicines)] if takes => named,
        _ => Vec::new(),
    }
}

/// The subjects that a text says it is about.
pub(super) fn subjects(text: &str, lang: Lang) -> Vec<Subject> {
    told(&folded_tokens(text), lang)
        .into_iter()
        .flatten()
        .collect()
}

/// Whether a text says that it is about something else than this.
pub(super) fn is_of_another(tokens: &[String], about: Subject, lang: Lang) -> bool {
    let told = told(tokens, lang);
    !told.is_empty() && !told.contains(&Some(about))
}

/// Whether a text speaks of another subject than this one, beside it or alone.
pub(super) fn names_another(tokens: &[String], about: Subject, lang: Lang) -> bool {
    let named = named(tokens, lang);
    named.iter().any(|named| *named != Some(about))
}

/// Whether a text speaks of allergies or medicines at all.
pub(super) fn speaks_of_either(tokens: &[String], lang: Lang) -> bool {
    named(tokens, lang).iter().any(Option::is_some)
}

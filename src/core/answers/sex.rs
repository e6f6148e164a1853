//! Female, male or other, as words, letters or the number of the button
//! (1 female, 2 male, 3 other).
//!
//! "M" is asked again in Swahili, Spanish and Portuguese, where it stands for
//! either: mwanamke and mwanaume, mujer and masculino, mulher and masculino.

use super::fold::tokens as cut;
use super::lexicon::{self, FOREIGN_MIN, filler_at, phrase_at};
use super::numerals::digits;
use super::phrases::Table;
use super::{Misread, Value};
use crate::core::lang::Lang;
use Lang::{En, Es, Fr, Pt, Sw};

/// Ids of the answers, in the order of their numbers.
pub const SEX_IDS: [&str; 3] = ["female", "male", "other"];

static WORDS: Table<&'static str> = Table::of(&[
    (En, "female", "female|f|woman|girl|lady|fem|femal|women"),
    (En, "male", "male|m|man|boy|gentleman|guy|men"),
    (
        En,
        "other",
        "other|intersex|non binary|nonbinary|another|neither",
    ),
    (
        Fr,
        "female",
        "femme|f|fille|feminin|feminine|dame|fillette|sexe feminin|fem",
    ),
    (
        Fr,
        "male",
        "homme|h|m|garcon|masculin|masc|monsieur|mec|sexe masculin",
    ),
    (Fr, "other", "autre|intersexe|non binaire|ni lun ni lautre"),
    (
        Sw,
        "female",
        "mwanamke|mwanamuke|mke|kike|ke|msichana|wa kike|jike|mama|binti|f|jinsia ya kike|mwanamama",
    ),
    (
        Sw,
        "male",
        "mwanaume|mwanamume|mume|kiume|me|mvulana|wa kiume|dume|baba|kijana wa kiume|jinsia ya kiume",
    ),
    (Sw, "other", "nyingine|ingine|nyengine|huntha"),
    (
        Es,
        "female",
        "mujer|f|femenino|femenina|nina|chica|hembra|muchacha|senora|fem",
    ),
    (
        Es,
        "male",
        "hombre|h|masculino|nino|chico|varon|muchacho|senor|masc|macho",
    ),
    (Es, "other", "otro|otra|intersexual|no binario|no binaria"),
    (
        Pt,
        "female",
        "mulher|f|feminino|feminina|menina|rapariga|moca|senhora|femea|fem",
    ),
    (
        Pt,
        "male",
        "homem|h|masculino|menino|rapaz|senhor|macho|masc|moco",
    ),
    (Pt, "other", "outro|outra|intersexo|nao binario|nao binaria"),
]);

/// Reads a sex.
pub(super) fn read(folded: &str, lang: Lang) -> Result<Value, Misread> {
    let tokens = cut(folded);
    if folded.ends_with('?') || lexicon::is_question(folded, &tokens, lang) {
        return Err(Misread::Unclear);
    }
    if let [one] = tokens.as_slice() {
        if let Some(n) = digits(one) {
            return numbered(n);
        }
        if one == "m" && matches!(lang, Sw | Es | Pt) {
            return Err(Misread::Ambiguous);
        }
    }
    let mut found: Option<&str> = None;
    let mut at = 0;
    while at < tokens.len() {
        // "Nina" is "I have" in Swahili, and a girl in Spanish.
        let own = WORDS.hits(&tokens, at).any(|hit| hit.of == lang);
        let foreign_min = if !own && lexicon::is_own_filler(&tokens, at, lang) {
            usize::MAX
        } else {
            FOREIGN_MIN
        };
        if let Some((id, used)) = phrase_at(&WORDS, &tokens, at, lang, foreign_min) {
            if found.is_some_and(|other| other != id) {
                return Err(Misread::Ambiguous);
            }
            found = Some(id);
            at += used;
        } else if lexicon::is_or(&tokens, at) && found.is_some() {
            at += 1;
        } else if !lexicon::negation_at(&tokens, at, lang)
            && let Some(used) = filler_at(&tokens, at, lang)
        {
            at += used;
        } else {
            return Err(Misread::Unclear);
        }
    }
    found
        .map(|id| Value::One { id: id.to_owned() })
        .ok_or(Misread::Unclear)
}

fn numbered(n: u32) -> Result<Value, Misread> {
    let at = usize::try_from(n).ok().and_then(|n| n.checked_sub(1));
    at.and_then(|at| SEX_IDS.get(at))
        .map(|id| Value::One {
            id: (*id).to_owned(),
        })
        .ok_or(Misread::NoSuchChoice)
}

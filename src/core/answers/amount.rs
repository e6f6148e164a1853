//! Lengths of time as people write them: "2 ans et 3 mois", "miezi sita",
//! "a week", "2.5 years". It reads one length; what it means is up to others.

use super::lexicon::{FOREIGN_MIN, exact_at, phrase_at};
use super::numerals::{digits, number_at};
use super::phrases::Table;
use crate::core::lang::Lang;
use Lang::{En, Es, Fr, Pt, Sw};

/// A unit of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    Hour,
    Day,
    Week,
    Month,
    Year,
}

/// A number of units, and whether half a unit comes on top.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Amount {
    pub(super) n: u32,
    pub(super) half: bool,
    pub(super) unit: Unit,
}

static UNITS: Table<Unit> = Table::of(&[
    (En, Unit::Hour, "hour|hours|hr|hrs|minute|minutes|min|mins"),
    (En, Unit::Day, "day|days"),
    (En, Unit::Week, "week|weeks|wk|wks"),
    (En, Unit::Month, "month|months|mth|mths|mo"),
    (
        En,
        Unit::Year,
        "year|years|yr|yrs|y|yo|years old|year old|yrs old|year olds",
    ),
    (Fr, Unit::Hour, "heure|heures|h|minute|minutes"),
    (Fr, Unit::Day, "jour|jours|j|jrs"),
    (Fr, Unit::Week, "semaine|semaines|sem"),
    (Fr, Unit::Month, "mois"),
    (Fr, Unit::Year, "an|ans|annee|annees"),
    (Sw, Unit::Hour, "saa|masaa|dakika"),
    (Sw, Unit::Day, "siku"),
    (Sw, Unit::Week, "wiki|juma|majuma"),
    (Sw, Unit::Month, "mwezi|miezi"),
    (Sw, Unit::Year, "mwaka|miaka"),
    (Es, Unit::Hour, "hora|horas|minuto|minutos"),
    (Es, Unit::Day, "dia|dias"),
    (Es, Unit::Week, "semana|semanas"),
    (Es, Unit::Month, "mes|meses"),
    (Es, Unit::Year, "ano|anos|anitos"),
    (Pt, Unit::Hour, "hora|horas|minuto|minutos"),
    (Pt, Unit::Day, "dia|dias"),
    (Pt, Unit::Week, "semana|semanas"),
    (Pt, Unit::Month, "mes|meses"),
    (Pt, Unit::Year, "ano|anos|aninhos"),
]);

/// Swahili puts the number after the unit. These are known wherever Swahili is
/// spoken beside another language.
const UNIT_FIRST: &[&str] = &["siku", "wiki", "mwezi", "miezi", "mwaka", "miaka"];
/// These only in a conversation in Swahili: Juma is also a name.
const UNIT_FIRST_IN_SWAHILI: &[&str] = &["juma", "majuma", "saa", "masaa", "dakika"];

static HALF: Table<()> = Table::of(&[
    (En, (), "and a half|and half|and 1 2"),
    (Fr, (), "et demi|et demie|et demis"),
    (Sw, (), "na nusu"),
    (Es, (), "y medio|y media"),
    (Pt, (), "e meio|e meia"),
]);

/// The unit that begins at `at`, spelled exactly or with one slip.
pub(super) fn unit_at(tokens: &[String], at: usize, lang: Lang) -> Option<(Unit, usize)> {
    phrase_at(&UNITS, tokens, at, lang, FOREIGN_MIN)
}

/// The length of time that begins at `at`, and how many tokens it takes.
pub(super) fn amount_at(tokens: &[String], at: usize, lang: Lang) -> Option<(Amount, usize)> {
    if tokens.get(at).is_some_and(|t| is_unit_first(t, lang)) {
        let (unit, _) = unit_at(tokens, at, Sw)?;
        let (n, used) =
            number_at(tokens, at + 1, lang).or_else(|| number_at(tokens, at + 1, Sw))?;
        let (half, more) = half_at(tokens, at + 1 + used, lang);
        return Some((Amount { n, half, unit }, 1 + used + more));
    }
    if let Some(found) = decimal_at(tokens, at, lang) {
        return Some(found);
    }
    let (n, used) = number_at(tokens, at, lang).or_else(|| article_at(tokens, at))?;
    let (early_half, early) = half_at(tokens, at + used, lang);
    let (unit, unit_used) = unit_at(tokens, at + used + early, lang)?;
    let so_far = used + early + unit_used;
    let (late_half, late) = if early_half {
        (false, 0)
    } else {
        half_at(tokens, at + so_far, lang)
    };
    Some((
        Amount {
            n,
            half: early_half || late_half,
            unit,
        },
        so_far + late,
    ))
}

pub(super) fn is_unit_first(word: &str, lang: Lang) -> bool {
    UNIT_FIRST.contains(&word) || lang == Sw && UNIT_FIRST_IN_SWAHILI.contains(&word)
}

/// "2.5 years", "2,5 ans": only halves, since other fractions are slips.
fn decimal_at(tokens: &[String], at: usize, lang: Lang) -> Option<(Amount, usize)> {
    let n = digits(tokens.get(at)?)?;
    let point = tokens.get(at + 1).is_some_and(|t| t == "." || t == ",");
    let fraction = tokens.get(at + 2)?;
    if !point || fraction != "5" {
        return None;
    }
    let (unit, used) = unit_at(tokens, at + 3, lang)?;
    Some((
        Amount {
            n,
            half: true,
            unit,
        },
        3 + used,
    ))
}

fn article_at(tokens: &[String], at: usize) -> Option<(u32, usize)> {
    let article = ["a", "an", "un", "une", "una", "um", "uma", "dune", "dun"];
    tokens
        .get(at)
        .filter(|t| article.contains(&t.as_str()))
        .map(|_| (1, 1))
}

fn half_at(tokens: &[String], at: usize, lang: Lang) -> (bool, usize) {
    exact_at(&HALF, tokens, at, lang).map_or((false, 0), |used| (true, used))
}

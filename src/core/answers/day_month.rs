//! A day and month in digits among other words: "since 14/9" is a beginning,
//! "tension 14/9" is a blood pressure, and "3/4 jours" counts days.

use super::date::find_dates;
use super::lexicon::{exact_at, filler_at};
use super::phrases::Table;
use crate::core::lang::Lang;
use Lang::{En, Es, Fr, Pt, Sw};
use jiff::civil::Date;

/// Words that lead to the day something began on.
static BEGAN: Table<()> = Table::of(&[
    (En, (), "since|from|began|begun|started"),
    (
        Fr,
        (),
        "depuis|commence|debut|debute|a partir du|a partir de",
    ),
    (
        Sw,
        (),
        "tangu|toka|kuanzia|imeanza|ilianza|yalianza|yameanza|nimeanza|zimeanza",
    ),
    (Es, (), "desde|empezo|comenzo|a partir del|a partir de"),
    (Pt, (), "desde|comecou|a partir de|a partir do"),
]);

/// Whether a word like "since" stands right before `at`, or with words between
/// that bear no meaning: "desde el 15/3".
pub(super) fn is_led_to(tokens: &[String], at: usize, lang: Lang) -> bool {
    let ends = |at: usize| {
        let mut starts = (1..=3).filter_map(|used| Some((at.checked_sub(used)?, used)));
        starts.any(|(start, used)| exact_at(&BEGAN, tokens, start, lang) == Some(used))
    };
    let is_filler = |i: &usize| filler_at(tokens, *i, lang) == Some(1);
    let between = (0..at).rev().take_while(is_filler).take(2).count();
    (0..=between).any(|skipped| ends(at - skipped))
}

/// Whether some words of a text hold a day and month in digits that tell no
/// beginning there: "tension 14/9", "depuis 3/4 jours", "24/7".
pub(super) fn is_out_of_place(
    tokens: &[String],
    (from, to): (usize, usize),
    lang: Lang,
    today: Date,
) -> bool {
    let words = tokens.get(from..to).unwrap_or_default();
    let mut days = find_dates(words, lang, today).into_iter();
    days.any(|day| {
        let at = from + day.start;
        let whole = || find_dates(tokens, lang, today);
        day.is_short(words)
            && (!is_led_to(tokens, at, lang) || whole().iter().all(|found| found.start != at))
    })
}

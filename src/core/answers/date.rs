//! Calendar dates as people write them.
//!
//! The order is day, month, year in all five languages, English included,
//! because the clinics' countries write so; `03/15/1990` is taken as 15 March
//! since only one of the two can be a month. A year of two digits is the
//! latest one that does not lie ahead. A date that does not exist is never
//! bent into one that does.

use super::amount::{is_unit_first, unit_at};
use super::lexicon::{FOREIGN_MIN, phrase_at};
use super::numerals::{digits, ordinal_at};
use super::phrases::Table;
use super::{Misread, fold::is_sign};
use crate::core::lang::Lang;
use Lang::{En, Es, Fr, Pt, Sw};
use jiff::civil::Date;

/// Oldest age anybody alive can have, years.
pub(super) const YEARS_MAX: i16 = 120;

/// What of a date was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    Full(Date),
    /// Year and month.
    Month(i16, i8),
    Year(i16),
    /// Day and month without a year; the latest one that is not ahead.
    DayMonth(Date),
    /// A month's name alone.
    MonthOnly(i8),
}

/// A date in a row of tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) seen: Result<Seen, Misread>,
}

static MONTHS: Table<i8> = Table::of(&[
    (En, 1, "january|jan"),
    (En, 2, "february|feb"),
    (En, 3, "march|mar"),
    (En, 4, "april|apr"),
    (En, 5, "may"),
    (En, 6, "june|jun"),
    (En, 7, "july|jul"),
    (En, 8, "august|aug"),
    (En, 9, "september|sept|sep"),
    (En, 10, "october|oct"),
    (En, 11, "november|nov"),
    (En, 12, "december|dec"),
    (Fr, 1, "janvier|janv|jan"),
    (Fr, 2, "fevrier|fevr|fev"),
    (Fr, 3, "mars"),
    (Fr, 4, "avril|avr"),
    (Fr, 5, "mai"),
    (Fr, 6, "juin"),
    (Fr, 7, "juillet|juil"),
    (Fr, 8, "aout"),
    (Fr, 9, "septembre|sept|sep"),
    (Fr, 10, "octobre|oct"),
    (Fr, 11, "novembre|nov"),
    (Fr, 12, "decembre|dec"),
    (Sw, 1, "januari|jan"),
    (Sw, 2, "februari|feb"),
    (Sw, 3, "machi"),
    (Sw, 4, "aprili|apr"),
    (Sw, 5, "mei"),
    (Sw, 6, "juni"),
    (Sw, 7, "julai"),
    (Sw, 8, "agosti"),
    (Sw, 9, "septemba|sept"),
    (Sw, 10, "oktoba|okt"),
    (Sw, 11, "novemba|nov"),
    (Sw, 12, "desemba|des"),
    (Es, 1, "enero|ene"),
    (Es, 2, "febrero|feb"),
    (Es, 3, "marzo|mar"),
    (Es, 4, "abril|abr"),
    (Es, 5, "mayo|may"),
    (Es, 6, "junio|jun"),
    (Es, 7, "julio|jul"),
    (Es, 8, "agosto|ago"),
    (Es, 9, "septiembre|setiembre|sept|sep"),
    (Es, 10, "octubre|oct"),
    (Es, 11, "noviembre|nov"),
    (Es, 12, "diciembre|dic"),
    (Pt, 1, "janeiro|jan"),
    (Pt, 2, "fevereiro|fev"),
    (Pt, 3, "marco|mar"),
    (Pt, 4, "abril|abr"),
    (Pt, 5, "maio|mai"),
    (Pt, 6, "junho|jun"),
    (Pt, 7, "julho|jul"),
    (Pt, 8, "agosto|ago"),
    (Pt, 9, "setembro|set"),
    (Pt, 10, "outubro|out"),
    (Pt, 11, "novembro|nov"),
    (Pt, 12, "dezembro|dez"),
]);

/// Words between the parts of a date.
const LINKS: &[&str] = &[
    "of", "the", "de", "del", "do", "ya", "wa", "mwaka", "ano", "d", "in", "en", "em",
];

impl Found {
    /// Whether it is two numbers with a stroke, as a blood pressure may be.
    pub(super) fn is_short(&self, tokens: &[String]) -> bool {
        let stroke = tokens.get(self.start + 1).is_some_and(|sign| sign == "/");
        stroke && self.end == self.start + 3 && matches!(self.seen, Ok(Seen::DayMonth(_)))
    }
}

/// Every date in the tokens, from left to right, not overlapping.
pub(super) fn find_dates(tokens: &[String], lang: Lang, today: Date) -> Vec<Found> {
    let mut out = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        match date_at(tokens, at, lang, today) {
            Some((seen, used)) => {
                out.push(Found {
                    start: at,
                    end: at + used,
                    seen,
                });
                at += used;
            }
            None => at += 1,
        }
    }
    out
}

/// Checks that a date lies within a lifetime before `today`.
pub(super) fn within_a_life(date: Date, today: Date) -> Result<Date, Misread> {
    if date > today {
        Err(Misread::InFuture)
    } else if i32::from(today.year()) - i32::from(date.year()) > i32::from(YEARS_MAX) {
        Err(Misread::TooOld)
    } else {
        Ok(date)
    }
}

type Read = (Result<Seen, Misread>, usize);

fn date_at(tokens: &[String], at: usize, lang: Lang, today: Date) -> Option<Read> {
    numeric_at(tokens, at, lang, today)
        .or_else(|| day_month_at(tokens, at, lang, today))
        .or_else(|| month_first_at(tokens, at, lang, today))
        .or_else(|| glued_at(tokens, at, today))
        .or_else(|| year_at(tokens, at, today))
}

/// `15/3/90`, `1990-03-15`, `15.03.1990`, `15 3 1990`, `03/1990`, `15/3`.
fn numeric_at(tokens: &[String], at: usize, lang: Lang, today: Date) -> Option<Read> {
    let part = |i: usize| tokens.get(at + i).map(String::as_str);
    let first = part(0).filter(|t| digits(t).is_some())?;
    let sign = part(1)?;
    if !is_sign(sign) || sign == "," {
        let (second, third) = (part(1)?, part(2)?);
        let spaced = first.len() <= 2 && second.len() <= 2 && third.len() == 4;
        let date = spaced.then(|| three_parts(first, second, third, today))??;
        return Some((date, 3));
    }
    let second = part(2).filter(|t| digits(t).is_some())?;
    if let (Some(next), Some(third)) = (part(3), part(4))
        && next == sign
        && let Some(date) = three_parts(first, second, third, today)
    {
        return Some((date, 5));
    }
    if second.len() == 4 && first.len() <= 2 {
        let seen = month_of_year(digits(first)?, digits(second)?, today);
        return Some((seen, 3));
    }
    // "3/4 jours" is three or four days; "15/3 mwaka huu" is of this year.
    let behind = part(3).filter(|word| !is_unit_first(word, lang));
    let counts = behind.is_some() && unit_at(tokens, at + 3, lang).is_some();
    if sign == "/" && first.len() <= 2 && second.len() <= 2 && !counts {
        return Some((day_of_month(digits(first)?, digits(second)?, today), 3));
    }
    None
}

/// Three numbers, of which the year is the first if it has four digits.
fn three_parts(a: &str, b: &str, c: &str, today: Date) -> Option<Result<Seen, Misread>> {
    let (x, y, z) = (digits(a)?, digits(b)?, digits(c)?);
    Some(if a.len() == 4 {
        full(x, y, z, today)
    } else if c.len() == 4 || c.len() == 2 {
        let (month, day) = if y > 12 && x <= 12 { (x, y) } else { (y, x) };
        two_digit_year(c.len(), z, month, day, today)
    } else {
        Err(Misread::BadDate)
    })
}

/// Eight digits in a row, day first or year first, if only one can be meant.
fn glued_at(tokens: &[String], at: usize, today: Date) -> Option<Read> {
    let text = tokens
        .get(at)
        .filter(|t| t.len() == 8 && digits(t).is_some())?;
    let cut = |from: usize, to: usize| text.get(from..to).and_then(digits);
    let day_first = full(cut(4, 8)?, cut(2, 4)?, cut(0, 2)?, today);
    let year_first = full(cut(0, 4)?, cut(4, 6)?, cut(6, 8)?, today);
    let seen = match (day_first, year_first) {
        (Ok(_), Ok(_)) => Err(Misread::BadDate),
        (Ok(seen), Err(_)) | (Err(_), Ok(seen)) => Ok(seen),
        (Err(why), Err(_)) => Err(why),
    };
    Some((seen, 1))
}

/// "15 mars 1990", "1er mars", "tarehe 3 mwezi wa tano mwaka 1990".
fn day_month_at(tokens: &[String], at: usize, lang: Lang, today: Date) -> Option<Read> {
    let (day, day_used) = ordinal_at(tokens, at, lang)?;
    let mut next = at + day_used;
    next += links(tokens, next);
    let (month, month_used) = month_at(tokens, next, lang)?;
    next += month_used;
    Some(with_year(tokens, at, next, month, Some(day), today))
}

/// "March 15, 1990", "mars 1990", "March".
fn month_first_at(tokens: &[String], at: usize, lang: Lang, today: Date) -> Option<Read> {
    let (month, month_used) = month_at(tokens, at, lang)?;
    let next = at + month_used;
    if let Some((day, used)) = ordinal_at(tokens, next, lang)
        && (1..=31).contains(&day)
        && tokens.get(next).is_some_and(|t| t.len() <= 2)
    {
        let after = next + used;
        // A date in words with two numbers behind the month has its day first.
        if lang == En || year_token(tokens, after).is_some() {
            return Some(with_year(tokens, at, after, month, Some(day), today));
        }
    }
    Some(with_year(tokens, at, next, month, None, today))
}

fn with_year(
    tokens: &[String],
    start: usize,
    next: usize,
    month: i8,
    day: Option<u32>,
    today: Date,
) -> Read {
    let skip = links(tokens, next);
    let month_number = u32::from(month.unsigned_abs());
    match (year_token(tokens, next + skip), day) {
        (Some((year, len)), Some(day)) => (
            two_digit_year(len, year, month_number, day, today),
            next + skip + 1 - start,
        ),
        (Some((year, 4)), None) => (
            month_of_year(month_number, year, today),
            next + skip + 1 - start,
        ),
        (None, Some(day)) => (day_of_month(day, month_number, today), next - start),
        (_, None) => (Ok(Seen::MonthOnly(month)), next - start),
    }
}

/// A year of four digits, or of two behind a day and a month.
fn year_token(tokens: &[String], at: usize) -> Option<(u32, usize)> {
    let text = tokens.get(at)?;
    let value = digits(text)?;
    matches!(text.len(), 2 | 4).then_some((value, text.len()))
}

fn links(tokens: &[String], at: usize) -> usize {
    (0..3)
        .take_while(|i| {
            tokens
                .get(at + i)
                .is_some_and(|t| LINKS.contains(&t.as_str()))
        })
        .count()
}

/// A month's name, or Swahili "mwezi wa tatu" (the third month).
fn month_at(tokens: &[String], at: usize, lang: Lang) -> Option<(i8, usize)> {
    let word = |i: usize| tokens.get(at + i).map(String::as_str);
    if word(0) == Some("mwezi") && word(1) == Some("wa") {
        let (month, used) = ordinal_at(tokens, at + 2, Sw)?;
        let month = i8::try_from(month).ok().filter(|m| (1..=12).contains(m))?;
        return Some((month, 2 + used));
    }
    phrase_at(&MONTHS, tokens, at, lang, FOREIGN_MIN)
}

fn year_at(tokens: &[String], at: usize, today: Date) -> Option<Read> {
    let text = tokens.get(at).filter(|t| t.len() == 4)?;
    let year = digits(text).filter(|y| (1000..=2999).contains(y))?;
    Some((check_year(year, today).map(Seen::Year), 1))
}

fn check_year(year: u32, today: Date) -> Result<i16, Misread> {
    let year = i16::try_from(year).map_err(|_| Misread::BadDate)?;
    if year > today.year() {
        Err(Misread::InFuture)
    } else if year < today.year().saturating_sub(YEARS_MAX) {
        Err(Misread::TooOld)
    } else {
        Ok(year)
    }
}

fn month_of_year(month: u32, year: u32, today: Date) -> Result<Seen, Misread> {
    let month = i8::try_from(month)
        .ok()
        .filter(|m| (1..=12).contains(m))
        .ok_or(Misread::BadDate)?;
    let year = check_year(year, today)?;
    if (year, month) > (today.year(), today.month()) {
        return Err(Misread::InFuture);
    }
    Ok(Seen::Month(year, month))
}

fn civil(year: i16, month: u32, day: u32) -> Result<Date, Misread> {
    let month = i8::try_from(month).map_err(|_| Misread::BadDate)?;
    let day = i8::try_from(day).map_err(|_| Misread::BadDate)?;
    Date::new(year, month, day).map_err(|_| Misread::BadDate)
}

fn full(year: u32, month: u32, day: u32, today: Date) -> Result<Seen, Misread> {
    let year = i16::try_from(year).map_err(|_| Misread::BadDate)?;
    within_a_life(civil(year, month, day)?, today).map(Seen::Full)
}

fn two_digit_year(
    len: usize,
    year: u32,
    month: u32,
    day: u32,
    today: Date,
) -> Result<Seen, Misread> {
    if len == 4 {
        return full(year, month, day, today);
    }
    let century = u32::from(today.year().unsigned_abs()) / 100 * 100;
    match full(century + year, month, day, today) {
        Ok(seen) => Ok(seen),
        Err(_) => full(century.saturating_sub(100) + year, month, day, today),
    }
}

/// The latest such day that does not lie ahead; 29 February may be years ago.
fn day_of_month(day: u32, month: u32, today: Date) -> Result<Seen, Misread> {
    (0..=8)
        .filter_map(|back| civil(today.year().saturating_sub(back), month, day).ok())
        .find(|date| *date <= today)
        .map(Seen::DayMonth)
        .ok_or(Misread::BadDate)
}

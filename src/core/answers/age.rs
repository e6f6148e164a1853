//! A date of birth or an age, whichever the person gives.
//!
//! Every word must be understood: one unknown word, a second number or a
//! "since" makes the answer be asked again, because a length of illness read
//! as an age would be a wrong record.

use super::amount::{Amount, Unit, amount_at};
use super::date::{Found, Seen, YEARS_MAX, find_dates};
use super::fold::{is_sign, tokens as cut};
use super::lexicon::{self, FOREIGN_MIN, filler_at};
use super::numerals::number_at;
use super::phrases::{Hit, Table};
use super::{Misread, Value};
use crate::core::lang::Lang;
use Lang::{En, Es, Fr, Pt, Sw};
use jiff::civil::Date;

/// Reads a date of birth, part of one, or an age.
pub(super) fn read(folded: &str, lang: Lang, today: Date) -> Result<Value, Misread> {
    let tokens = cut(folded);
    if folded.starts_with('-')
        || lexicon::is_question(folded, &tokens, lang)
        || folded.ends_with('?')
    {
        return Err(Misread::Unclear);
    }
    let dates: Vec<Found> = find_dates(&tokens, lang, today)
        .into_iter()
        .filter(|found| !is_count_of_units(&tokens, found, lang))
        .collect();
    let mut age = Tally::default();
    let mut at = 0;
    while at < tokens.len() {
        if let Some(found) = dates.iter().find(|found| found.start == at) {
            at = found.end;
        } else if let Some((amount, used)) =
            amount_at(&tokens, at, lang).filter(|(_, used)| !names_juma(&tokens, at, *used))
        {
            if is_lasting(&tokens, at, at + used, lang) {
                return Err(Misread::Unclear);
            }
            age.add(amount)?;
            at += used;
        } else if let Some((n, used)) =
            number_at(&tokens, at, lang).filter(|_| !is_article(&tokens, at))
        {
            age.add_bare(n)?;
            at += used;
        } else if tokens.get(at).is_some_and(|t| is_sign(t)) || lexicon::is_or(&tokens, at) {
            at += 1;
        } else {
            at += filler_at(&tokens, at, lang).ok_or(Misread::Unclear)?;
        }
    }
    let age = age.finish()?;
    match (dates.as_slice(), age) {
        ([], Some(age)) => Ok(age.value()),
        ([date], None) => birth(date.seen?),
        ([date], Some(age)) => agree(date.seen?, age, today),
        ([], None) => Err(Misread::Unclear),
        ([first, second, ..], _) => {
            first.seen?;
            second.seen?;
            Err(Misread::Ambiguous)
        }
    }
}

/// Words before a length of time or a date that tell since when or for how long
/// something lasts.
static LASTING: Table<()> = Table::of(&[
    (En, (), "since|for|for the|during|past|last|the last"),
    (
        Fr,
        (),
        "depuis|depuis le|il y a|y a|ca fait|cela fait|pendant|durant|pour",
    ),
    (
        Sw,
        (),
        "tangu|toka|kuanzia|kwa|kwa muda wa|muda wa|kwa siku|yapata",
    ),
    (Es, (), "hace|desde|desde hace|durante|por|llevo|lleva"),
    (Pt, (), "ha|faz|desde|desde ha|durante|por|ja faz|ja ha"),
]);

/// Words behind it that do so.
static GONE_BY: Table<()> = Table::of(&[
    (En, (), "ago|back"),
    (Fr, (), "passes|passees"),
    (
        Sw,
        (),
        "zilizopita|iliyopita|uliopita|iliopita|yaliyopita|zimepita",
    ),
    (Es, (), "atras"),
    (Pt, (), "atras"),
]);

/// What may stand between "for" and the time.
const ROUGHLY: &[&str] = &[
    "about", "almost", "more", "than", "over", "around", "plus", "de", "environ", "presque",
    "kama", "karibu", "zaidi", "ya", "mas", "como", "casi", "unos", "unas", "mais", "cerca",
    "quase", "uns", "umas", "le", "the", "el", "o",
];

/// Whether the time at these tokens is said to last or to have gone by: it is
/// nobody's age or birth.
pub(super) fn is_lasting(tokens: &[String], from: usize, to: usize, lang: Lang) -> bool {
    let rough = |at: &usize| {
        tokens
            .get(*at)
            .is_some_and(|t| ROUGHLY.contains(&t.as_str()))
    };
    let skipped = (0..from).rev().take_while(rough).count();
    let ends = (from - skipped)..=from;
    let before = ends.into_iter().any(|end| {
        let starts = end.saturating_sub(3)..end;
        starts.into_iter().any(|start| {
            LASTING
                .hits(tokens, start)
                .any(|hit| counts(&hit, lang) && start + hit.used == end)
        })
    });
    before || GONE_BY.hits(tokens, to).any(|hit| counts(&hit, lang))
}

fn counts(hit: &Hit<()>, lang: Lang) -> bool {
    hit.of == lang || hit.chars >= FOREIGN_MIN
}

/// Juma is a week, and far more often somebody's name: in an age it is no week.
pub(super) fn names_juma(tokens: &[String], at: usize, used: usize) -> bool {
    let words = tokens.get(at..at + used).unwrap_or_default();
    words
        .iter()
        .any(|t| t.starts_with("juma") || t.starts_with("majum"))
}

/// "1990 days" is no year.
fn is_count_of_units(tokens: &[String], found: &Found, lang: Lang) -> bool {
    matches!(found.seen, Ok(Seen::Year(_)))
        && super::amount::unit_at(tokens, found.end, lang)
            .is_some_and(|_| amount_at(tokens, found.start, lang).is_some())
}

/// "un", "una", "uma" in front of a noun is no age of one.
fn is_article(tokens: &[String], at: usize) -> bool {
    tokens.len() > 1
        && tokens
            .get(at)
            .is_some_and(|t| matches!(t.as_str(), "un" | "une" | "una" | "um" | "uma" | "one"))
}

fn birth(seen: Seen) -> Result<Value, Misread> {
    match seen {
        Seen::Full(date) => Ok(Value::Date {
            date: date.to_string().into(),
        }),
        Seen::Month(year, month) => Ok(Value::PartialDate {
            date: format!("{year:04}-{month:02}").into(),
        }),
        Seen::Year(year) => Ok(Value::PartialDate {
            date: format!("{year:04}").into(),
        }),
        Seen::DayMonth(_) | Seen::MonthOnly(_) => Err(Misread::Unclear),
    }
}

/// A date and an age together must tell the same story, give or take the
/// birthday of this year.
fn agree(seen: Seen, age: Age, today: Date) -> Result<Value, Misread> {
    let year = match seen {
        Seen::Full(date) => date.year(),
        Seen::Month(year, _) | Seen::Year(year) => year,
        Seen::DayMonth(_) | Seen::MonthOnly(_) => return Err(Misread::Unclear),
    };
    let most = i32::from(today.year()) - i32::from(year);
    let years = i32::from(age.years);
    if years == most || years + 1 == most {
        birth(seen)
    } else {
        Err(Misread::Ambiguous)
    }
}

#[derive(Clone, Copy)]
struct Age {
    years: u16,
    months: Option<u8>,
    days: Option<u16>,
}

impl Age {
    const fn value(self) -> Value {
        Value::Age {
            years: self.years,
            months: self.months,
            days: self.days,
        }
    }
}

/// The parts of an age met so far.
#[derive(Default)]
struct Tally {
    bare: Option<u32>,
    years: Option<u32>,
    months: Option<u32>,
    days: Option<u32>,
    half: bool,
}

impl Tally {
    fn add_bare(&mut self, n: u32) -> Result<(), Misread> {
        set(&mut self.bare, n)
    }

    fn add(&mut self, amount: Amount) -> Result<(), Misread> {
        let (place, n) = match amount.unit {
            Unit::Year => (&mut self.years, amount.n),
            Unit::Month => (&mut self.months, amount.n),
            Unit::Week => (&mut self.days, amount.n.saturating_mul(7)),
            Unit::Day => (&mut self.days, amount.n),
            // "Wait 5 minutes" is far more often said than an age in hours.
            Unit::Hour => return Err(Misread::Unclear),
        };
        self.half |= amount.half && amount.unit == Unit::Year;
        set(place, n)
    }

    /// The age, if the parts fit together.
    fn finish(self) -> Result<Option<Age>, Misread> {
        let years = match (self.bare, self.years) {
            (Some(bare), Some(years)) if bare != years => return Err(Misread::Ambiguous),
            (Some(0), None) => return Err(Misread::Unclear),
            (Some(_), None) if self.months.is_some() || self.days.is_some() => {
                return Err(Misread::Ambiguous);
            }
            (bare, years) => years.or(bare),
        };
        let days = match (years, self.months, self.days) {
            (None | Some(0), None, Some(days)) => u16::try_from(days).ok(),
            _ => None,
        };
        let (years, months) = match (years, self.months, self.days) {
            (None, None, None) => return Ok(None),
            (Some(years), None, None) => (years, self.half.then_some(6)),
            (Some(years), Some(months), _) if months < 12 => (years, Some(months)),
            (Some(_), Some(_), _) | (Some(1..), None, Some(_)) => return Err(Misread::Unclear),
            (None, Some(months), _) if months <= 120 => (months / 12, Some(months % 12)),
            (None, Some(_), _) => return Err(Misread::Unclear),
            (None | Some(0), None, Some(days)) if days <= 730 => {
                let months = days * 12 / 365;
                (months / 12, Some(months % 12))
            }
            (None | Some(0), None, Some(_)) => return Err(Misread::Unclear),
        };
        if years > u32::from(YEARS_MAX.unsigned_abs()) {
            return Err(Misread::TooOld);
        }
        Ok(Some(Age {
            years: u16::try_from(years).map_err(|_| Misread::TooOld)?,
            months: months.and_then(|m| u8::try_from(m).ok()),
            days,
        }))
    }
}

fn set(place: &mut Option<u32>, n: u32) -> Result<(), Misread> {
    match place {
        Some(before) if *before != n => Err(Misread::Ambiguous),
        _ => {
            *place = Some(n);
            Ok(())
        }
    }
}

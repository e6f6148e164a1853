//! Since when: a date, a weekday, "three days ago", "il y a une semaine".
//!
//! The date kept is the earliest day that the words allow with certainty of
//! unit: "since March" is 1 March, "for two years" is this day two years ago.
//! The words themselves are kept beside it, so that staff see how rough it is.

use super::amount::{Amount, Unit, amount_at};
use super::date::{Seen, find_dates, within_a_life};
use super::day_month::is_led_to;
use super::fold::{is_sign, tidy, tokens as cut};
use super::lexicon::{self, FOREIGN_MIN, exact_at, filler_at, phrase_at};
use super::phrases::Table;
use super::{Misread, Value, told_age};
use crate::core::lang::Lang;
use Lang::{En, Es, Fr, Pt, Sw};
use jiff::ToSpan;
use jiff::civil::{Date, Weekday};

/// Days back from today.
static RELATIVE: Table<i64> = Table::of(&[
    (
        En,
        0,
        "today|now|just now|this morning|this afternoon|this evening|tonight|right now",
    ),
    (
        En,
        1,
        "yesterday|last night|yesterday morning|yesterday evening|yesterday night|yesterday afternoon",
    ),
    (En, 2, "day before yesterday|the day before yesterday"),
    (En, -1, "tomorrow|next week|next month"),
    (
        Fr,
        0,
        "aujourdhui|aujourd hui|maintenant|ce matin|ce soir|cet apres midi|cette nuit|a linstant|tout a lheure",
    ),
    (
        Fr,
        1,
        "hier|hier soir|hier matin|hier apres midi|la nuit derniere|hier nuit|la veille",
    ),
    (Fr, 2, "avant hier|avanthier"),
    (Fr, -1, "demain|la semaine prochaine|apres demain"),
    (
        Sw,
        0,
        "leo|sasa|sasa hivi|asubuhi hii|leo asubuhi|leo mchana|leo jioni|leo usiku|asubuhi ya leo",
    ),
    (
        Sw,
        1,
        "jana|jana usiku|jana asubuhi|jana jioni|jana mchana|usiku wa jana|usiku wa kuamkia leo",
    ),
    (Sw, 2, "juzi|juzi usiku|juzi asubuhi|juzi jioni"),
    (Sw, 3, "mtondo uliopita"),
    (Sw, -1, "kesho|kesho kutwa|wiki ijayo"),
    (
        Es,
        0,
        "hoy|ahora|ahorita|esta manana|esta tarde|esta noche|hoy mismo|ahora mismo|hoy en la manana",
    ),
    (
        Es,
        1,
        "ayer|anoche|ayer por la noche|ayer por la manana|ayer en la noche|ayer en la tarde|ayer por la tarde|ayer en la manana",
    ),
    (Es, 2, "anteayer|antier|antes de ayer|anteanoche|antenoche"),
    (
        Es,
        -1,
        "manana|pasado manana|la semana que viene|la proxima semana",
    ),
    (
        Pt,
        0,
        "hoje|agora|esta manha|hoje de manha|esta tarde|esta noite|agora mesmo|hoje cedo",
    ),
    (
        Pt,
        1,
        "ontem|ontem a noite|ontem de manha|ontem a tarde|ontem de noite|noite passada|ontem de tarde",
    ),
    (Pt, 2, "anteontem|antes de ontem|antontem"),
    (
        Pt,
        -1,
        "amanha|depois de amanha|semana que vem|na proxima semana",
    ),
]);

static LAST: Table<Unit> = Table::of(&[
    (En, Unit::Week, "last week|the past week|past week"),
    (En, Unit::Month, "last month|past month"),
    (En, Unit::Year, "last year"),
    (Fr, Unit::Week, "semaine derniere|semaine passee"),
    (Fr, Unit::Month, "mois dernier|mois passe"),
    (
        Fr,
        Unit::Year,
        "annee derniere|lannee derniere|annee passee|lannee passee|lan dernier|an dernier|an passe",
    ),
    (
        Sw,
        Unit::Week,
        "wiki iliyopita|wiki jana|juma lililopita|wiki ilopita",
    ),
    (Sw, Unit::Month, "mwezi uliopita|mwezi jana|mwezi ulopita"),
    (Sw, Unit::Year, "mwaka jana|mwaka uliopita"),
    (Es, Unit::Week, "semana pasada|ultima semana"),
    (Es, Unit::Month, "mes pasado|ultimo mes"),
    (Es, Unit::Year, "ano pasado"),
    (Pt, Unit::Week, "semana passada|ultima semana"),
    (Pt, Unit::Month, "mes passado|ultimo mes"),
    (Pt, Unit::Year, "ano passado"),
]);

static WEEKDAYS: Table<Weekday> = Table::of(&[
    (En, Weekday::Monday, "monday|mon"),
    (En, Weekday::Tuesday, "tuesday|tue|tues"),
    (En, Weekday::Wednesday, "wednesday|wed"),
    (En, Weekday::Thursday, "thursday|thu|thurs"),
    (En, Weekday::Friday, "friday|fri"),
    (En, Weekday::Saturday, "saturday|sat"),
    (En, Weekday::Sunday, "sunday|sun"),
    (Fr, Weekday::Monday, "lundi"),
    (Fr, Weekday::Tuesday, "mardi"),
    (Fr, Weekday::Wednesday, "mercredi"),
    (Fr, Weekday::Thursday, "jeudi"),
    (Fr, Weekday::Friday, "vendredi"),
    (Fr, Weekday::Saturday, "samedi"),
    (Fr, Weekday::Sunday, "dimanche"),
    (Sw, Weekday::Monday, "jumatatu|j3"),
    (Sw, Weekday::Tuesday, "jumanne"),
    (Sw, Weekday::Wednesday, "jumatano"),
    (Sw, Weekday::Thursday, "alhamisi"),
    (Sw, Weekday::Friday, "ijumaa"),
    (Sw, Weekday::Saturday, "jumamosi"),
    (Sw, Weekday::Sunday, "jumapili"),
    (Es, Weekday::Monday, "lunes"),
    (Es, Weekday::Tuesday, "martes"),
    (Es, Weekday::Wednesday, "miercoles"),
    (Es, Weekday::Thursday, "jueves"),
    (Es, Weekday::Friday, "viernes"),
    (Es, Weekday::Saturday, "sabado"),
    (Es, Weekday::Sunday, "domingo"),
    (Pt, Weekday::Monday, "segunda|segunda feira"),
    (Pt, Weekday::Tuesday, "terca|terca feira"),
    (Pt, Weekday::Wednesday, "quarta|quarta feira"),
    (Pt, Weekday::Thursday, "quinta|quinta feira"),
    (Pt, Weekday::Friday, "sexta|sexta feira"),
    (Pt, Weekday::Saturday, "sabado"),
    (Pt, Weekday::Sunday, "domingo"),
]);

/// Words that show that a time is told, around which other words may stand.
static MARKERS: Table<()> = Table::of(&[
    (
        En,
        (),
        "since|ago|for|more than|for over|started|began|begun|it began|it started|from|last|back|past",
    ),
    (
        Fr,
        (),
        "depuis|depuis plus de|il y a plus de|il y a|ya|y a|ca fait|cela fait|fait|a commence|commence|debut|debute|dernier|derniere|passe|depuis le|ca dure",
    ),
    (
        Sw,
        (),
        "tangu|zilizopita|iliyopita|uliopita|iliopita|lililopita|kuanzia|toka|imeanza|ilianza|yalianza|yameanza|nimeanza|zimepita|sasa|kwa muda wa|muda wa|zaidi ya|nyuma|hadi",
    ),
    (
        Es,
        (),
        "hace|desde|desde hace|hace como|hace mas de|desde hace mas de|empezo|comenzo|pasado|pasada|llevo|lleva|atras|a partir de|ya van|van",
    ),
    (
        Pt,
        (),
        "ha|faz|desde|ha cerca de|ha mais de|faz mais de|comecou|passado|passada|atras|a partir de|ja faz|ja ha|tem|dura ha",
    ),
]);

/// Reads since when something is so.
pub(super) fn read(text: &str, folded: &str, lang: Lang, today: Date) -> Result<Value, Misread> {
    let tokens = cut(folded);
    if folded.ends_with('?')
        || lexicon::is_question(folded, &tokens, lang)
        || lexicon::is_unsure(&tokens, lang)
        || negated(&tokens, lang)
    {
        return Err(Misread::Unclear);
    }
    let scan = scan(&tokens, lang, today);
    if scan.unknown > 0 && !(scan.marked && scan.unknown <= 8) || scan.numbers > 0 {
        let two = scan.numbers > 0 && !scan.dates.is_empty();
        return Err(if two {
            Misread::Ambiguous
        } else {
            Misread::Unclear
        });
    }
    let mut dates = scan.dates.into_iter();
    let first = dates.next().ok_or(Misread::Unclear)??;
    for other in dates {
        if other? != first {
            return Err(Misread::Ambiguous);
        }
    }
    let date = within_a_life(first, today)?;
    Ok(Value::Since {
        date: date.to_string().into(),
        said: tidy(text).into(),
    })
}

/// Swahili "si" and French "ne" turn it round; "no" in Portuguese does not.
fn negated(tokens: &[String], lang: Lang) -> bool {
    lexicon::is_negated(tokens, lang)
}

/// Whether words other than those of time stand in it: on a page they are
/// another answer.
pub(super) fn has_other_words(folded: &str, lang: Lang, today: Date) -> bool {
    scan(&cut(folded), lang, today).unknown > 0
}

/// Whether a word shows that a time is told: "since", "ago", "il y a".
pub(super) fn is_marked(folded: &str, lang: Lang, today: Date) -> bool {
    scan(&cut(folded), lang, today).marked
}

/// Words that begin a time and, unlike others of [`MARKERS`], no complaint:
/// "back pain" and "tem febre" are complaints.
static SINCE: Table<()> = Table::of(&[
    (En, (), "since"),
    (Fr, (), "depuis|il y a|ca fait|cela fait"),
    (Sw, (), "tangu|toka"),
    (Es, (), "desde|hace"),
    (Pt, (), "desde|faz"),
]);

/// Whether it begins as a time does: "since", "il y a".
pub(super) fn begins_like_a_time(folded: &str, lang: Lang) -> bool {
    exact_at(&SINCE, &cut(folded), 0, lang).is_some()
}

struct Scan {
    dates: Vec<Result<Date, Misread>>,
    marked: bool,
    /// Words that could not be placed.
    unknown: usize,
    /// Numbers that belong to nothing.
    numbers: usize,
}

fn scan(tokens: &[String], lang: Lang, today: Date) -> Scan {
    let mut out = Scan {
        dates: Vec::new(),
        marked: false,
        unknown: 0,
        numbers: 0,
    };
    let found = find_dates(tokens, lang, today);
    let mut loose = 0;
    let mut at = 0;
    while at < tokens.len() {
        if let Some(used) = told_age::age_at(tokens, at, lang) {
            out.unknown += 1;
            at += used;
        } else if let Some((date, used)) = spoken_at(tokens, at, lang, today) {
            out.dates.push(date);
            at += used;
        } else if let Some(date) = found.iter().find(|f| f.start == at) {
            loose += usize::from(date.is_short(tokens) && !is_led_to(tokens, at, lang));
            out.dates
                .push(date.seen.and_then(|seen| first_day(seen, today)));
            at = date.end;
        } else if let Some(used) = exact_at(&MARKERS, tokens, at, lang) {
            out.marked = true;
            at += used;
        } else if let Some(used) = filler_at(tokens, at, lang) {
            at += used;
        } else {
            let token = tokens.get(at).map(String::as_str).unwrap_or_default();
            if token.starts_with(|c: char| c.is_ascii_digit()) {
                out.numbers += 1;
            } else if !is_sign(token) && !lexicon::is_or(tokens, at) {
                out.unknown += 1;
            }
            at += 1;
        }
    }
    // Beside other words a day and month may be anything: a blood pressure.
    if out.unknown > 0 {
        out.numbers += loose;
    }
    out
}

/// Words for a day: "yesterday", "last week", "3 days", "Monday".
fn spoken_at(
    tokens: &[String],
    at: usize,
    lang: Lang,
    today: Date,
) -> Option<(Result<Date, Misread>, usize)> {
    if let Some((unit, used)) = phrase_at(&LAST, tokens, at, lang, FOREIGN_MIN) {
        return Some((
            back(
                Amount {
                    n: 1,
                    half: false,
                    unit,
                },
                today,
            ),
            used,
        ));
    }
    if let Some((days, used)) = phrase_at(&RELATIVE, tokens, at, lang, FOREIGN_MIN) {
        let date = if days < 0 {
            Err(Misread::InFuture)
        } else {
            today.checked_sub(days.days()).map_err(|_| Misread::TooOld)
        };
        return Some((date, used));
    }
    if let Some((weekday, used)) = phrase_at(&WEEKDAYS, tokens, at, lang, FOREIGN_MIN) {
        let behind = i64::from(today.weekday().since(weekday));
        let date = match (behind, is_last(tokens, at, used)) {
            (0, false) => Err(Misread::Ambiguous),
            (0, true) => today.checked_sub(7.days()).map_err(|_| Misread::TooOld),
            (days, _) => today.checked_sub(days.days()).map_err(|_| Misread::TooOld),
        };
        return Some((date, used));
    }
    let (amount, used) = amount_at(tokens, at, lang)?;
    Some((back(amount, today), used))
}

/// Whether "last" stands beside a weekday.
fn is_last(tokens: &[String], at: usize, used: usize) -> bool {
    let words = [
        "last",
        "dernier",
        "passe",
        "iliyopita",
        "pasado",
        "passado",
        "passada",
        "uliopita",
    ];
    let beside = [at.checked_sub(1), at.checked_add(used)];
    beside
        .into_iter()
        .flatten()
        .filter_map(|i| tokens.get(i))
        .any(|t| words.contains(&t.as_str()))
}

fn back(amount: Amount, today: Date) -> Result<Date, Misread> {
    let n = i64::from(amount.n.min(100_000));
    let span = match amount.unit {
        Unit::Hour => (n / 24).days(),
        Unit::Day => n.days(),
        Unit::Week => (n * 7 + if amount.half { 3 } else { 0 }).days(),
        Unit::Month => months_and_days(n, if amount.half { 15 } else { 0 })?,
        Unit::Year => months_and_days(n * 12 + if amount.half { 6 } else { 0 }, 0)?,
    };
    today.checked_sub(span).map_err(|_| Misread::TooOld)
}

fn months_and_days(months: i64, days: i64) -> Result<jiff::Span, Misread> {
    jiff::Span::new()
        .try_months(months)
        .and_then(|span| span.try_days(days))
        .map_err(|_| Misread::TooOld)
}

fn first_day(seen: Seen, today: Date) -> Result<Date, Misread> {
    match seen {
        Seen::Full(date) | Seen::DayMonth(date) => Ok(date),
        Seen::Month(year, month) => Date::new(year, month, 1).map_err(|_| Misread::BadDate),
        Seen::Year(year) => Date::new(year, 1, 1).map_err(|_| Misread::BadDate),
        Seen::MonthOnly(month) => {
            let year = if month > today.month() {
                today.year().saturating_sub(1)
            } else {
                today.year()
            };
            Date::new(year, month, 1).map_err(|_| Misread::BadDate)
        }
    }
}

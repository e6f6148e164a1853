//! Answers as people might write them: how they are made, and what must hold
//! for any of them. An input is a line with the question and a text below it.

use super::rng::Rng;
use super::{driver, mutate};
use healthpost::core::answers::{
    Choice, Kind, Misread, SEX_IDS, Subject, Value, fold, may_be_answer, read, read_command,
    read_language, read_page,
};
use healthpost::core::lang::Lang;
use healthpost::core::triage::find_danger;
use jiff::civil::Date;
use std::sync::LazyLock;

/// Characters an answer may have; see the table of limits.
const CHARS_MAX: usize = healthpost::core::limits::ANSWER_CHARS_MAX;
/// Years nobody alive has.
const YEARS_MAX: i16 = 121;
const KINDS: usize = 11;
const DAYS: [&str; 6] = [
    "2026-11-18",
    "2026-01-01",
    "2024-02-29",
    "2026-12-31",
    "1970-01-01",
    "2026-03-31",
];
const COUNTRIES: [&str; 5] = ["CD", "TZ", "HT", "GB", "xx"];

const WORDS: &[&str] = &[
    "0",
    "1",
    "12",
    "31",
    "90",
    "1990",
    "2026",
    "2027",
    "120",
    "121",
    "65536",
    "4294967296",
    "/",
    "-",
    ".",
    ",",
    ":",
    ";",
    "\n",
    "?",
    "'",
    "’",
    " ",
    "\u{a0}",
    "\u{200b}",
    "\u{202e}",
    "\u{301}",
    "\0",
    "\u{feff}",
    "\u{1f44d}\u{1f3ff}",
    "👩‍👧",
    "½",
    "²",
    "٣",
    "１",
    "İ",
    "ß",
    "ﬁ",
    "née",
    "ans",
    "mois",
    "jours",
    "il y a",
    "depuis",
    "hier",
    "demain",
    "lundi",
    "mars",
    "oui",
    "non",
    "aucun",
    "mais",
    "ou",
    "et",
    "years",
    "ago",
    "since",
    "yesterday",
    "tomorrow",
    "last",
    "yes",
    "no",
    "none",
    "not",
    "and",
    "or",
    "weeks",
    "miaka",
    "siku",
    "tangu",
    "jana",
    "kesho",
    "ndiyo",
    "hapana",
    "hakuna",
    "wiki",
    "años",
    "hace",
    "desde",
    "ayer",
    "mañana",
    "sí",
    "ninguno",
    "anos",
    "há",
    "ontem",
    "amanhã",
    "sim",
    "não",
    "nenhum",
    "half",
    "demi",
    "nusu",
    "fever",
    "femme",
    "mume",
    "Marie",
    "+243",
    "00243",
    "0810000002",
    "name:",
    "age",
    "1)",
    "2)",
    "stop",
    "respire",
    "breathe",
    "sang",
    "convulsions",
    "quatre-vingt",
    "veinte",
    "mille",
    "hundred",
    "elfu",
];

/// The texts that inputs are made of: the kept ones, and every text of the
/// tables of answers and danger signs.
pub struct Seeds {
    kept: Vec<String>,
    all: Vec<String>,
}

impl Seeds {
    pub fn load() -> Self {
        let kept: Vec<String> = driver::corpus("answers")
            .iter()
            .flat_map(|file| {
                String::from_utf8_lossy(file)
                    .lines()
                    .map(str::to_owned)
                    .collect::<Vec<_>>()
            })
            .collect();
        let mut all = kept.clone();
        for table in [
            include_str!("../answers/en.toml"),
            include_str!("../answers/fr.toml"),
            include_str!("../answers/sw.toml"),
            include_str!("../answers/es.toml"),
            include_str!("../answers/pt.toml"),
            include_str!("../danger/en.toml"),
            include_str!("../danger/fr.toml"),
            include_str!("../danger/sw.toml"),
            include_str!("../danger/es.toml"),
            include_str!("../danger/pt.toml"),
        ] {
            texts(&toml::from_str(table).unwrap(), &mut all);
        }
        assert!(all.len() > 3_000, "the tables give the texts");
        Self { kept, all }
    }

    /// Each kept text as the answer to each question in each language.
    pub fn replayed(&self) -> Vec<Vec<u8>> {
        let mut inputs = Vec::new();
        for text in &self.kept {
            for choice in 0..KINDS * Lang::ALL.len() {
                inputs.push(
                    Case {
                        kind: choice % KINDS,
                        lang: choice / KINDS,
                        day: 0,
                        country: 0,
                        text: text.clone(),
                    }
                    .bytes(),
                );
            }
        }
        inputs
    }

    pub fn make(&self, rng: &mut Rng) -> Vec<u8> {
        let mut text = rng.pick(&self.all).clone();
        for _ in 0..rng.below(4) {
            text = match rng.below(6) {
                0 => self.splice(rng, &text),
                1 | 2 => changed_word(rng, &text),
                3 => changed_char(rng, &text),
                4 => {
                    let mut bytes = text.into_bytes();
                    let other = rng.pick(&self.all).as_bytes();
                    mutate::bytes(rng, &mut bytes, other, WORDS);
                    String::from_utf8_lossy(&bytes).into_owned()
                }
                _ if rng.once_in(40) => text.repeat(1 + rng.below(60)),
                _ => format!(
                    "{text}{}{}",
                    rng.pick(&[" ", ", ", "\n", "; "]),
                    rng.pick(&self.all)
                ),
            };
        }
        let (kind, lang) = (rng.below(KINDS), rng.below(Lang::ALL.len()));
        Case {
            kind,
            lang,
            day: rng.below(DAYS.len()),
            country: rng.below(COUNTRIES.len()),
            text,
        }
        .bytes()
    }

    fn splice(&self, rng: &mut Rng, text: &str) -> String {
        let other = rng.pick(&self.all);
        let head = rng.below(text.chars().count() + 1);
        let tail = rng.below(other.chars().count() + 1);
        text.chars()
            .take(head)
            .chain(other.chars().skip(tail))
            .collect()
    }
}

fn texts(value: &toml::Value, to: &mut Vec<String>) {
    match value {
        toml::Value::String(text) => to.push(text.clone()),
        toml::Value::Array(list) => list.iter().for_each(|it| texts(it, to)),
        toml::Value::Table(table) => table.values().for_each(|it| texts(it, to)),
        _ => {}
    }
}

fn changed_word(rng: &mut Rng, text: &str) -> String {
    let mut words: Vec<&str> = text.split(' ').collect();
    let at = rng.below(words.len());
    let to = rng.below(words.len());
    match rng.below(4) {
        0 => drop(words.remove(at)),
        1 => words.insert(at, *rng.pick(WORDS)),
        2 => words.swap(at, to),
        _ => {
            if let Some(word) = words.get_mut(at) {
                *word = *rng.pick(WORDS);
            }
        }
    }
    words.join(" ")
}

fn changed_char(rng: &mut Rng, text: &str) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    let at = rng.below(chars.len());
    let new = match rng.below(3) {
        0 => char::from_u32(u32::try_from(rng.below(0x11_0000)).unwrap_or(0)).unwrap_or('x'),
        1 => char::from(b'a' + u8::try_from(rng.below(26)).unwrap_or(0)),
        _ => rng.pick(WORDS).chars().next().unwrap_or(' '),
    };
    match rng.below(4) {
        0 => chars.insert(at, new),
        _ if chars.is_empty() => chars.push(new),
        1 => drop(chars.remove(at)),
        2 => chars[at] = new,
        _ => {
            let to = rng.below(chars.len());
            chars.swap(at, to);
        }
    }
    chars.into_iter().collect()
}

/// A question and what was written to it.
struct Case {
    kind: usize,
    lang: usize,
    day: usize,
    country: usize,
    text: String,
}

impl Case {
    fn bytes(&self) -> Vec<u8> {
        format!(
            "{} {} {} {}\n{}",
            self.kind, self.lang, self.day, self.country, self.text
        )
        .into_bytes()
    }

    fn of(input: &[u8]) -> Self {
        let input = String::from_utf8_lossy(input);
        let (head, text) = input.split_once('\n').expect("a line with the question");
        let mut numbers = head.split(' ').map(|number| number.parse().unwrap());
        let mut next = || numbers.next().expect("four numbers");
        Self {
            kind: next(),
            lang: next(),
            day: next(),
            country: next(),
            text: text.to_owned(),
        }
    }
}

fn choices() -> Vec<Choice> {
    let choice = |id: &str, label: &str, also: &[&str]| Choice {
        id: id.to_owned(),
        label: label.to_owned(),
        also: also.iter().map(|it| (*it).to_owned()).collect(),
    };
    vec![
        choice("fever", "Fièvre", &["homa", "fiebre", "febre", "fever"]),
        choice("cough", "Toux", &["cough", "tos", "tosse", "kikohozi"]),
        choice("breathing", "Respire mal", &["hard to breathe"]),
    ]
}

fn kind(number: usize) -> Kind {
    match number {
        0 => Kind::Name,
        1 => Kind::BirthOrAge,
        2 => Kind::Sex,
        3 => Kind::Locality,
        4 => Kind::FreeText,
        5 => Kind::FreeTextOrNone {
            about: Some(Subject::Allergies),
        },
        6 => Kind::Onset,
        7 => Kind::YesNo {
            about: Some(Subject::Pregnancy),
        },
        8 => Kind::OneOf { choices: choices() },
        9 => Kind::AnyOf { choices: choices() },
        _ => Kind::EmergencyContact,
    }
}

/// Every kind of question, by its number.
static ASKED: LazyLock<Vec<Kind>> = LazyLock::new(|| (0..KINDS).map(kind).collect());

/// The questions of the page that begins with a kind.
static PAGES: LazyLock<Vec<Vec<Kind>>> = LazyLock::new(|| {
    let page = |first: usize| match first.is_multiple_of(2) {
        true => (0..4).map(kind).collect(),
        false => [first, 5, 7].map(kind).into(),
    };
    (0..KINDS).map(page).collect()
});

/// Whatever the text: a value of the kind that was asked for and within its
/// bounds, or a reason to ask again; the same each time.
pub fn check(input: &[u8]) {
    let case = Case::of(input);
    let (text, lang) = (case.text.as_str(), Lang::ALL[case.lang]);
    let today: Date = DAYS[case.day].parse().unwrap();
    let country = COUNTRIES[case.country];
    let asked = &ASKED[case.kind];
    let answer = read(asked, text, lang, today, country);
    assert!(
        text.chars().count() <= CHARS_MAX || answer == Err(Misread::TooLong),
        "too long, and not said so"
    );
    within(asked, text, today, &answer);
    let command = read_command(text, lang);
    assert!(command.is_none() || text.len() <= 200);
    may_be_answer(asked, text);
    // What costs more is asked of fewer.
    match text.len() % 4 {
        0 => {
            let danger = find_danger(text, Some(lang));
            if danger.is_some() {
                assert!(
                    find_danger(text, None).is_some(),
                    "less is known, so no less is found"
                );
            }
        }
        1 => {
            let folded = fold(text);
            assert_eq!(fold(&folded), folded);
            assert_eq!(
                read(asked, text, lang, today, country),
                answer,
                "two readings of one text"
            );
            read_language(text);
        }
        2 => page(case.kind, text, lang, today, country),
        _ => {}
    }
}

fn page(first: usize, text: &str, lang: Lang, today: Date, country: &str) {
    let kinds = &PAGES[first];
    let answers = read_page(kinds, text, lang, today, country);
    assert_eq!(answers.len(), kinds.len(), "an answer to each question");
    // A number or a label before an answer is no part of it; twice as many
    // letters as an answer may have are more than both.
    let letters = |line: &str| line.chars().filter(|c| c.is_alphanumeric()).count();
    let mut written = text
        .split(['\n', '\r', '\u{2028}', '\u{2029}'])
        .map(letters)
        .filter(|letters| *letters > 0)
        .peekable();
    let said = written.peek().is_some();
    if said && written.all(|letters| letters > 2 * CHARS_MAX) {
        let told = answers.iter().all(|it| *it == Err(Misread::TooLong));
        assert!(told, "every line too long, and not said so");
    }
    for (kind, answer) in kinds.iter().zip(&answers) {
        if let Ok(Value::Text { text }) = answer {
            let long = text.as_str().chars().count() > CHARS_MAX;
            assert!(!long, "longer than an answer may be");
        }
        within(kind, text, today, answer);
    }
}

fn within(asked: &Kind, text: &str, today: Date, answer: &Result<Value, Misread>) {
    let Ok(value) = answer else { return };
    match (asked, value) {
        (
            Kind::Name | Kind::Locality | Kind::FreeText | Kind::FreeTextOrNone { .. },
            Value::Text { text: words },
        ) => {
            tidy(words.as_str(), text);
        }
        (
            Kind::FreeTextOrNone { .. } | Kind::AnyOf { .. } | Kind::EmergencyContact,
            Value::Nothing,
        ) => {}
        (Kind::BirthOrAge, Value::Date { date }) => past(date.as_str(), today),
        (Kind::BirthOrAge, Value::PartialDate { date }) => {
            let (year, month) = date
                .as_str()
                .split_once('-')
                .unwrap_or((date.as_str(), "01"));
            past(&format!("{year}-{month}-01"), today);
        }
        (
            Kind::BirthOrAge,
            Value::Age {
                years,
                months,
                days,
            },
        ) => {
            assert!(
                *years <= 120
                    && months.is_none_or(|months| months < 12)
                    && days.is_none_or(|days| days <= 730),
                "{years} years, {months:?} months, {days:?} days"
            );
        }
        (Kind::Onset, Value::Since { date, said }) => {
            past(date.as_str(), today);
            tidy(said.as_str(), text);
        }
        (Kind::YesNo { .. }, Value::YesNo { .. }) => {}
        (Kind::Sex, Value::One { id }) => assert!(SEX_IDS.contains(&id.as_str()), "{id}"),
        (Kind::OneOf { choices }, Value::One { id }) => {
            assert!(choices.iter().any(|c| c.id == *id), "{id}")
        }
        (Kind::AnyOf { choices }, Value::Several { ids }) => {
            let places: Vec<usize> = ids
                .iter()
                .filter_map(|id| choices.iter().position(|c| c.id == *id))
                .collect();
            assert!(places.len() == ids.len() && !ids.is_empty(), "{ids:?}");
            assert!(
                places.is_sorted_by(|a, b| a < b),
                "in the order of the question, once each: {ids:?}"
            );
        }
        (Kind::EmergencyContact, Value::Contact { name, phone }) => {
            let digits = phone.as_str();
            assert!(
                (7..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit()),
                "{digits}"
            );
            if let Some(name) = name {
                tidy(name.as_str(), text);
            }
        }
        _ => panic!("{asked:?} gave {value:?}"),
    }
}

/// A date of the calendar, of somebody alive, not ahead.
fn past(date: &str, today: Date) {
    let date: Date = date.parse().expect("an ISO date");
    assert!(date <= today, "{date} lies ahead of {today}");
    assert!(
        today.year() - date.year() <= YEARS_MAX,
        "{date} is too long ago"
    );
}

/// Words fit for a record: something, in one line, and all of it the writer's.
fn tidy(words: &str, written: &str) {
    assert!(!words.is_empty() && words.trim() == words, "{words:?}");
    assert!(
        !words.contains("  ") && !words.chars().any(char::is_control),
        "{words:?}"
    );
    // What was written in several lines is one answer with commas.
    assert!(
        words
            .chars()
            .all(|c| matches!(c, ' ' | ',') || written.contains(c)),
        "{words:?} was never written"
    );
}

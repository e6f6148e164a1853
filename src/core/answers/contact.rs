//! A person to call: a number, written nationally or with a country code, and
//! a name if there is one.
//!
//! A number that does not fit the clinic's country or the country it names is
//! asked again; it is never padded, cut or guessed.

use super::calling_codes::{find_plan, plans_of};
use super::fold::{fold, tidy, tokens as cut};
use super::lexicon;
use super::{Misread, Value, name, none};
use crate::core::lang::Lang;
use crate::core::phone::parse_international;
use crate::core::private::Private;

/// Fewest digits a run must have to be meant as a telephone number.
const PHONE_DIGITS_MIN: usize = 6;

/// Words about the telephone, which are no part of a name.
const LABELS: &[&str] = &[
    "tel",
    "phone",
    "telephone",
    "number",
    "no",
    "num",
    "numero",
    "mobile",
    "cell",
    "cel",
    "celular",
    "simu",
    "namba",
    "nambari",
    "ya",
    "telefono",
    "telefone",
    "movil",
    "telemovel",
    "whatsapp",
    "call",
    "appelez",
    "appeler",
    "piga",
    "llame",
    "llamar",
    "llamen",
    "ligue",
    "ligar",
    "contact",
    "contacto",
    "contato",
    "name",
    "nom",
    "jina",
    "nombre",
    "nome",
    "is",
    "est",
    "ni",
    "es",
    "e",
    "at",
    "au",
    "al",
    "on",
    "sur",
    "kwa",
    "a",
    "o",
    "el",
    "le",
    "la",
    "please",
    "svp",
    "tafadhali",
    "nr",
    "fone",
    "tlf",
    "his",
    "her",
    "son",
    "su",
    "the",
    "and",
    "et",
    "na",
    "y",
    "tf",
    "ligar para",
    "para",
    "de",
];

/// Reads a contact, or none.
pub(super) fn read(text: &str, folded: &str, lang: Lang, country: &str) -> Result<Value, Misread> {
    let tokens = cut(folded);
    let runs = find_runs(&plain_digits(text));
    match runs.as_slice() {
        [] if digits_of(folded).len() >= 2 => Err(Misread::BadPhone),
        [] if none::is_none(&tokens, lang) => Ok(Value::Nothing),
        [] => {
            // A name alone: what is missing is the number, and that is said.
            let name = name::read_name(text, folded, lang);
            Err(if name.is_ok() {
                Misread::BadPhone
            } else {
                Misread::Unclear
            })
        }
        [run] => {
            if folded.ends_with('?') || lexicon::is_unsure(&tokens, lang) {
                return Err(Misread::Unclear);
            }
            let phone = international(&run.digits, run.plus, country)?;
            Ok(Value::Contact {
                name: name_beside(&run.rest),
                phone,
            })
        }
        [_, ..] => Err(Misread::Ambiguous),
    }
}

/// A run of digits that is meant as a number, and the words around it.
struct Run {
    digits: String,
    plus: bool,
    rest: String,
}

fn plain_digits(text: &str) -> String {
    text.chars()
        .map(|c| {
            let folded = fold(c.encode_utf8(&mut [0; 4]));
            match folded.as_bytes() {
                [digit] if digit.is_ascii_digit() && !c.is_alphabetic() => char::from(*digit),
                _ if c == '＋' => '+',
                _ => c,
            }
        })
        .collect()
}

fn digits_of(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}

/// Runs of at least six digits, with the marks people put between them.
fn find_runs(text: &str) -> Vec<Run> {
    let chars: Vec<char> = text.chars().collect();
    let mut out = Vec::new();
    let mut at = 0;
    while let Some(c) = chars.get(at) {
        if c.is_ascii_digit() || (matches!(c, '+' | '(') && digit_soon(&chars, at)) {
            let end = run_end(&chars, at);
            let piece: String = chars.get(at..end).unwrap_or_default().iter().collect();
            let digits = digits_of(&piece);
            if digits.len() >= PHONE_DIGITS_MIN {
                let rest = chars
                    .iter()
                    .take(at)
                    .chain([&' '])
                    .chain(chars.iter().skip(end))
                    .collect();
                out.push(Run {
                    digits,
                    plus: piece.starts_with('+') || piece.starts_with("(+"),
                    rest,
                });
            }
            at = end;
        } else {
            at += 1;
        }
    }
    out
}

fn digit_soon(chars: &[char], at: usize) -> bool {
    chars.iter().skip(at + 1).take(2).any(char::is_ascii_digit)
}

/// Where the run that begins at `start` ends: behind its last digit before
/// anything that is not a digit or one or two marks between digits. A plus
/// begins another number.
fn run_end(chars: &[char], start: usize) -> usize {
    let mut end = start;
    let mut gap = 0;
    for (at, c) in chars.iter().enumerate().skip(start) {
        if c.is_ascii_digit() {
            end = at + 1;
            gap = 0;
        } else if *c == '+' && at > start && end > start {
            break;
        } else if matches!(c, ' ' | '-' | '.' | '(' | ')' | '+' | '\u{a0}' | '‑' | '–') && gap < 3
        {
            gap += 1;
        } else {
            break;
        }
    }
    end.max(start + 1)
}

/// The number with its country code, checked against its country's plan.
fn international(digits: &str, plus: bool, country: &str) -> Result<Private<String>, Misread> {
    let all_same = digits.chars().all(|c| digits.starts_with(c));
    if all_same {
        return Err(Misread::BadPhone);
    }
    let abroad = if plus {
        Some(digits)
    } else {
        digits.strip_prefix("00")
    };
    let full = match abroad {
        Some(digits) => with_code(digits).ok_or(Misread::BadPhone)?,
        None => national(digits, country).ok_or(Misread::BadPhone)?,
    };
    parse_international(&full).ok_or(Misread::BadPhone)
}

/// A number with a country code; a trunk zero in brackets is taken out. Codes
/// that are not in the table pass by length alone.
fn with_code(digits: &str) -> Option<String> {
    let mut known = false;
    for plan in plans_of(digits) {
        known = true;
        let national = digits.strip_prefix(plan.code)?;
        if (plan.min..=plan.max).contains(&national.len()) {
            let doubled =
                !plan.trunk.is_empty() && national.starts_with('0') && plan.trunk.starts_with('0');
            if !doubled {
                return Some(digits.to_owned());
            }
        }
        if let Some(rest) = national
            .strip_prefix(plan.trunk)
            .filter(|_| !plan.trunk.is_empty())
            && (plan.min..=plan.max).contains(&rest.len())
        {
            return Some(format!("{}{rest}", plan.code));
        }
    }
    (!known && (8..=15).contains(&digits.len())).then(|| digits.to_owned())
}

/// A number as written within the country: trunk prefix dropped, code added.
/// A number that already begins with the country's code is taken as such when
/// it is too long to be a national one.
fn national(digits: &str, country: &str) -> Option<String> {
    let plan = find_plan(country)?;
    let fits = |number: &str| (plan.min..=plan.max).contains(&number.len());
    if !plan.trunk.is_empty()
        && let Some(rest) = digits.strip_prefix(plan.trunk)
    {
        return (fits(rest) && !rest.starts_with('0')).then(|| format!("{}{rest}", plan.code));
    }
    if fits(digits) {
        return Some(format!("{}{digits}", plan.code));
    }
    let rest = digits.strip_prefix(plan.code)?;
    fits(rest).then(|| digits.to_owned())
}

/// The words beside the number, without words about telephones.
fn name_beside(rest: &str) -> Option<Private<String>> {
    let clean: String = rest
        .chars()
        .map(|c| {
            if c.is_alphanumeric() || matches!(c, '\'' | '’' | '-' | '.') {
                c
            } else {
                ' '
            }
        })
        .collect();
    let mut words: Vec<&str> = clean.split_whitespace().collect();
    let is_label = |word: &str| {
        let word = fold(word);
        let word = word.trim_matches(|c: char| !c.is_alphanumeric());
        word.is_empty() || LABELS.contains(&word)
    };
    while words.first().is_some_and(|word| is_label(word)) {
        words.remove(0);
    }
    while words.last().is_some_and(|word| is_label(word)) {
        words.pop();
    }
    let name = tidy(&words.join(" "));
    let name = name.trim_matches(|c: char| !c.is_alphanumeric());
    let letters = name.chars().filter(|c| c.is_alphabetic()).count();
    // A name has no digits: those are a mistyped number or a part of one.
    let sound = letters >= 2 && !name.chars().any(|c| c.is_ascii_digit());
    sound.then(|| name.to_owned().into())
}

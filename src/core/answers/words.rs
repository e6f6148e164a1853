//! Answers in the person's own words: places, complaints, "none" where it may
//! be said.
//!
//! Words are kept as written. What is certainly no answer (a greeting, a
//! question, "I don't know", a lone digit) is asked again; everything else is
//! the patient's own account and is not judged here.

use super::command::read_command;
use super::fold::{fold, tidy, tokens as cut};
use super::lexicon;
use super::none::is_none;
use super::phrases::Table;
use super::subject::{self, Subject};
use super::{Misread, Value, yes_no};
use crate::core::lang::Lang;
use Lang::{En, Es, Fr, Pt, Sw};

/// How people begin when they give a place. A noun alone is no beginning: in
/// "Pueblo Nuevo" and "Bairro Novo" it is part of the name.
static PLACE_BEGINNINGS: Table<()> = Table::of(&[
    (
        En,
        (),
        "i live in|i live at|i live near|i am from|im from|i stay in|i stay at|i come from|we live in|from|in|village of|town of|the village of|i live in the village of|my village is|it is",
    ),
    (
        Fr,
        (),
        "jhabite a|j habite a|jhabite|habite a|je vis a|je viens de|je suis de|je reste a|nous habitons a|a|village de|quartier de|le village de|mon village est|jhabite au|au|au village de|jhabite dans le|jhabite le quartier",
    ),
    (
        Sw,
        (),
        "ninaishi|naishi|ninakaa|nakaa|natoka|ninatoka|tunaishi|kijiji cha|mji wa|mtaa wa|eneo la|kijiji changu ni|niko|ninaishi kijiji cha|ninaishi mtaa wa",
    ),
    (
        Es,
        (),
        "vivo en|soy de|vengo de|vivimos en|en|pueblo de|barrio de|aldea de|resido en|mi pueblo es|estoy en|vivo en el barrio|vivo en el pueblo de",
    ),
    (
        Pt,
        (),
        "moro em|vivo em|sou de|venho de|moro no|moro na|vivo no|vivo na|moramos em|em|aldeia de|bairro de|resido em|no|na|fico em|moro no bairro|moro na aldeia de",
    ),
]);

/// Labels, which count as such before a colon only.
static PLACE_LABELS: Table<()> = Table::of(&[
    (En, (), "village|town|address|location|locality|place"),
    (Fr, (), "village|ville|quartier|adresse|localite|lieu"),
    (Sw, (), "kijiji|mji|mtaa|mahali|eneo|anwani"),
    (
        Es,
        (),
        "pueblo|ciudad|barrio|direccion|localidad|lugar|aldea",
    ),
    (
        Pt,
        (),
        "aldeia|cidade|bairro|endereco|localidade|lugar|vila",
    ),
]);

/// Reads a place.
pub(super) fn read_locality(text: &str, folded: &str, lang: Lang) -> Result<Value, Misread> {
    let tokens = cut(folded);
    if folded.ends_with('?') || is_no_answer(text, folded, &tokens, lang) || is_mash(&tokens) {
        return Err(Misread::Unclear);
    }
    let shown = without_label(&tidy(text));
    let begun = beginning(&PLACE_BEGINNINGS, &cut(&fold(&shown)), lang);
    let place = skip_words(&shown, begun);
    let place = tidy(place.trim_matches(|c: char| !c.is_alphanumeric() && c != ')' && c != '\''));
    let letters = place.chars().filter(|c| c.is_alphabetic()).count();
    match letters {
        0 => Err(Misread::Unclear),
        1 => Err(Misread::TooShort),
        _ if is_no_answer(&place, &fold(&place), &cut(&fold(&place)), lang) => {
            Err(Misread::Unclear)
        }
        _ if is_none(&tokens, lang) => Err(Misread::Unclear),
        _ if tokens.len() >= 3 && lexicon::is_negated(&tokens, lang) => Err(Misread::Unclear),
        _ => Ok(Value::Text { text: place.into() }),
    }
}

/// The place without "village:".
fn without_label(shown: &str) -> String {
    let labelled = shown.split_once([':', '=']).filter(|(label, _)| {
        let label = cut(&fold(label));
        PLACE_LABELS.whole(&label).next().is_some()
    });
    labelled.map_or(shown, |(_, place)| place).trim().to_owned()
}

/// Reads free words.
pub(super) fn read_free(text: &str, folded: &str, lang: Lang) -> Result<Value, Misread> {
    let tokens = cut(folded);
    if is_no_answer(text, folded, &tokens, lang) || is_none(&tokens, lang) || is_mash(&tokens) {
        return Err(Misread::Unclear);
    }
    kept(text)
}

/// Reads free words, or none. What names another question is no answer to
/// this one: "I take no medicines" says nothing of allergies.
pub(super) fn read_free_or_none(
    about: Option<Subject>,
    text: &str,
    folded: &str,
    lang: Lang,
) -> Result<Value, Misread> {
    let tokens = cut(folded);
    if lexicon::is_question(folded, &tokens, lang)
        || about.is_some_and(|about| subject::is_of_another(&tokens, about, lang))
    {
        return Err(Misread::Unclear);
    }
    if is_none(&tokens, lang) || matches!(tokens.as_slice(), [zero] if zero == "0") {
        return Ok(Value::Nothing);
    }
    if is_no_answer(text, folded, &tokens, lang) || is_mash(&tokens) {
        return Err(Misread::Unclear);
    }
    kept(text)
}

fn kept(text: &str) -> Result<Value, Misread> {
    let words = tidy(text);
    match words.chars().filter(|c| c.is_alphabetic()).count() {
        0 => Err(Misread::Unclear),
        1 | 2 => Err(Misread::TooShort),
        _ => Ok(Value::Text { text: words.into() }),
    }
}

/// Greetings, questions, "I don't know", bare yes or no, and commands.
pub(super) fn is_no_answer(text: &str, folded: &str, tokens: &[String], lang: Lang) -> bool {
    lexicon::is_greeting(tokens, lang)
        || lexicon::is_aside(tokens, lang)
        || lexicon::is_question(folded, tokens, lang)
        || (tokens.len() <= 4 && lexicon::is_unsure(tokens, lang))
        || yes_no::is_bare(tokens, lang)
        || (read_command(text, lang).is_some() && !super::command::is_everyday_word(folded))
}

/// One letter pressed again and again, or keys hit at random.
pub(super) fn is_mash(tokens: &[String]) -> bool {
    let letters: String = tokens.concat();
    let first = letters.chars().next();
    let vowel = |c: char| !c.is_ascii() || "aeiouy".contains(c);
    letters.chars().count() >= 3
        && (letters.chars().all(|c| Some(c) == first)
            || (letters.chars().count() >= 5 && !letters.chars().any(vowel) && tokens.len() == 1)
            || ["asdf", "qwer", "azert", "blabla"]
                .iter()
                .any(|row| letters.starts_with(row)))
}

fn beginning(table: &'static Table<()>, tokens: &[String], lang: Lang) -> usize {
    table
        .hits(tokens, 0)
        .filter(|hit| hit.of == lang)
        .map(|hit| hit.used)
        .filter(|used| *used < tokens.len())
        .max()
        .unwrap_or(0)
}

/// The text behind its first `count` tokens, as written.
pub(super) fn skip_words(shown: &str, count: usize) -> String {
    if count == 0 {
        return shown.to_owned();
    }
    let mut cuts = shown.char_indices().map(|(at, _)| at).skip(1);
    cuts.find(|at| {
        let (head, tail) = shown.split_at(*at);
        let boundary = !tail.starts_with(|c: char| c.is_alphanumeric() || c == '\'' || c == '’')
            || head.ends_with(|c: char| c.is_whitespace());
        boundary && cut(&fold(head)).len() == count
    })
    .map_or_else(|| shown.to_owned(), |at| shown.split_at(at).1.to_owned())
}

//! Names of persons.
//!
//! A name is kept as written. What may be a sentence is asked again, but for
//! the words that people are called by: Merci, Patient, "Baby of Amina".

use super::Value;
use super::command::read_command;
use super::fold::{fold, tidy, tokens as cut};
use super::kind::Misread;
use super::lexicon;
use super::phrases::Table;
use super::words::{is_mash, is_no_answer, skip_words};
use crate::core::lang::Lang;
use Lang::{En, Es, Fr, Pt, Sw};

/// Longest name, characters.
const NAME_CHARS_MAX: usize = 100;
/// Most words in a name; more is a sentence.
const NAME_WORDS_MAX: usize = 7;

/// How people begin when they give a name. The flag tells beginnings that
/// also begin other sentences ("I am ill"): there the name must be capital.
static NAME_BEGINNINGS: Table<bool> = Table::of(&[
    (
        En,
        false,
        "my name is|name is|my names|i am called|im called|her name is|his name is|the name is|name|full name|patient name|call me",
    ),
    (En, true, "i am|im|this is|it is|its"),
    (
        Fr,
        false,
        "je mappelle|je m appelle|mon nom est|mon nom cest|nom|il sappelle|elle sappelle|son nom est|moi cest|nom complet|mappelle|nom et prenom|noms",
    ),
    (Fr, true, "je suis|cest|moi"),
    (
        Sw,
        false,
        "jina langu ni|jina langu|jina ni|naitwa|ninaitwa|anaitwa|jina lake ni|jina|jina kamili|mimi naitwa|majina yangu ni|majina",
    ),
    (Sw, true, "mimi ni|ni|mimi"),
    (
        Es,
        false,
        "me llamo|mi nombre es|nombre|se llama|su nombre es|nombre completo|yo me llamo|mi nombre",
    ),
    (Es, true, "soy|yo soy|es"),
    (
        Pt,
        false,
        "chamo me|me chamo|eu me chamo|meu nome e|o meu nome e|nome|chama se|ele chama se|ela chama se|o nome e|nome completo|o nome dela e|o nome dele e",
    ),
    (Pt, true, "sou|eu sou|sou o|sou a|e"),
]);

/// Words that no name holds but sentences do.
static SENTENCE_WORDS: Table<()> = Table::of(&[
    (
        En,
        (),
        "i|my|the|is|am|are|have|has|had|not|dont|you|your|we|it|this|that|please|want|need|sick|ill|pain|fever|cough|hurts|what|why|yes|no|none|nothing|doctor|appointment|know|secret|same|name|child|baby|woman|man|headache|and|or|for|clinic|female|male|patient|nobody|anonymous|before|said|already|children|kids|twins|wait|speak|understand|english",
    ),
    (
        Fr,
        (),
        "je|mon|ma|mes|est|suis|jai|ai|pas|vous|nous|ne|cest|il|elle|malade|mal|douleur|fievre|toux|oui|non|aucun|rien|docteur|rendez|veux|sais|nom|enfant|bebe|femme|homme|et|ou|pour|avec|pourquoi|bonjour|tete|ventre|merci|merci madame|merci monsieur|personne|dire|deja|anonyme|patient|enfants|jumeaux|attendez|attends|comprends|parle|anglais|francais",
    ),
    (
        Sw,
        (),
        "mimi|yangu|langu|wangu|ninaumwa|naumwa|mgonjwa|homa|maumivu|kikohozi|ndiyo|hapana|hakuna|daktari|nataka|sijui|jina|mtoto|mwanamke|mwanaume|na|au|kwa|tafadhali|sitaki|habari|kichwa|tumbo|nina|sina|siri|asante|sema|nimesema|mwanangu|watoto|mapacha|subiri|ngoja|ongea|kiswahili",
    ),
    (
        Es,
        (),
        "yo|mi|mis|es|estoy|tengo|no|usted|enfermo|enferma|dolor|fiebre|tos|si|nada|ninguno|doctor|quiero|se|nombre|mujer|hombre|y|por|para|con|gracias|hola|cabeza|me|duele|nadie|decir|anonimo|paciente|mismo|misma|hijos|hijas|gemelos|espere|espera|hablo|entiendo|ingles|espanol",
    ),
    (
        Pt,
        (),
        "eu|meu|minha|estou|tenho|nao|voce|doente|dor|febre|tosse|sim|nada|nenhum|doutor|quero|sei|nome|crianca|mulher|homem|e|ou|para|com|obrigado|obrigada|ola|cabeca|doi|ninguem|dizer|anonimo|paciente|mesmo|mesma|bebe|filhos|filhas|gemeos|espere|espera|aguarde|falo|entendo|percebo|ingles|portugues",
    ),
]);

/// Sentence words that people are also called by, if written with a capital.
const ALSO_NAMES: &[&str] = &["merci", "patient", "said"];
/// What stands between the two halves of a surname: Ramón y Cajal.
const BETWEEN_NAMES: &[&str] = &["y", "e"];
/// Words inside a name that are written small.
const PARTICLES: &[&str] = &[
    "of", "de", "d", "da", "do", "das", "dos", "del", "di", "du", "la", "wa", "bin", "binti",
    "ben", "y", "e",
];

/// Reads a name.
pub(super) fn read_name(text: &str, folded: &str, lang: Lang) -> Result<Value, Misread> {
    let mut lines = text.lines().filter(|line| !line.trim().is_empty());
    if let (Some(first), Some(_)) = (lines.next(), lines.next()) {
        return read_among(first, text, lang);
    }
    let tokens = cut(folded);
    if folded.ends_with('?')
        || is_no_answer(text, folded, &tokens, lang)
        || lexicon::is_unsure(&tokens, lang)
        || is_beginning_alone(&tokens, lang)
        || read_command(text, lang).is_some()
    {
        return Err(Misread::Unclear);
    }
    let shown: String = tidy(text).chars().filter(|c| !is_picture(*c)).collect();
    let name = without_beginning(&shown, lang)?;
    let name = name.trim_matches(|c: char| !c.is_alphanumeric() && c != '\'' && c != '.');
    let name = tidy(name.trim_end_matches(['.', '!', '\'']));
    if name.chars().any(|c| !is_name_char(c)) {
        return Err(Misread::NotAName);
    }
    if name.chars().count() > NAME_CHARS_MAX {
        return Err(Misread::TooLong);
    }
    let letters = name.chars().filter(|c| c.is_alphabetic()).count();
    if letters < 2 {
        return Err(if letters == 0 {
            Misread::Unclear
        } else {
            Misread::TooShort
        });
    }
    let words = cut(&fold(&name));
    if words.len() > NAME_WORDS_MAX
        || is_no_answer(&name, &fold(&name), &words, lang)
        || is_mash(&words)
        || is_sentence(&name, lang)
    {
        return Err(Misread::Unclear);
    }
    Ok(Value::Text { text: name.into() })
}

/// Reads the one line of several that is a name; where two could be, which one
/// it is cannot be known.
fn read_among(first: &str, text: &str, lang: Lang) -> Result<Value, Misread> {
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    let mut names = lines.filter_map(|line| read_name(line, &fold(line), lang).ok());
    match (names.next(), names.next()) {
        (Some(name), None) => Ok(name),
        (Some(_), Some(_)) => Err(Misread::Unclear),
        (None, _) => read_name(first, &fold(first), lang).and(Err(Misread::Unclear)),
    }
}

/// "Call me", "my name is": the name itself was left out.
fn is_beginning_alone(tokens: &[String], lang: Lang) -> bool {
    let mut whole = NAME_BEGINNINGS.whole(tokens);
    tokens.len() > 1 && whole.any(|hit| hit.of == lang || hit.chars >= lexicon::FOREIGN_MIN)
}

/// A word of a name as written, and folded.
struct Written<'a> {
    raw: &'a str,
    folded: Vec<String>,
}

impl Written<'_> {
    fn is(&self, words: &[&str]) -> bool {
        matches!(self.folded.as_slice(), [one] if words.contains(&one.as_str()))
    }

    /// With a capital, also behind an apostrophe: d'Amina.
    fn is_capital(&self) -> bool {
        let behind = self.raw.split_once(['\'', '’']).map(|(_, name)| name);
        let capital = |word: &str| word.starts_with(char::is_uppercase);
        capital(self.raw) || behind.is_some_and(capital)
    }

    fn is_proper(&self) -> bool {
        self.is_capital() || self.is(PARTICLES)
    }
}

/// Whether words that no name holds stand in it.
fn is_sentence(name: &str, lang: Lang) -> bool {
    let written: Vec<Written<'_>> = name
        .split_whitespace()
        .map(|raw| Written {
            raw,
            folded: cut(&fold(raw)),
        })
        .collect();
    let words = written.get(baby_of(&written)..).unwrap_or_default();
    let proper = words.len() > 1 && words.iter().all(Written::is_proper);
    let tokens: Vec<String> = words.iter().flat_map(|w| w.folded.clone()).collect();
    // The word that each token is part of.
    let part_of = words.iter().enumerate();
    let places: Vec<usize> = part_of
        .flat_map(|(place, word)| word.folded.iter().map(move |_| place))
        .collect();
    if !proper && (lexicon::asks_within(&tokens, lang) || is_foreign_sentence(&tokens, lang)) {
        return true;
    }
    (0..tokens.len()).any(|at| {
        let mut hits = SENTENCE_WORDS.hits(&tokens, at);
        let place = places.get(at).copied().unwrap_or(at);
        hits.any(|hit| hit.of == lang && !(hit.used == 1 && proper && is_called(words, place)))
    })
}

/// Whether it is a sentence of another language: one word of it may be in a
/// name, two are not.
fn is_foreign_sentence(tokens: &[String], lang: Lang) -> bool {
    let others = Lang::ALL.into_iter().filter(|other| *other != lang);
    others.into_iter().any(|other| {
        let holds = |at: &usize| SENTENCE_WORDS.hits(tokens, *at).any(|hit| hit.of == other);
        (0..tokens.len()).filter(holds).count() > 1
    })
}

/// Whether the word at `at` is part of a name all the same.
fn is_called(words: &[Written<'_>], at: usize) -> bool {
    let capital = |at: Option<usize>| {
        at.and_then(|at| words.get(at))
            .is_some_and(Written::is_capital)
    };
    words.get(at).is_some_and(|word| {
        let between = BETWEEN_NAMES.contains(&word.raw);
        word.is(ALSO_NAMES) && word.is_capital()
            || between && capital(at.checked_sub(1)) && capital(at.checked_add(1))
    })
}

/// How many words tell that the name is a small child's, by its own name or
/// its mother's: "Baby Amina", "Bébé de Furaha", "Mtoto wa Asha".
fn baby_of(words: &[Written<'_>]) -> usize {
    let first = words
        .first()
        .is_some_and(|w| w.is(&["baby", "bebe", "mtoto"]));
    let small = words.iter().any(|w| w.raw.contains(char::is_lowercase));
    let of = words.get(1).is_some_and(|w| w.is(PARTICLES));
    let used = if of { 2 } else { 1 };
    let rest = words.get(used..).unwrap_or_default();
    let named = rest.first().is_some_and(Written::is_capital);
    if first && small && named && rest.iter().all(Written::is_proper) {
        used
    } else {
        0
    }
}

/// The name without "my name is"; "I am" must be followed by capitals.
fn without_beginning(shown: &str, lang: Lang) -> Result<String, Misread> {
    let tokens = cut(&fold(shown));
    let found = NAME_BEGINNINGS
        .hits(&tokens, 0)
        .filter(|hit| hit.of == lang)
        .map(|hit| (hit.used, hit.meaning))
        .filter(|(used, _)| *used < tokens.len())
        .max();
    let Some((used, capital)) = found else {
        return Ok(shown.to_owned());
    };
    let rest = skip_words(shown, used);
    let proper = rest
        .split_whitespace()
        .all(|word| word.starts_with(char::is_uppercase));
    if capital && !proper {
        return Err(Misread::Unclear);
    }
    Ok(rest)
}

fn is_name_char(c: char) -> bool {
    (c.is_alphabetic() || unicode_normalization::char::is_combining_mark(c))
        || matches!(
            c,
            ' ' | '\'' | '’' | 'ʼ' | '`' | '-' | '‐' | '‑' | '–' | '.'
        )
}

fn is_picture(c: char) -> bool {
    matches!(c, '\u{2600}'..='\u{27bf}' | '\u{1f000}'..='\u{1faff}' | '\u{2b00}'..='\u{2bff}')
}

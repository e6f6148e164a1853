//! Which language a person asks for, by its name in any of the five.

use super::fold::folded_tokens;
use super::phrases::is_slip_of;
use crate::core::lang::Lang;

const NAMES: &[(Lang, &str)] = &[
    (
        Lang::En,
        "english|anglais|kiingereza|ingles|inglesa|englisch|kingereza",
    ),
    (Lang::Fr, "french|francais|kifaransa|frances|francaise"),
    (
        Lang::Sw,
        "swahili|kiswahili|souahili|suajili|suaili|swahele|kiswahel|suahili",
    ),
    (
        Lang::Es,
        "spanish|espagnol|kihispania|espanol|espanhol|castellano|kispania|castelhano",
    ),
    (Lang::Pt, "portuguese|portugais|kireno|portugues|kireno"),
];

const AROUND: &[&str] = &[
    "in",
    "en",
    "em",
    "kwa",
    "please",
    "svp",
    "tafadhali",
    "por",
    "favor",
    "i",
    "speak",
    "want",
    "je",
    "parle",
    "veux",
    "ninazungumza",
    "nataka",
    "naongea",
    "lugha",
    "ya",
    "hablo",
    "quiero",
    "falo",
    "quero",
    "language",
    "langue",
    "idioma",
    "lingua",
    "the",
    "la",
    "le",
    "o",
    "el",
    "eu",
    "yo",
    "use",
    "s",
    "il",
    "vous",
    "plait",
    "sil",
];

/// Greetings that people of one language use; those that others borrow ("hello",
/// "ola" without its accent) are left out.
const GREETINGS: &[(Lang, &str)] = &[
    (
        Lang::En,
        "good morning|good afternoon|good evening|good day",
    ),
    (Lang::Fr, "bonjour|bonsoir|salut|bjr|coucou"),
    (
        Lang::Sw,
        "habari|hujambo|jambo|mambo|shikamoo|salama|habari yako|habari za asubuhi|habari za leo",
    ),
    (
        Lang::Es,
        "hola|buenos dias|buenas tardes|buenas noches|buenas|buen dia",
    ),
    (Lang::Pt, "bom dia|boa tarde|boa noite|oi|ola bom dia"),
];

/// Greetings that say nothing of the language.
const BORROWED: [&str; 9] = [
    "hello", "helo", "hallo", "allo", "alo", "hi", "hey", "ola", "hy",
];

/// Whether a message begins with a greeting, of one language or borrowed.
pub fn begins_with_greeting(text: &str) -> bool {
    let borrowed = |first: &String| BORROWED.contains(&first.as_str());
    folded_tokens(text).first().is_some_and(borrowed) || read_greeting(text).is_some()
}

/// The language of a greeting at the beginning of a message.
pub fn read_greeting(text: &str) -> Option<Lang> {
    // "olá" folds to what some write for "hola": its accent tells them apart.
    if text.trim_start().to_lowercase().starts_with("olá") {
        return Some(Lang::Pt);
    }
    let tokens = folded_tokens(text);
    let begins = |greeting: &str| {
        let mut tokens = tokens.iter();
        greeting
            .split(' ')
            .all(|word| tokens.next().is_some_and(|token| token == word))
    };
    let find = |(lang, greetings): &(Lang, &str)| greetings.split('|').any(begins).then_some(*lang);
    GREETINGS.iter().find_map(find)
}

/// The language asked for: "English", "en français svp", "fr". Two languages,
/// a sentence with other words, or a bare number give nothing.
pub fn read_language(text: &str) -> Option<Lang> {
    if text.len() > 200 {
        return None;
    }
    let tokens = folded_tokens(text);
    if let [code] = tokens.as_slice()
        && let Ok(lang) = code.parse::<Lang>()
    {
        return Some(lang);
    }
    let mut found = None;
    for token in &tokens {
        match named(token) {
            Some(lang) if found.is_none_or(|other| other == lang) => found = Some(lang),
            Some(_) => return None,
            None if AROUND.contains(&token.as_str()) => {}
            None => return None,
        }
    }
    found
}

fn named(word: &str) -> Option<Lang> {
    let exact = |name: &str| name == word;
    let near = |name: &str| name.len() >= 6 && word.len() >= 6 && is_slip_of(word, name);
    let find = |fits: &dyn Fn(&str) -> bool| {
        let mut hits = NAMES
            .iter()
            .filter(|(_, names)| names.split('|').any(fits))
            .map(|(lang, _)| *lang);
        hits.next().filter(|_| hits.next().is_none())
    };
    find(&exact).or_else(|| find(&near))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_codes_and_slips() {
        for (text, want) in [
            ("English", Lang::En),
            ("anglais", Lang::En),
            ("en français svp", Lang::Fr),
            ("FR", Lang::Fr),
            ("Kiswahili", Lang::Sw),
            ("kwa kiswahili tafadhali", Lang::Sw),
            ("español", Lang::Es),
            ("espanhol", Lang::Es),
            ("Português", Lang::Pt),
            ("kireno", Lang::Pt),
            ("francias", Lang::Fr),
            ("pt", Lang::Pt),
            ("engllish", Lang::En),
        ] {
            assert_eq!(read_language(text), Some(want), "{text}");
        }
        for text in [
            "",
            "1",
            "English or French",
            "I don't speak English",
            "deutsch",
            "bonjour",
            "en en",
        ] {
            assert_eq!(read_language(text), None, "{text}");
        }
    }

    #[test]
    fn a_greeting_tells_its_language() {
        for (text, want) in [
            ("Bonjour docteur", Some(Lang::Fr)),
            ("HABARI", Some(Lang::Sw)),
            ("Habari za asubuhi daktari", Some(Lang::Sw)),
            ("Olá, bom dia", Some(Lang::Pt)),
            ("Bom dia!", Some(Lang::Pt)),
            ("bom", None),
            ("¡Hola!", Some(Lang::Es)),
            ("ola", None),
            ("hello", None),
            ("good morning nurse", Some(Lang::En)),
            ("good", None),
            ("", None),
            ("my child is sick", None),
        ] {
            assert_eq!(read_greeting(text), want, "{text}");
        }
    }
}

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
}

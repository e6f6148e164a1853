//! Numbers as digits and as words, to 999, in the five languages.
//!
//! It reads only what is certainly a number: "once" is eleven in a Spanish
//! conversation and an ordinary word in an English one, so number words are
//! taken from the conversation's language (and, within Swahili, from French
//! and English, in which many of its speakers count).

use super::phrases::Table;
use crate::core::lang::Lang;
use Lang::{En, Es, Fr, Pt, Sw};

static CARDINALS: Table<u32> = Table::of(&[
    (En, 0, "zero"),
    (En, 1, "one"),
    (En, 2, "two"),
    (En, 3, "three"),
    (En, 4, "four"),
    (En, 5, "five"),
    (En, 6, "six"),
    (En, 7, "seven"),
    (En, 8, "eight"),
    (En, 9, "nine"),
    (En, 10, "ten"),
    (En, 11, "eleven"),
    (En, 12, "twelve"),
    (En, 13, "thirteen"),
    (En, 14, "fourteen"),
    (En, 15, "fifteen"),
    (En, 16, "sixteen"),
    (En, 17, "seventeen"),
    (En, 18, "eighteen"),
    (En, 19, "nineteen"),
    (En, 20, "twenty"),
    (En, 30, "thirty"),
    (En, 40, "forty|fourty"),
    (En, 50, "fifty"),
    (En, 60, "sixty"),
    (En, 70, "seventy"),
    (En, 80, "eighty"),
    (En, 90, "ninety"),
    (Fr, 0, "zero"),
    (Fr, 1, "un|une"),
    (Fr, 2, "deux"),
    (Fr, 3, "trois"),
    (Fr, 4, "quatre"),
    (Fr, 5, "cinq"),
    (Fr, 6, "six"),
    (Fr, 7, "sept"),
    (Fr, 8, "huit"),
    (Fr, 9, "neuf"),
    (Fr, 10, "dix"),
    (Fr, 11, "onze"),
    (Fr, 12, "douze"),
    (Fr, 13, "treize"),
    (Fr, 14, "quatorze"),
    (Fr, 15, "quinze"),
    (Fr, 16, "seize"),
    (Fr, 20, "vingt"),
    (Fr, 30, "trente"),
    (Fr, 40, "quarante"),
    (Fr, 50, "cinquante"),
    (Fr, 60, "soixante"),
    (Fr, 70, "septante"),
    (Fr, 80, "huitante|octante"),
    (Fr, 90, "nonante"),
    (Sw, 0, "sifuri"),
    (Sw, 1, "moja|mmoja"),
    (Sw, 2, "mbili|miwili|mawili|wawili"),
    (Sw, 3, "tatu|mitatu|matatu|watatu"),
    (Sw, 4, "nne|minne|manne|wanne"),
    (Sw, 5, "tano|mitano|matano|watano"),
    (Sw, 6, "sita"),
    (Sw, 7, "saba"),
    (Sw, 8, "nane|minane|manane|wanane"),
    (Sw, 9, "tisa"),
    (Sw, 10, "kumi"),
    (Sw, 20, "ishirini"),
    (Sw, 30, "thelathini"),
    (Sw, 40, "arobaini|arubaini"),
    (Sw, 50, "hamsini"),
    (Sw, 60, "sitini"),
    (Sw, 70, "sabini"),
    (Sw, 80, "themanini"),
    (Sw, 90, "tisini"),
    (Es, 0, "cero"),
    (Es, 1, "uno|un|una"),
    (Es, 2, "dos"),
    (Es, 3, "tres"),
    (Es, 4, "cuatro"),
    (Es, 5, "cinco"),
    (Es, 6, "seis"),
    (Es, 7, "siete"),
    (Es, 8, "ocho"),
    (Es, 9, "nueve"),
    (Es, 10, "diez"),
    (Es, 11, "once"),
    (Es, 12, "doce"),
    (Es, 13, "trece"),
    (Es, 14, "catorce"),
    (Es, 15, "quince"),
    (Es, 16, "dieciseis"),
    (Es, 17, "diecisiete"),
    (Es, 18, "dieciocho"),
    (Es, 19, "diecinueve"),
    (Es, 20, "veinte"),
    (Es, 21, "veintiuno|veintiun|veintiuna"),
    (Es, 22, "veintidos"),
    (Es, 23, "veintitres"),
    (Es, 24, "veinticuatro"),
    (Es, 25, "veinticinco"),
    (Es, 26, "veintiseis"),
    (Es, 27, "veintisiete"),
    (Es, 28, "veintiocho"),
    (Es, 29, "veintinueve"),
    (Es, 30, "treinta"),
    (Es, 40, "cuarenta"),
    (Es, 50, "cincuenta"),
    (Es, 60, "sesenta"),
    (Es, 70, "setenta"),
    (Es, 80, "ochenta"),
    (Es, 90, "noventa"),
    (Pt, 0, "zero"),
    (Pt, 1, "um|uma"),
    (Pt, 2, "dois|duas"),
    (Pt, 3, "tres"),
    (Pt, 4, "quatro"),
    (Pt, 5, "cinco"),
    (Pt, 6, "seis"),
    (Pt, 7, "sete"),
    (Pt, 8, "oito"),
    (Pt, 9, "nove"),
    (Pt, 10, "dez"),
    (Pt, 11, "onze"),
    (Pt, 12, "doze"),
    (Pt, 13, "treze"),
    (Pt, 14, "catorze|quatorze"),
    (Pt, 15, "quinze"),
    (Pt, 16, "dezesseis|dezasseis"),
    (Pt, 17, "dezessete|dezassete"),
    (Pt, 18, "dezoito"),
    (Pt, 19, "dezenove|dezanove"),
    (Pt, 20, "vinte"),
    (Pt, 30, "trinta"),
    (Pt, 40, "quarenta"),
    (Pt, 50, "cinquenta"),
    (Pt, 60, "sessenta"),
    (Pt, 70, "setenta"),
    (Pt, 80, "oitenta"),
    (Pt, 90, "noventa"),
]);

static ORDINALS: Table<u32> = Table::of(&[
    (En, 1, "first|1st"),
    (En, 2, "second"),
    (En, 3, "third"),
    (En, 4, "fourth"),
    (En, 5, "fifth"),
    (En, 6, "sixth"),
    (En, 7, "seventh"),
    (En, 8, "eighth"),
    (En, 9, "ninth"),
    (En, 10, "tenth"),
    (Fr, 1, "premier|premiere"),
    (Fr, 2, "deuxieme|second|seconde"),
    (Fr, 3, "troisieme"),
    (Fr, 4, "quatrieme"),
    (Fr, 5, "cinquieme"),
    (Fr, 6, "sixieme"),
    (Fr, 7, "septieme"),
    (Fr, 8, "huitieme"),
    (Fr, 9, "neuvieme"),
    (Fr, 10, "dixieme"),
    (Sw, 1, "kwanza"),
    (Sw, 2, "pili"),
    (Sw, 3, "tatu"),
    (Sw, 4, "nne"),
    (Sw, 5, "tano"),
    (Sw, 6, "sita"),
    (Sw, 7, "saba"),
    (Sw, 8, "nane"),
    (Sw, 9, "tisa"),
    (Sw, 10, "kumi"),
    (Es, 1, "primero|primera|primer"),
    (Es, 2, "segundo|segunda"),
    (Es, 3, "tercero|tercera|tercer"),
    (Es, 4, "cuarto|cuarta"),
    (Es, 5, "quinto|quinta"),
    (Es, 6, "sexto|sexta"),
    (Es, 7, "septimo|septima"),
    (Es, 8, "octavo|octava"),
    (Es, 9, "noveno|novena"),
    (Es, 10, "decimo|decima"),
    (Pt, 1, "primeiro|primeira"),
    (Pt, 2, "segundo|segunda"),
    (Pt, 3, "terceiro|terceira"),
    (Pt, 4, "quarto|quarta"),
    (Pt, 5, "quinto|quinta"),
    (Pt, 6, "sexto|sexta"),
    (Pt, 7, "setimo|setima"),
    (Pt, 8, "oitavo|oitava"),
    (Pt, 9, "nono|nona"),
    (Pt, 10, "decimo|decima"),
]);

static HUNDREDS: Table<u32> = Table::of(&[
    (En, 100, "hundred"),
    (Fr, 100, "cent|cents"),
    (Sw, 100, "mia"),
    (Es, 100, "cien|ciento"),
    (Pt, 100, "cem|cento"),
]);

/// What may follow a day's or a choice's digits: 1st, 2nd, 1er, 2eme, 1o.
const ORDINAL_ENDINGS: &[&str] = &["st", "nd", "rd", "th", "er", "ere", "eme", "ero", "ro", "o"];

/// The cardinal number that begins at token `at` and how many tokens it takes.
pub(super) fn number_at(tokens: &[String], at: usize, lang: Lang) -> Option<(u32, usize)> {
    if let Some(value) = tokens.get(at).and_then(|token| digits(token)) {
        return Some((value, 1));
    }
    spoken(lang).iter().find_map(|lang| {
        hundreds_at(tokens, at, *lang).or_else(|| below_hundred_at(tokens, at, *lang))
    })
}

/// A cardinal or an ordinal ("second", "2nd", "ya pili") at token `at`.
pub(super) fn ordinal_at(tokens: &[String], at: usize, lang: Lang) -> Option<(u32, usize)> {
    if let Some((value, used)) = number_at(tokens, at, lang) {
        let ending = tokens
            .get(at + used)
            .is_some_and(|t| ORDINAL_ENDINGS.contains(&t.as_str()));
        let after_digits = tokens.get(at).is_some_and(|t| digits(t).is_some());
        return Some((value, used + usize::from(ending && after_digits)));
    }
    exact(&ORDINALS, tokens, at, lang).map(|value| (value, 1))
}

/// The value of a token made of at most nine ASCII digits.
pub(super) fn digits(token: &str) -> Option<u32> {
    (token.len() <= 9 && token.bytes().all(|b| b.is_ascii_digit()))
        .then(|| token.parse().ok())
        .flatten()
}

const fn spoken(lang: Lang) -> &'static [Lang] {
    match lang {
        En => &[En],
        Fr => &[Fr],
        Sw => &[Sw, Fr, En],
        Es => &[Es],
        Pt => &[Pt],
    }
}

const fn joiner(lang: Lang) -> &'static str {
    match lang {
        En => "and",
        Fr => "et",
        Sw => "na",
        Es => "y",
        Pt => "e",
    }
}

fn exact(table: &'static Table<u32>, tokens: &[String], at: usize, lang: Lang) -> Option<u32> {
    let mut hits = table.hits(tokens, at);
    hits.find(|hit| hit.of == lang).map(|hit| hit.meaning)
}

fn cardinal(tokens: &[String], at: usize, lang: Lang) -> Option<u32> {
    exact(&CARDINALS, tokens, at, lang)
}

fn is_joiner(tokens: &[String], at: usize, lang: Lang) -> bool {
    tokens.get(at).is_some_and(|t| t == joiner(lang))
}

fn hundreds_at(tokens: &[String], at: usize, lang: Lang) -> Option<(u32, usize)> {
    let hundred = |at: usize| exact(&HUNDREDS, tokens, at, lang);
    let (mut total, mut used) = match (cardinal(tokens, at, lang), hundred(at)) {
        (Some(times @ 1..=9), _) if lang != Sw => (times * hundred(at + 1)?, 2),
        (_, Some(100)) if lang == Sw => match cardinal(tokens, at + 1, Sw) {
            Some(times @ 1..=9) => (100 * times, 2),
            _ => (100, 1),
        },
        (_, Some(value)) => (value, 1),
        _ if lang == En && tokens.get(at).is_some_and(|t| t == "a") => (hundred(at + 1)?, 2),
        _ => return None,
    };
    let skip = usize::from(is_joiner(tokens, at + used, lang));
    if let Some((rest, more)) = below_hundred_at(tokens, at + used + skip, lang) {
        total += rest;
        used += skip + more;
    }
    Some((total, used))
}

fn below_hundred_at(tokens: &[String], at: usize, lang: Lang) -> Option<(u32, usize)> {
    let first = cardinal(tokens, at, lang)?;
    let (tens, used) = if lang == Fr && first == 4 && is_score(tokens, at + 1) {
        (80, 2)
    } else {
        (first, 1)
    };
    let open = (tens >= 20 && tens % 10 == 0) || (tens == 10 && matches!(lang, Sw | Es | Fr));
    if !open {
        return Some((tens, used));
    }
    let joined = is_joiner(tokens, at + used, lang);
    if !joined && lang == Sw {
        return Some((tens, used));
    }
    let next = at + used + usize::from(joined);
    let most = if lang == Fr && matches!(tens, 60 | 80) {
        19
    } else {
        9
    };
    match small_at(tokens, next, lang) {
        Some((rest, more)) if (1..=most).contains(&rest) => {
            Some((tens + rest, used + usize::from(joined) + more))
        }
        _ => Some((tens, used)),
    }
}

/// A number below twenty, with French "dix-sept" in two words.
fn small_at(tokens: &[String], at: usize, lang: Lang) -> Option<(u32, usize)> {
    let first = cardinal(tokens, at, lang)?;
    match cardinal(tokens, at + 1, lang) {
        Some(unit @ 7..=9) if lang == Fr && first == 10 => Some((10 + unit, 2)),
        _ => Some((first, 1)),
    }
}

fn is_score(tokens: &[String], at: usize) -> bool {
    tokens
        .get(at)
        .is_some_and(|t| t == "vingt" || t == "vingts")
}

#[cfg(test)]
mod tests {
    use super::super::fold::folded_tokens;
    use super::*;

    fn whole(text: &str, lang: Lang) -> Option<u32> {
        let tokens = folded_tokens(text);
        number_at(&tokens, 0, lang).and_then(|(n, used)| (used == tokens.len()).then_some(n))
    }

    #[test]
    fn number_words_of_each_language() {
        for (lang, text, want) in [
            (En, "thirty-four", 34),
            (En, "one hundred and five", 105),
            (En, "a hundred", 100),
            (Fr, "quatre-vingt-dix-neuf", 99),
            (Fr, "soixante et onze", 71),
            (Fr, "cent deux", 102),
            (Fr, "quatre-vingts", 80),
            (Fr, "vingt et un", 21),
            (Fr, "dix-sept", 17),
            (Fr, "septante-deux", 72),
            (Fr, "soixante-dix-sept", 77),
            (Sw, "thelathini na nne", 34),
            (Sw, "kumi na moja", 11),
            (Sw, "mia moja na tano", 105),
            (Sw, "trente", 30),
            (Es, "treinta y cuatro", 34),
            (Es, "diez y seis", 16),
            (Es, "ciento dos", 102),
            (Es, "veintidós", 22),
            (Pt, "trinta e quatro", 34),
            (Pt, "cento e dois", 102),
            (Pt, "dezasseis", 16),
            (Pt, "cem", 100),
        ] {
            assert_eq!(whole(text, lang), Some(want), "{text}");
        }
        assert_eq!(whole("once", En), None);
        assert_eq!(whole("veinte y", Es), None);
    }
}

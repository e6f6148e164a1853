//! Bringing writing to one form, so that "ÉTÉ", "été" and "ete" are one word.
//!
//! Folded text is for comparing only: it must never be stored in a record,
//! because it loses accents that belong to a person's name.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Lower case, without accents, with plain quotes, dashes, digits and single
/// spaces; invisible marks and emoji variation selectors are gone. Total and
/// idempotent.
pub fn fold(text: &str) -> String {
    let once = pass(text);
    if once.is_ascii() {
        // Nothing in it could be brought to another form.
        return join_words(once);
    }
    join_words(pass(&once))
}

/// The text as it goes into a record: trimmed, invisible marks gone, inner
/// white space folded to single spaces, everything else as written.
pub(super) fn tidy(text: &str) -> String {
    let seen: String = text
        .chars()
        .filter(|c| c.is_whitespace() || !is_invisible(*c))
        .collect();
    join_words(seen)
}

/// Words, runs of digits, and the signs `/ - . ,` where they stand between
/// digits (they tell dates, ranges and fractions). Apostrophes are left out,
/// because half of the writers leave them out: "j'ai" and "jai" are one word.
/// Expects folded text.
pub(super) fn tokens(folded: &str) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    let mut current = String::with_capacity(32);
    let end = |current: &mut String, out: &mut Vec<String>| {
        if !current.is_empty() {
            out.push(current.clone());
            current.clear();
        }
    };
    let mut in_digits = false;
    for (at, c) in folded.char_indices() {
        let digit = c.is_ascii_digit();
        if digit || c.is_alphanumeric() {
            if in_digits != digit {
                end(&mut current, &mut out);
            }
            in_digits = digit;
            current.push(c);
        } else if c != '\'' {
            end(&mut current, &mut out);
            if is_sign_between_digits(folded.as_bytes(), at, c) {
                out.push(c.to_string());
            }
        }
    }
    end(&mut current, &mut out);
    out
}

/// Folds and cuts into tokens in one go.
pub fn folded_tokens(text: &str) -> Vec<String> {
    tokens(&fold(text))
}

/// Whether a token is one of the signs that stand between digits.
pub(super) fn is_sign(token: &str) -> bool {
    matches!(token, "/" | "-" | "." | ",")
}

/// `at` is the place of `c` in bytes: all that is looked for beside it is
/// ASCII, which no part of another character can be taken for.
fn is_sign_between_digits(bytes: &[u8], at: usize, c: char) -> bool {
    let place = |at: Option<usize>| at.and_then(|at| bytes.get(at)).copied();
    let before = place(at.checked_sub(1));
    let after = place(at.checked_add(1));
    let digit = |b: Option<u8>| b.is_some_and(|b| b.is_ascii_digit());
    match c {
        ',' => digit(before) && digit(after),
        '/' | '-' | '.' => {
            let before = if before == Some(b' ') && c != '.' {
                place(at.checked_sub(2))
            } else {
                before
            };
            let after = if after == Some(b' ') {
                place(at.checked_add(2))
            } else {
                after
            };
            digit(before) && digit(after)
        }
        _ => false,
    }
}

fn pass(text: &str) -> String {
    let as_it_is = |b: &u8| matches!(b, b' '..=b'_' | b'a'..=b'~' | b'\t'..=b'\r');
    if text.as_bytes().iter().all(as_it_is) {
        return text.to_ascii_lowercase();
    }
    let mut out = String::with_capacity(text.len());
    if text.is_ascii() {
        let seen = text.chars().filter(|c| !is_invisible(*c));
        out.extend(seen.map(|c| plain_char(c).to_ascii_lowercase()));
        return out;
    }
    let plain = text.chars().map(plain_char).nfkd();
    for c in plain.filter(|c| !is_combining_mark(*c) && !is_invisible(*c)) {
        for lower in plain_char(c).to_lowercase() {
            match lower {
                'œ' => out.push_str("oe"),
                'æ' => out.push_str("ae"),
                'ß' => out.push_str("ss"),
                'ø' => out.push('o'),
                'ı' => out.push('i'),
                'ł' => out.push('l'),
                'đ' | 'ð' => out.push('d'),
                other => out.push(other),
            }
        }
    }
    out
}

fn join_words(text: String) -> String {
    let odd = |pair: &[u8]| matches!(pair, [b' ', b' '] | [b'\t'..=b'\r', _]);
    let plain = text.is_ascii()
        && !text.starts_with(char::is_whitespace)
        && !text.ends_with(char::is_whitespace)
        && !text.as_bytes().windows(2).any(odd);
    if plain {
        return text;
    }
    let mut out = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(word);
    }
    out
}

/// Marks that are not seen: joiners, direction marks, variation selectors,
/// skin tones, tags, and control characters other than white space.
fn is_invisible(c: char) -> bool {
    match c {
        '\u{ad}'
        | '\u{61c}'
        | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{fe00}'..='\u{fe0f}'
        | '\u{feff}'
        | '\u{1f3fb}'..='\u{1f3ff}'
        | '\u{e0000}'..='\u{e01ef}' => true,
        other => other.is_control() && !other.is_whitespace(),
    }
}

fn plain_char(c: char) -> char {
    match c {
        '‘' | '’' | 'ʼ' | 'ʻ' | '‛' | '`' | '´' | '′' | '＇' => '\'',
        '“' | '”' | '„' | '«' | '»' | '″' => '"',
        '‐'..='―' | '−' | '﹣' | '－' => '-',
        '\u{660}'..='\u{669}' => digit(c, 0x660),
        '\u{6f0}'..='\u{6f9}' => digit(c, 0x6f0),
        '\u{7c0}'..='\u{7c9}' => digit(c, 0x7c0),
        '\u{966}'..='\u{96f}' => digit(c, 0x966),
        '،' => ',',
        '؛' => ';',
        '؟' => '?',
        other => other,
    }
}

fn digit(c: char, zero: u32) -> char {
    char::from_digit(u32::from(c).saturating_sub(zero), 10).unwrap_or(c)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn one_form_for_many_ways_of_writing() {
        for (text, want) in [
            ("  Été\t\nÇa  VA ", "ete ca va"),
            ("aujourd’hui", "aujourd'hui"),
            ("１５／３／９０", "15/3/90"),
            ("٣٤", "34"),
            ("1️⃣", "1"),
            ("Sœur", "soeur"),
            ("2–3", "2-3"),
            ("NÃO\u{200b}", "nao"),
            ("👍🏿", "👍"),
        ] {
            assert_eq!(fold(text), want);
        }
    }

    #[test]
    fn tokens_keep_signs_only_between_digits() {
        assert_eq!(tokens("15/3/90"), ["15", "/", "3", "/", "90"]);
        assert_eq!(tokens("34ans, femme"), ["34", "ans", "femme"]);
        assert_eq!(tokens("30 - 35"), ["30", "-", "35"]);
        assert_eq!(tokens("j'ai 2,5 ans."), ["jai", "2", ",", "5", "ans"]);
        assert_eq!(tokens("1, 3"), ["1", "3"]);
    }

    proptest! {
        #[test]
        fn folding_twice_changes_nothing(text in any::<String>()) {
            let once = fold(&text);
            prop_assert_eq!(fold(&once), once);
        }
    }
}

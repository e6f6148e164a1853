//! A choice that begins a longer message: "yes, but I also have a fever".

use super::Choice;
use super::fold::{fold, folded_tokens};

/// Words after which something further is said.
const FURTHER: &[&str] = &[
    "but", "and", "also", "mais", "et", "aussi", "lakini", "na", "pia", "pero", "y", "tambien",
    "mas", "e", "tambem",
];

/// Words that are a yes whatever follows; "si" may be "if".
const YES: &[&str] = &["yes", "oui", "ndiyo", "ndio", "sim"];

/// Most words of a choice that begins a message.
const HEAD_WORDS_MAX: usize = 4;

/// The words a message begins with that may be a choice, and what follows
/// them, where a comma, a "but" or the like parts the two.
pub fn begun(text: &str) -> Option<(&str, &str)> {
    let parted = text.find([',', '.', ';', ':', '!', '\n']);
    let parted = parted.map(|at| text.split_at(at));
    let (head, rest) = parted
        .filter(|(head, _)| head.split_whitespace().count() <= HEAD_WORDS_MAX)
        .or_else(|| before_further(text))?;
    let says = |part: &str| part.chars().any(char::is_alphanumeric);
    (says(head) && says(rest)).then_some((head.trim(), rest))
}

/// Whether a label of this choice stands anywhere in a text.
pub fn names(choice: &Choice, text: &str) -> bool {
    let said = folded_tokens(text);
    let labels = std::iter::once(&choice.label).chain(&choice.also);
    labels.map(|label| folded_tokens(label)).any(|label| {
        let mut places = said.windows(label.len().max(1));
        places.any(|words| words == label.as_slice())
    })
}

fn before_further(text: &str) -> Option<(&str, &str)> {
    for (nth, (at, word)) in words(text).enumerate().take(HEAD_WORDS_MAX + 1) {
        let folded = fold(word);
        if nth > 0 && FURTHER.contains(&folded.as_str()) {
            return Some(text.split_at(at));
        }
        if nth == 0 && YES.contains(&folded.as_str()) {
            return Some(text.split_at(at + word.len()));
        }
    }
    None
}

/// Each word with where it begins.
fn words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut at = 0;
    text.split_inclusive(char::is_whitespace)
        .filter_map(move |piece| {
            let begins = at;
            at += piece.len();
            let word = piece.trim_end();
            (!word.is_empty()).then_some((begins, word))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_is_parted_from_what_follows() {
        for (text, head) in [
            ("yes but I also have a fever", Some("yes")),
            ("no, I am 35 not 34", Some("no")),
            ("sim mas tenho alergia a penicilina", Some("sim")),
            ("oui j'ai aussi de la fièvre", Some("oui")),
            ("c'est bon. Je tousse", Some("c'est bon")),
            ("right side hurts", None),
            ("no tengo fiebre", None),
            ("si puedo", None),
            ("yes", None),
            ("yes!", None),
            (", ,", None),
            ("", None),
        ] {
            assert_eq!(begun(text).map(|(head, _)| head), head, "{text}");
        }
    }
}

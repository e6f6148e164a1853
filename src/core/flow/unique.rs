//! What may stand only once: ids, and the words by which a choice is meant.
//!
//! Looks at the file as written, so that each fault is told where it stands.

use super::fault::Faults;
use super::reader::Table;
use crate::core::answers;
use crate::core::lang::Lang;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// No two of these tables have one id.
pub(super) fn ids(what: &str, tables: &[Table<'_>], faults: &mut Faults<'_>) {
    let mut seen = BTreeSet::new();
    for (id, place) in tables.iter().filter_map(|table| table.said("id")) {
        if !seen.insert(id) {
            faults.note(
                &place,
                format!("the {what} \"{id}\" stands twice: rename one"),
            );
        }
    }
}

/// No word means two of a question's choices, and none is a command, which
/// would be carried out whatever is asked.
pub(super) fn words(of: &str, choices: &[Table<'_>], languages: &[Lang], faults: &mut Faults<'_>) {
    for lang in languages {
        let mut known: BTreeMap<Vec<String>, usize> = BTreeMap::new();
        for (choice, text, place) in said_in(choices, *lang) {
            let folded = answers::folded_tokens(text);
            if folded.is_empty() {
                continue;
            }
            if answers::read_command(text, *lang).is_some() {
                faults.note(
                    &place,
                    format!(
                        "\"{text}\" of {of} is a command in every conversation: use another word"
                    ),
                );
            }
            if *known.entry(folded).or_insert(choice) != choice {
                faults.note(
                    &place,
                    format!("the {lang} word \"{text}\" means two choices of {of}: take it out of one, or rename one"),
                );
            }
        }
    }
}

/// Every word for a choice in a language, with the choice's number. Labels come
/// first: they are what is shown, so the other word is the one to take out.
fn said_in<'a>(choices: &[Table<'a>], lang: Lang) -> Vec<(usize, &'a str, Range<usize>)> {
    let labels = choices.iter().enumerate().filter_map(|(number, choice)| {
        let (text, place) = choice.table_at("label")?.said(lang.code())?;
        Some((number, text, place))
    });
    let mut said: Vec<_> = labels.collect();
    for (number, choice) in choices.iter().enumerate() {
        let also = choice.table_at("also");
        let words = also.map_or_else(Vec::new, |also| also.texts(lang.code()));
        said.extend(words.into_iter().map(|(text, at)| (number, text, at)));
    }
    said
}

//! What may stand only once: ids, and the words by which a choice is meant.
//!
//! Looks at the file as written, so that each fault is told where it stands.

use super::fault::Faults;
use super::reader::Table;
use super::words::ButtonName;
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
    no_commands(of, choices, languages, faults);
    meanings(of, choices, languages, faults);
}

/// The buttons that stand together, and whether a command's word answers them.
const QUESTIONS: [(&[ButtonName], bool); 7] = [
    (&[ButtonName::Agree, ButtonName::Refuse], false),
    (
        &[ButtonName::Me, ButtonName::Child, ButtonName::Other],
        false,
    ),
    (&[ButtonName::Send, ButtonName::Correct], false),
    (&[ButtonName::GoOn, ButtonName::StartOver], true),
    (&[ButtonName::Delete, ButtonName::Keep], true),
    (&[ButtonName::Yes, ButtonName::No], false),
    (
        &[ButtonName::Female, ButtonName::Male, ButtonName::AnotherSex],
        false,
    ),
];

/// The same of the buttons of each question.
pub(super) fn buttons(table: &Table<'_>, languages: &[Lang], faults: &mut Faults<'_>) {
    for (names, takes_commands) in QUESTIONS {
        let words: Vec<&str> = names.iter().map(|name| name.word()).collect();
        let choices = words.iter().filter_map(|word| table.table_at(word));
        let choices: Vec<Table<'_>> = choices.collect();
        let of = format!("the buttons {}", words.join(", "));
        if !takes_commands {
            no_commands(&of, &choices, languages, faults);
        }
        meanings(&of, &choices, languages, faults);
    }
}

fn no_commands(of: &str, choices: &[Table<'_>], languages: &[Lang], faults: &mut Faults<'_>) {
    let each = languages.iter().flat_map(|lang| {
        let said = said_in(choices, *lang).into_iter();
        said.map(move |(_, text, place)| (*lang, text, place))
    });
    for (lang, text, place) in each {
        if answers::read_command(text, lang).is_some() {
            faults.note(
                &place,
                format!("\"{text}\" of {of} is a command in every conversation: use another word"),
            );
        }
    }
}

fn meanings(of: &str, choices: &[Table<'_>], languages: &[Lang], faults: &mut Faults<'_>) {
    for lang in languages {
        let mut known: BTreeMap<Vec<String>, usize> = BTreeMap::new();
        for (choice, text, place) in said_in(choices, *lang) {
            let folded = answers::folded_tokens(text);
            if folded.is_empty() {
                continue;
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

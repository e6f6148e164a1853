//! What a flow must keep to beyond its shape: WhatsApp's limits, texts that
//! can be filled in, ids that stand once, and the budget of messages.
//!
//! Never changes the flow: it only notes faults.

use super::fault::{Faults, nearest};
use super::model::{Field, Flow, Page};
use super::reader::Table;
use super::words::{Line, Words};
use super::{conditions, unique};
use crate::core::lang::Lang;
use crate::core::limits;
use crate::core::table::takes_answers;
use unicode_segmentation::UnicodeSegmentation;

/// Longest id: choice ids travel in WhatsApp's 200 characters with a token.
const ID_CHARS_MAX: usize = 40;
/// Messages of an intake that are not pages: language, consent, whom it is
/// for, review, receipt.
const MESSAGES_BESIDE_PAGES: usize = 5;
/// UTF-16 units kept free for a clinic's name in place of its placeholder,
/// and for a sentence in front of a question.
const SPARE_UNITS: usize = 100;

/// An id of small letters, digits, `_`, `-` and `.`, short enough to travel.
pub(super) fn short_id(table: &Table<'_>, key: &str, id: &str, faults: &mut Faults<'_>) {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "_-.".contains(c);
    if !id.chars().all(plain) || id.len() > ID_CHARS_MAX {
        faults.note(
            &table.place(key),
            format!(
                "\"{key}\" of {} must be at most {ID_CHARS_MAX} small letters, digits, dashes, dots or underscores",
                table.name
            ),
        );
    }
}

/// An answer needs a place in the record that nobody else writes to.
pub(super) fn record_field(table: &Table<'_>, id: &str, faults: &mut Faults<'_>) {
    if !takes_answers(id) {
        faults.note(
            &table.place("id"),
            format!("the record's \"{id}\" is not a patient's to fill in: rename the field"),
        );
    }
}

/// Labels short enough to be tapped.
pub(super) fn title(table: &Table<'_>, label: &Words, most: usize, faults: &mut Faults<'_>) {
    for (lang, text) in &label.0 {
        let length = text.graphemes(true).count();
        let place = table.place_in("label", *lang);
        if text.contains('\n') {
            faults.note(
                &place,
                format!(
                    "the {lang} label of {} has two lines: write it on one",
                    table.name
                ),
            );
        }
        if length > most {
            faults.note(
                &place,
                format!(
                    "the {lang} label of {} has {length} characters: WhatsApp shows at most {most}, shorten it",
                    table.name
                ),
            );
        }
    }
}

/// A sentence's placeholders and length.
pub(super) fn line(table: &Table<'_>, line: Line, words: &Words, faults: &mut Faults<'_>) {
    let key = line.word();
    texts(table, key, key, words, line.placeholders(), true, faults);
    let Some(needed) = line.needs() else { return };
    for (lang, text) in &words.0 {
        if !text.contains(&format!("{{{needed}}}")) {
            faults.note(
                &table.place_in(key, *lang),
                format!("the {lang} text of \"{key}\" must contain {{{needed}}}"),
            );
        }
    }
}

/// The texts of a consent or a question, under their key.
pub(super) fn body(
    table: &Table<'_>,
    key: &str,
    words: &Words,
    placeholders: &[&str],
    tapped: bool,
    faults: &mut Faults<'_>,
) {
    let name = &table.name;
    texts(table, key, name, words, placeholders, tapped, faults);
}

/// A hint must say which question it is about.
pub(super) fn hint(table: &Table<'_>, word: &str, words: &Words, faults: &mut Faults<'_>) {
    texts(table, word, word, words, &["question"], true, faults);
    for (lang, text) in &words.0 {
        if !text.contains("{question}") {
            faults.note(
                &table.place_in(word, *lang),
                format!("the {lang} text of hint \"{word}\" must contain {{question}}"),
            );
        }
    }
}

fn texts(
    table: &Table<'_>,
    key: &str,
    name: &str,
    words: &Words,
    placeholders: &[&str],
    tapped: bool,
    faults: &mut Faults<'_>,
) {
    let most = if tapped {
        limits::INTERACTIVE_UNITS_MAX - SPARE_UNITS
    } else {
        limits::INTERACTIVE_UNITS_MAX / 2
    };
    for (lang, text) in &words.0 {
        let place = table.place_in(key, *lang);
        let units = text.encode_utf16().count();
        if units > most {
            faults.note(
                &place,
                format!(
                    "the {lang} text of {name} has {units} units: at most {most} fit, shorten it"
                ),
            );
        }
        for found in placeholders_in(text) {
            if !placeholders.contains(&found) {
                faults.note_within(
                    &place,
                    &format!("{{{found}"),
                    format!(
                        "the {lang} text of {name} has an unknown placeholder {{{found}}}{}",
                        instead(found, placeholders)
                    ),
                );
            }
        }
    }
}

/// What to write in place of a placeholder that nobody fills in.
fn instead(found: &str, placeholders: &[&str]) -> String {
    let near = nearest(found, placeholders.iter().copied());
    match placeholders {
        [] => ": take it out, nothing is filled in here".to_owned(),
        [_, ..] if !near.is_empty() => near,
        [_, ..] => {
            let known: Vec<String> = placeholders.iter().map(|p| format!("{{{p}}}")).collect();
            format!(": take it out; known here are {}", known.join(", "))
        }
    }
}

/// What stands between braces.
fn placeholders_in(text: &str) -> Vec<&str> {
    text.split('{')
        .skip(1)
        .map(|rest| rest.split_once('}').map_or(rest, |(name, _)| name))
        .collect()
}

/// Choices belong to questions that offer some.
pub(super) fn choices(
    table: &Table<'_>,
    field: &Field,
    languages: &[Lang],
    faults: &mut Faults<'_>,
) {
    let count = field.choices.len();
    let place = table.place("choices");
    if !field.kind.has_choices() {
        if count > 0 {
            faults.note(
                &place,
                format!("{} takes no choices: remove them", table.name),
            );
        }
        return;
    }
    let most = limits::LIST_ROWS_MAX;
    if !(2..=most).contains(&count) {
        let todo = if count > most {
            "take some out, or ask them in two questions"
        } else {
            "add some, or make it a question of another kind"
        };
        faults.note(
            &place,
            format!(
                "{} needs 2 to {most} choices, it has {count}: {todo}",
                table.name
            ),
        );
    }
    let choices = table.tables("choices");
    unique::ids("choice", &choices, faults);
    unique::words(&table.name, &choices, languages, faults);
}

/// Questions of one page must fit into one message and be told apart in the
/// reply.
pub(super) fn page(table: &Table<'_>, page: &Page, languages: &[Lang], faults: &mut Faults<'_>) {
    // One that could not be read is told by its own fault.
    if page.fields.is_empty() && table.tables("fields").is_empty() {
        faults.note(
            &table.span,
            format!("page \"{}\" asks nothing: add a field", page.id),
        );
    }
    if page.fields.len() > 1 && page.fields.iter().any(|f| f.kind.has_choices()) {
        faults.note(
            &table.span,
            format!("page \"{}\" mixes choices with other questions: give the choices a page of their own", page.id),
        );
    }
    for lang in languages {
        let questions = page.fields.iter().map(|f| f.ask.get(*lang));
        let units: usize = questions.map(|text| text.encode_utf16().count() + 4).sum();
        if units > limits::INTERACTIVE_UNITS_MAX - SPARE_UNITS {
            faults.note(
                &table.span,
                format!(
                    "page \"{}\" is too long in {lang}: split it or shorten its questions",
                    page.id
                ),
            );
        }
    }
}

/// What only the whole shows: ids, conditions, the budget.
pub(super) fn flow(flow: &Flow, root: &Table<'_>, faults: &mut Faults<'_>) {
    let place = root.place("pages");
    if flow.pages.is_empty() {
        faults.note(&place, "the flow asks nothing: add a page");
    }
    let messages = flow.pages.len() + MESSAGES_BESIDE_PAGES;
    if messages > limits::INTAKE_MESSAGES_MAX {
        faults.note(
            &place,
            format!(
                "a whole intake would send {messages} messages, at most {} are allowed: ask more on one page",
                limits::INTAKE_MESSAGES_MAX
            ),
        );
    }
    let pages = root.tables("pages");
    unique::ids("page", &pages, faults);
    let fields: Vec<Table<'_>> = pages
        .iter()
        .flat_map(|page| page.tables("fields"))
        .collect();
    unique::ids("field", &fields, faults);
    // An age told as the birth is written there, and would hide the other answer.
    if flow.find_field("birth_date").is_some() && flow.find_field("age_years").is_some() {
        let mut ids = fields.iter().filter_map(|field| field.said("id"));
        let age = ids.find(|(id, _)| *id == "age_years");
        faults.note(
            &age.map_or(place, |(_, at)| at),
            "\"birth_date\" takes an age too and fills in \"age_years\": ask one of them",
        );
    }
    conditions::check(flow, &fields, faults);
}

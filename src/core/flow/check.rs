//! What a flow must keep to beyond its shape: WhatsApp's limits, texts that
//! can be filled in, ids that stand once, and the budget of messages.
//!
//! Never changes the flow: it only notes faults.

use super::fault::{Faults, nearest};
use super::model::{Condition, Field, FieldKind, Flow, Page};
use super::reader::Table;
use super::words::{Line, Words};
use crate::core::lang::Lang;
use crate::core::limits;
use crate::core::table::takes_answers;
use std::collections::BTreeSet;
use std::ops::Range;
use toml::Spanned;
use unicode_segmentation::UnicodeSegmentation;

/// Longest id: choice ids travel in WhatsApp's 200 characters with a token.
const ID_CHARS_MAX: usize = 40;
/// Messages of an intake that are not pages: language, consent, whom it is
/// for, review, receipt.
const MESSAGES_BESIDE_PAGES: usize = 5;
/// UTF-16 units kept free for a clinic's name in place of its placeholder,
/// and for a sentence in front of a question.
const SPARE_UNITS: usize = 100;

fn at(table: &Table<'_>, key: &str) -> Range<usize> {
    table
        .find(key)
        .map_or_else(|| table.span.clone(), Spanned::span)
}

/// An id of small letters, digits, `_`, `-` and `.`, short enough to travel.
pub(super) fn short_id(table: &Table<'_>, key: &str, id: &str, faults: &mut Faults<'_>) {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "_-.".contains(c);
    if !id.chars().all(plain) || id.len() > ID_CHARS_MAX {
        faults.note(
            &at(table, key),
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
            &at(table, "id"),
            format!("the record's \"{id}\" is not a patient's to fill in: rename the field"),
        );
    }
}

/// Labels short enough to be tapped.
pub(super) fn title(table: &Table<'_>, label: &Words, most: usize, faults: &mut Faults<'_>) {
    for (lang, text) in &label.0 {
        let length = text.graphemes(true).count();
        if length > most {
            faults.note(
                &at(table, "label"),
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
    let place = at(table, line.word());
    texts(
        &place,
        line.word(),
        words,
        line.placeholders(),
        true,
        faults,
    );
    let Some(needed) = line.needs() else { return };
    for (lang, text) in &words.0 {
        if !text.contains(&format!("{{{needed}}}")) {
            faults.note(
                &place,
                format!(
                    "the {lang} text of \"{}\" must contain {{{needed}}}",
                    line.word()
                ),
            );
        }
    }
}

/// The texts of a consent or a question.
pub(super) fn body(
    table: &Table<'_>,
    words: &Words,
    placeholders: &[&str],
    tapped: bool,
    faults: &mut Faults<'_>,
) {
    texts(
        &table.span,
        &table.name,
        words,
        placeholders,
        tapped,
        faults,
    );
}

/// A hint must say which question it is about.
pub(super) fn hint(table: &Table<'_>, word: &str, words: &Words, faults: &mut Faults<'_>) {
    let place = at(table, word);
    texts(&place, word, words, &["question"], true, faults);
    for (lang, text) in &words.0 {
        if !text.contains("{question}") {
            faults.note(
                &place,
                format!("the {lang} text of hint \"{word}\" must contain {{question}}"),
            );
        }
    }
}

fn texts(
    place: &Range<usize>,
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
        let units = text.encode_utf16().count();
        if units > most {
            faults.note(
                place,
                format!(
                    "the {lang} text of {name} has {units} units: at most {most} fit, shorten it"
                ),
            );
        }
        for found in placeholders_in(text) {
            if !placeholders.contains(&found) {
                let near = nearest(found, placeholders.iter().copied());
                faults.note(
                    place,
                    format!(
                        "the {lang} text of {name} has an unknown placeholder {{{found}}}{near}"
                    ),
                );
            }
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
    let place = at(table, "choices");
    if !field.kind.has_choices() {
        if count > 0 {
            faults.note(
                &place,
                format!("{} takes no choices: remove them", table.name),
            );
        }
        return;
    }
    if !(2..=limits::LIST_ROWS_MAX).contains(&count) {
        faults.note(
            &place,
            format!(
                "{} needs 2 to {} choices, it has {count}",
                table.name,
                limits::LIST_ROWS_MAX
            ),
        );
    }
    unique(
        &place,
        "choice",
        field.choices.iter().map(|c| c.id.as_str()),
        faults,
    );
    for lang in languages {
        let labels = field.choices.iter().map(|c| c.label.get(*lang));
        unique(&place, &format!("{lang} label"), labels, faults);
    }
}

fn unique<'t>(
    place: &Range<usize>,
    what: &str,
    names: impl Iterator<Item = &'t str>,
    faults: &mut Faults<'_>,
) {
    let mut seen = BTreeSet::new();
    for name in names {
        if !seen.insert(name) {
            faults.note(
                place,
                format!("the {what} \"{name}\" stands twice: rename one"),
            );
        }
    }
}

/// Questions of one page must fit into one message and be told apart in the
/// reply.
pub(super) fn page(table: &Table<'_>, page: &Page, languages: &[Lang], faults: &mut Faults<'_>) {
    if page.fields.is_empty() {
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
    let place = at(root, "pages");
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
    unique(
        &place,
        "page",
        flow.pages.iter().map(|p| p.id.as_str()),
        faults,
    );
    unique(
        &place,
        "field",
        flow.fields().map(|f| f.id.as_str()),
        faults,
    );
    // An age told as the birth is written there, and would hide the other answer.
    if flow.find_field("birth_date").is_some() && flow.find_field("age_years").is_some() {
        faults.note(
            &place,
            "\"birth_date\" takes an age too and fills in \"age_years\": ask one of them",
        );
    }
    conditions(flow, &place, faults);
}

fn conditions(flow: &Flow, place: &Range<usize>, faults: &mut Faults<'_>) {
    let mut earlier: Vec<&Field> = Vec::new();
    for field in flow.fields() {
        for condition in &field.only_if {
            let name = condition.field();
            let Some(known) = earlier.iter().find(|f| f.id == name) else {
                let near = nearest(name, earlier.iter().map(|f| f.id.as_str()));
                faults.note(
                    place,
                    format!(
                        "field \"{}\" depends on \"{name}\", which is not asked before it{near}",
                        field.id
                    ),
                );
                continue;
            };
            if !answers_to(known, condition) {
                faults.note(
                    place,
                    format!(
                        "field \"{}\" depends on something \"{name}\" never answers",
                        field.id
                    ),
                );
            }
        }
        earlier.push(field);
    }
}

fn answers_to(field: &Field, condition: &Condition) -> bool {
    match condition {
        Condition::Age { min, max, .. } => field.kind == FieldKind::BirthOrAge && min <= max,
        Condition::Is { id, .. } => match field.kind {
            FieldKind::Sex => ["female", "male", "other"].contains(&id.as_str()),
            FieldKind::YesNo => ["yes", "no"].contains(&id.as_str()),
            FieldKind::OneOf | FieldKind::AnyOf => field.choices.iter().any(|c| c.id == *id),
            FieldKind::Name
            | FieldKind::BirthOrAge
            | FieldKind::Locality
            | FieldKind::FreeText
            | FieldKind::FreeTextOrNone
            | FieldKind::Onset
            | FieldKind::EmergencyContact => false,
        },
    }
}

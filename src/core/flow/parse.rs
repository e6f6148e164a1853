//! From a flow file's text to a flow, or to all its faults.
//!
//! Total: any text gives one or the other. Never reads a file: the text is
//! handed in.

use super::check;
use super::fault::{Faults, FlowFault, nearest};
use super::model::{
    ButtonWords, Condition, Field, FieldChoice, FieldKind, Flow, MISREADS, Page, courtesy_words,
    misread_word,
};
use super::reader::{Table, table_of, text_of};
use super::unique;
use super::words::{ButtonName, Line, Words};
use crate::core::lang::Lang;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// The newest format this program reads.
const FORMAT: u16 = 1;

impl Flow {
    /// Reads and checks a flow file.
    ///
    /// # Errors
    /// Every fault of it, by line.
    pub fn parse(source: &str) -> Result<Self, Vec<FlowFault>> {
        let mut faults = Faults::new(source);
        let (root, errors) = DeTable::parse_recoverable(source);
        if !errors.is_empty() {
            for error in &errors {
                let at = error.span().unwrap_or(0..0);
                faults.note(&at, format!("not readable as TOML: {}", error.message()));
            }
            return Err(faults.into_sorted());
        }
        let root = Table {
            entries: root.get_ref(),
            span: 0..0,
            name: "the flow".to_owned(),
        };
        let flow = read_flow(&root, source, &mut faults);
        if faults.is_empty() {
            Ok(flow)
        } else {
            Err(faults.into_sorted())
        }
    }

    /// What keeps it from being the conversation of a clinic that speaks these
    /// languages: a fault for each that it lacks, at the line of its own.
    pub fn faults_for(&self, spoken: &[Lang]) -> Vec<FlowFault> {
        let named = |line: &str| line.trim_start().starts_with("languages");
        let line = 1 + self.source.lines().position(named).unwrap_or(0);
        let lacking = spoken.iter().filter(|lang| !self.languages.contains(lang));
        let fault = |lang: &Lang| FlowFault {
            line,
            message: format!(
                "the flow has no texts in \"{lang}\", which the configuration names: write them, \
                 or take \"{lang}\" out of clinic.languages"
            ),
        };
        lacking.map(fault).collect()
    }

    /// The intake flow that comes with the program.
    pub fn built_in() -> Self {
        Self::parse(include_str!("intake.toml"))
            .expect("the test `the_built_in_flow_has_no_fault` parses this very text")
    }
}

fn read_flow(root: &Table<'_>, source: &str, faults: &mut Faults<'_>) -> Flow {
    root.only(
        &[
            "version",
            "id",
            "languages",
            "consent",
            "courtesies",
            "lines",
            "buttons",
            "hints",
            "pages",
        ],
        faults,
    );
    match root.number("version", faults) {
        Some(FORMAT) => {}
        Some(_) | None => faults.note(
            &root.find("version").map_or(0..0, Spanned::span),
            "the file must say version = 1: this program reads no other",
        ),
    }
    let languages = read_languages(root, faults);
    let mut flow = Flow {
        source: source.to_owned(),
        version: hex::encode(Sha256::digest(source.as_bytes())),
        id: root.text("id", faults),
        consent_version: String::new(),
        consent_text: Words::default(),
        lines: read_lines(root, &languages, faults),
        buttons: read_buttons(root, &languages, faults),
        hints: BTreeMap::new(),
        courtesies: read_courtesies(root, &languages, faults),
        pages: Vec::new(),
        languages,
    };
    if let Some(consent) = root.table("consent", faults) {
        consent.only(&["version", "text"], faults);
        flow.consent_version = consent.text("version", faults);
        check::short_id(&consent, "version", &flow.consent_version, faults);
        flow.consent_text = consent.words("text", &flow.languages, faults);
        check::body(
            &consent,
            "text",
            &flow.consent_text,
            &["clinic", "emergency_number"],
            true,
            faults,
        );
    }
    if let Some(hints) = root.table("hints", faults) {
        flow.hints = read_hints(&hints, &flow.languages, true, faults);
    }
    for entry in root.array("pages", faults) {
        if let Some(table) = table_of(entry, "a page".to_owned(), faults) {
            flow.pages.push(read_page(&table, &flow.languages, faults));
        }
    }
    check::flow(&flow, root, faults);
    flow
}

fn read_languages(root: &Table<'_>, faults: &mut Faults<'_>) -> Vec<Lang> {
    let mut languages = Vec::new();
    for entry in root.array("languages", faults) {
        let code = text_of(entry, "a language", faults);
        match code.parse::<Lang>() {
            Ok(lang) if languages.contains(&lang) => {
                faults.note(
                    &entry.span(),
                    format!("language \"{code}\" stands twice: take one out"),
                );
            }
            Ok(lang) => languages.push(lang),
            Err(unknown) => faults.note(&entry.span(), unknown.to_string()),
        }
    }
    if languages.is_empty() {
        let at = root.find("languages").map_or(0..0, Spanned::span);
        faults.note(&at, "the flow names no language: add languages = [\"en\"]");
    }
    languages
}

fn read_lines(
    root: &Table<'_>,
    languages: &[Lang],
    faults: &mut Faults<'_>,
) -> BTreeMap<Line, Words> {
    let Some(table) = root.table("lines", faults) else {
        return BTreeMap::new();
    };
    let known: Vec<&str> = Line::ALL.iter().map(|line| line.word()).collect();
    table.only(&known, faults);
    let mut lines = BTreeMap::new();
    let said = |line: &&Line| !line.is_optional() || table.find(line.word()).is_some();
    for line in Line::ALL.iter().filter(said) {
        let words = table.words(line.word(), languages, faults);
        check::line(&table, *line, &words, faults);
        lines.insert(*line, words);
    }
    lines
}

fn read_buttons(
    root: &Table<'_>,
    languages: &[Lang],
    faults: &mut Faults<'_>,
) -> BTreeMap<ButtonName, ButtonWords> {
    let Some(table) = root.table("buttons", faults) else {
        return BTreeMap::new();
    };
    let known: Vec<&str> = ButtonName::ALL.iter().map(|name| name.word()).collect();
    table.only(&known, faults);
    let mut buttons = BTreeMap::new();
    for name in ButtonName::ALL {
        let Some(button) = table.table(name.word(), faults) else {
            continue;
        };
        button.only(&["label", "also"], faults);
        let words = ButtonWords {
            label: button.words("label", languages, faults),
            also: button.also(languages, faults),
        };
        check::title(
            &button,
            &words.label,
            crate::core::limits::BUTTON_TITLE_MAX,
            faults,
        );
        buttons.insert(*name, words);
    }
    unique::buttons(&table, languages, faults);
    buttons
}

/// Words that begin nothing after a receipt; a flow may do without.
fn read_courtesies(
    root: &Table<'_>,
    languages: &[Lang],
    faults: &mut Faults<'_>,
) -> BTreeSet<Vec<String>> {
    let Some(entry) = root.find("courtesies") else {
        return BTreeSet::new();
    };
    let Some(table) = table_of(entry, "[courtesies]".to_owned(), faults) else {
        return BTreeSet::new();
    };
    table.only(&["also"], faults);
    let also = table.also(languages, faults);
    let texts = also.values().flatten();
    texts.map(|text| courtesy_words(text)).collect()
}

/// Hints of the flow (`all` of them) or of one field (any).
fn read_hints(
    table: &Table<'_>,
    languages: &[Lang],
    all: bool,
    faults: &mut Faults<'_>,
) -> BTreeMap<&'static str, Words> {
    let known: Vec<&str> = MISREADS.into_iter().map(misread_word).collect();
    table.only(&known, faults);
    let mut hints = BTreeMap::new();
    for word in MISREADS.into_iter().map(misread_word) {
        if all || table.find(word).is_some() {
            let words = table.words(word, languages, faults);
            check::hint(table, word, &words, faults);
            hints.insert(word, words);
        }
    }
    hints
}

fn read_page(table: &Table<'_>, languages: &[Lang], faults: &mut Faults<'_>) -> Page {
    table.only(&["id", "fields"], faults);
    let id = table.text("id", faults);
    check::short_id(table, "id", &id, faults);
    let mut page = Page {
        id,
        fields: Vec::new(),
    };
    for entry in table.array("fields", faults) {
        let name = format!("a field of page \"{}\"", page.id);
        if let Some(field) = table_of(entry, name, faults) {
            page.fields.extend(read_field(field, languages, faults));
        }
    }
    check::page(table, &page, languages, faults);
    page
}

fn read_field(mut table: Table<'_>, languages: &[Lang], faults: &mut Faults<'_>) -> Option<Field> {
    table.only(
        &["id", "kind", "label", "ask", "choices", "hints", "only_if"],
        faults,
    );
    let id = table.text("id", faults);
    check::short_id(&table, "id", &id, faults);
    check::record_field(&table, &id, faults);
    table.name = format!("field \"{id}\"");
    let label = table.words("label", languages, faults);
    check::title(&table, &label, crate::core::limits::ROW_TITLE_MAX, faults);
    let ask = table.words("ask", languages, faults);
    check::body(&table, "ask", &ask, &[], false, faults);
    let hints = match table.find("hints") {
        Some(entry) => table_of(entry, format!("\"hints\" of {}", table.name), faults)
            .map_or_else(BTreeMap::new, |hints| {
                read_hints(&hints, languages, false, faults)
            }),
        None => BTreeMap::new(),
    };
    let choices = read_choices(&table, languages, faults);
    let (only_if, only_if_at) = read_conditions(&table, faults);
    let field = Field {
        id,
        kind: read_kind(&table, faults)?,
        label,
        ask,
        hints,
        choices,
        only_if,
        only_if_at,
    };
    check::choices(&table, &field, languages, faults);
    Some(field)
}

fn read_kind(table: &Table<'_>, faults: &mut Faults<'_>) -> Option<FieldKind> {
    let word = table.text("kind", faults);
    let known = FieldKind::WORDS.iter();
    let found = known.clone().find(|(name, _)| *name == word);
    if found.is_none() && !word.is_empty() {
        let at = table.find("kind").map_or(0..0, Spanned::span);
        let near = nearest(&word, known.map(|(name, _)| *name));
        faults.note(
            &at,
            format!(
                "no kind of question is called \"{word}\"{near}: write one of {}",
                FieldKind::WORDS.map(|(name, _)| name).join(", ")
            ),
        );
    }
    found.map(|(_, kind)| *kind)
}

fn read_choices(
    table: &Table<'_>,
    languages: &[Lang],
    faults: &mut Faults<'_>,
) -> Vec<FieldChoice> {
    let mut choices = Vec::new();
    for entry in table.array("choices", faults) {
        let name = format!("a choice of {}", table.name);
        let Some(choice) = table_of(entry, name, faults) else {
            continue;
        };
        choice.only(&["id", "label", "also"], faults);
        let id = choice.text("id", faults);
        check::short_id(&choice, "id", &id, faults);
        let label = choice.words("label", languages, faults);
        check::title(&choice, &label, crate::core::limits::ROW_TITLE_MAX, faults);
        choices.push(FieldChoice {
            id,
            label,
            also: choice.also(languages, faults),
        });
    }
    choices
}

/// The conditions of a field, and where each stands.
fn read_conditions(
    table: &Table<'_>,
    faults: &mut Faults<'_>,
) -> (Vec<Condition>, Vec<Range<usize>>) {
    let mut conditions = Vec::new();
    for entry in table.array("only_if", faults) {
        let name = format!("a condition of {}", table.name);
        if let Some(condition) = table_of(entry, name, faults) {
            let read = read_condition(entry, &condition, faults);
            conditions.extend(read.map(|condition| (condition, entry.span())));
        }
    }
    conditions.into_iter().unzip()
}

fn read_condition(
    entry: &Spanned<DeValue<'_>>,
    table: &Table<'_>,
    faults: &mut Faults<'_>,
) -> Option<Condition> {
    table.only(&["field", "is", "age_min", "age_max"], faults);
    let field = table.text("field", faults);
    let (min, max) = (
        table.number("age_min", faults),
        table.number("age_max", faults),
    );
    match (table.find("is"), min, max) {
        (Some(_), None, None) => Some(Condition::Is {
            field,
            id: table.text("is", faults),
        }),
        (None, min, max) if min.is_some() || max.is_some() => Some(Condition::Age {
            field,
            min: min.unwrap_or(0),
            max: max.unwrap_or(u16::MAX),
        }),
        (Some(_) | None, _, _) => {
            faults.note(
                &entry.span(),
                format!(
                    "{} needs either \"is\" or \"age_min\" and \"age_max\"",
                    table.name
                ),
            );
            None
        }
    }
}

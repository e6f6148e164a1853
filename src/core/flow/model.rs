//! A flow as the engine uses it: complete, checked, in every language.
//!
//! Never holds a fault: `parse` is the only way to make one.

use super::words::{ButtonName, Line, Words};
use crate::core::answers::{self, Choice, Kind, Misread, Subject};
use crate::core::lang::Lang;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// A flow without faults.
#[derive(Clone, Debug)]
pub struct Flow {
    pub(super) source: String,
    pub(super) version: String,
    pub(super) id: String,
    pub(super) languages: Vec<Lang>,
    pub(super) consent_version: String,
    pub(super) consent_text: Words,
    pub(super) lines: BTreeMap<Line, Words>,
    pub(super) buttons: BTreeMap<ButtonName, ButtonWords>,
    pub(super) hints: BTreeMap<&'static str, Words>,
    /// As [`courtesy_words`] reads them: every message is held against all.
    pub(super) courtesies: BTreeSet<Vec<String>>,
    pub(super) pages: Vec<Page>,
}

/// A button's label, and what people write instead of tapping it.
#[derive(Clone, Debug, Default)]
pub struct ButtonWords {
    pub(super) label: Words,
    pub(super) also: Also,
}

/// Other words for a choice, by language.
pub(super) type Also = BTreeMap<Lang, Vec<String>>;

/// Questions that are asked together.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// Its id in the file.
    pub id: String,
    /// What it asks.
    pub fields: Vec<Field>,
}

/// One question.
#[derive(Clone, Debug)]
pub struct Field {
    /// The id of the record's field.
    pub id: String,
    /// How its answer is read.
    pub kind: FieldKind,
    /// Its name in the review.
    pub label: Words,
    /// The question.
    pub ask: Words,
    /// Its own words for asking again, by the misread's word.
    pub(super) hints: BTreeMap<&'static str, Words>,
    /// What can be chosen.
    pub(super) choices: Vec<FieldChoice>,
    /// When it is asked at all; every condition must hold.
    pub only_if: Vec<Condition>,
    /// Where each of these stands in the file.
    pub(super) only_if_at: Vec<Range<usize>>,
}

/// Something a question offers.
#[derive(Clone, Debug, Default)]
pub struct FieldChoice {
    pub(super) id: String,
    pub(super) label: Words,
    pub(super) also: Also,
}

/// The kinds of question, as the file names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldKind {
    /// A person's name.
    Name,
    /// A date of birth or an age.
    BirthOrAge,
    /// Sex.
    Sex,
    /// A place.
    Locality,
    /// Words.
    FreeText,
    /// Words or none.
    FreeTextOrNone,
    /// Since when.
    Onset,
    /// Yes or no.
    YesNo,
    /// One choice.
    OneOf,
    /// Any number of choices.
    AnyOf,
    /// A person to call, or none.
    EmergencyContact,
}

impl FieldKind {
    /// Every kind with its word in the file.
    pub(super) const WORDS: [(&'static str, Self); 11] = [
        ("name", Self::Name),
        ("birth_or_age", Self::BirthOrAge),
        ("sex", Self::Sex),
        ("locality", Self::Locality),
        ("free_text", Self::FreeText),
        ("free_text_or_none", Self::FreeTextOrNone),
        ("onset", Self::Onset),
        ("yes_no", Self::YesNo),
        ("one_of", Self::OneOf),
        ("any_of", Self::AnyOf),
        ("emergency_contact", Self::EmergencyContact),
    ];

    /// Whether it offers choices of its own.
    pub const fn has_choices(self) -> bool {
        matches!(self, Self::OneOf | Self::AnyOf)
    }
}

/// When a question is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// An earlier choice has this id (`yes` or `no` for such a question).
    Is {
        /// The earlier field.
        field: String,
        /// The id.
        id: String,
    },
    /// The age lies within; holds while the age is not known.
    Age {
        /// The earlier field.
        field: String,
        /// Completed years, at least.
        min: u16,
        /// Completed years, at most.
        max: u16,
    },
}

impl Condition {
    /// The field it looks at.
    pub fn field(&self) -> &str {
        match self {
            Self::Is { field, .. } | Self::Age { field, .. } => field,
        }
    }
}

impl Flow {
    /// A hash of the file: a session carries the flow it began on.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The file's text, to be stored for the sessions that began on it.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The flow's own name.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The languages it is written in.
    pub fn languages(&self) -> &[Lang] {
        &self.languages
    }

    /// The version of the consent text; an older consent is asked for again.
    pub fn consent_version(&self) -> &str {
        &self.consent_version
    }

    /// The consent text.
    pub const fn consent_text(&self) -> &Words {
        &self.consent_text
    }

    /// The pages in their order.
    pub fn pages(&self) -> &[Page] {
        &self.pages
    }

    /// A field by its id.
    pub fn find_field(&self, id: &str) -> Option<&Field> {
        self.fields().find(|field| field.id == id)
    }

    /// Every field in its order.
    pub fn fields(&self) -> impl Iterator<Item = &Field> {
        self.pages.iter().flat_map(|page| &page.fields)
    }

    /// A sentence; empty only if the flow brings none, which `parse` refuses.
    pub fn line(&self, line: Line, lang: Lang) -> &str {
        self.lines.get(&line).map_or("", |words| words.get(lang))
    }

    /// A button as a choice: the id is the button's name.
    pub fn button(&self, name: ButtonName, lang: Lang) -> Choice {
        let words = self.buttons.get(&name);
        Choice {
            id: name.word().to_owned(),
            label: words.map_or("", |w| w.label.get(lang)).to_owned(),
            also: words.map_or_else(Vec::new, |w| said(&w.also, lang)),
        }
    }

    /// Whether a text is nothing but thanks or agreement, in any language, or
    /// has no letter or digit in it at all.
    pub fn is_courtesy(&self, text: &str) -> bool {
        let said = courtesy_words(text);
        said.is_empty() || self.courtesies.contains(&said)
    }

    /// Why a field has to be asked again, with `{question}` still in it.
    pub fn hint<'a>(&'a self, field: &'a Field, why: Misread, lang: Lang) -> &'a str {
        let word = misread_word(why);
        field
            .hints
            .get(word)
            .or_else(|| self.hints.get(word))
            .map_or("{question}", |words| words.get(lang))
    }
}

/// The words of a courtesy, without case, accents and punctuation.
pub(super) fn courtesy_words(text: &str) -> Vec<String> {
    let folded = answers::fold(text);
    let parts = folded.split(|c: char| !c.is_alphanumeric());
    let parts = parts.filter(|part| !part.is_empty());
    parts.map(str::to_owned).collect()
}

impl Field {
    /// Whether it offers a choice of this id.
    pub fn offers(&self, id: &str) -> bool {
        self.choices.iter().any(|choice| choice.id == id)
    }

    /// The kind as the reader of answers wants it, in one language.
    pub fn kind_in(&self, lang: Lang) -> Kind {
        match self.kind {
            FieldKind::Name => Kind::Name,
            FieldKind::BirthOrAge => Kind::BirthOrAge,
            FieldKind::Sex => Kind::Sex,
            FieldKind::Locality => Kind::Locality,
            FieldKind::FreeText => Kind::FreeText,
            FieldKind::FreeTextOrNone => Kind::FreeTextOrNone {
                about: self.about(),
            },
            FieldKind::Onset => Kind::Onset,
            FieldKind::YesNo => Kind::YesNo {
                about: self.about(),
            },
            FieldKind::OneOf => Kind::OneOf {
                choices: self.choices_in(lang),
            },
            FieldKind::AnyOf => Kind::AnyOf {
                choices: self.choices_in(lang),
            },
            FieldKind::EmergencyContact => Kind::EmergencyContact,
        }
    }

    /// What it is about, where the answers name it. The ids are those of the
    /// exported columns.
    fn about(&self) -> Option<Subject> {
        match self.id.as_str() {
            "allergies" => Some(Subject::Allergies),
            "medications" => Some(Subject::Medicines),
            "pregnant" => Some(Subject::Pregnancy),
            _ => None,
        }
    }

    /// What it offers, in one language.
    pub fn choices_in(&self, lang: Lang) -> Vec<Choice> {
        self.choices
            .iter()
            .map(|choice| Choice {
                id: choice.id.clone(),
                label: choice.label.get(lang).to_owned(),
                also: said(&choice.also, lang),
            })
            .collect()
    }
}

fn said(also: &Also, lang: Lang) -> Vec<String> {
    also.get(&lang).cloned().unwrap_or_default()
}

/// The misread's name in the flow file.
pub(super) const fn misread_word(why: Misread) -> &'static str {
    match why {
        Misread::Unclear => "unclear",
        Misread::TooShort => "too_short",
        Misread::TooLong => "too_long",
        Misread::NotAName => "not_a_name",
        Misread::BadDate => "bad_date",
        Misread::InFuture => "in_future",
        Misread::TooOld => "too_old",
        Misread::NoSuchChoice => "no_such_choice",
        Misread::Ambiguous => "ambiguous",
        Misread::BadPhone => "bad_phone",
    }
}

/// Every misread.
pub(super) const MISREADS: [Misread; 10] = [
    Misread::Unclear,
    Misread::TooShort,
    Misread::TooLong,
    Misread::NotAName,
    Misread::BadDate,
    Misread::InFuture,
    Misread::TooOld,
    Misread::NoSuchChoice,
    Misread::Ambiguous,
    Misread::BadPhone,
];

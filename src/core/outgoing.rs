//! What we say, provider-neutral, and its limits.

mod fit;
mod templates;

pub use fit::fit;
pub use templates::{
    NeutralTemplate, REOPEN_ID, REOPEN_TOKEN, Templates, language_of_code, neutral_templates,
    speaks, template_code, template_preference, wording,
};

use crate::core::lang::Lang;
use crate::core::limits::{INTERACTIVE_UNITS_MAX, TEXT_UNITS_MAX};
use serde::{Deserialize, Serialize};

/// One message to one person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outgoing {
    /// Why it is said; decides urgency, and what a lost result means.
    pub purpose: Purpose,
    /// What is said.
    pub body: Body,
}

/// Why a message is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// A question of the bot. Asking twice is harmless; a newer one replaces it.
    Prompt,
    /// Something the patient should have: a receipt, an answer to a command.
    Notice,
    /// The emergency text: goes before everything else.
    Emergency,
    /// Words of a member of staff.
    Staff,
    /// The request to write again, when the 24-hour window is closed.
    Template,
}

/// What is said. Every form has a plain-text twin (`plain_text`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Body {
    /// Text alone.
    Text {
        /// The words.
        text: String,
    },
    /// Text with up to three reply buttons.
    Buttons {
        /// The words.
        text: String,
        /// The buttons.
        buttons: Vec<Button>,
    },
    /// Text with a list of up to ten rows.
    List {
        /// The words.
        text: String,
        /// The label of the button that opens the list.
        open: String,
        /// The rows.
        rows: Vec<Row>,
    },
    /// Asks the person to share their phone number.
    RequestContact {
        /// The words.
        text: String,
    },
    /// A template that the provider approved, by name: the only thing that may
    /// be sent outside the 24-hour window. It has one quick reply.
    Template {
        /// Its name at the provider.
        name: String,
        /// Its language.
        language: Lang,
        /// The provider's code of that language under which this template stands
        /// there, where it was heard: `en_US` and `en` are two templates.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        code: Option<String>,
        /// What its words are, for staff who read the conversation.
        text: String,
    },
}

/// A reply button.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Button {
    /// Comes back verbatim when tapped; at most 256 characters.
    pub id: String,
    /// At most 20 characters, unique in its message.
    pub title: String,
}

/// A row of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// Comes back verbatim when tapped; at most 200 characters.
    pub id: String,
    /// At most 24 characters.
    pub title: String,
    /// At most 72 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

impl Body {
    /// A text message.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text { text: text.into() }
    }

    /// The same message with words put before its own; none where there is no
    /// room for them, or the words are not ours.
    pub fn with_lead(&self, lead: &str) -> Option<Self> {
        let mut led = self.clone();
        let (words, units_max) = match &mut led {
            Self::Text { text } => (text, TEXT_UNITS_MAX),
            Self::Buttons { text, .. }
            | Self::List { text, .. }
            | Self::RequestContact { text } => (text, INTERACTIVE_UNITS_MAX),
            Self::Template { .. } => return None,
        };
        *words = format!("{lead}\n\n{words}");
        let fits = words.encode_utf16().count() <= units_max;
        fits.then_some(led)
    }

    /// The words without what can be tapped.
    pub fn words(&self) -> &str {
        match self {
            Self::Text { text }
            | Self::Buttons { text, .. }
            | Self::List { text, .. }
            | Self::RequestContact { text }
            | Self::Template { text, .. } => text,
        }
    }

    /// The same message for a reader who cannot tap: choices are numbered,
    /// and the number or the words are understood as the answer.
    pub fn plain_text(&self) -> String {
        let titles: Vec<&str> = match self {
            Self::Text { .. } | Self::RequestContact { .. } | Self::Template { .. } => Vec::new(),
            Self::Buttons { buttons, .. } => buttons.iter().map(|b| b.title.as_str()).collect(),
            Self::List { rows, .. } => rows.iter().map(|r| r.title.as_str()).collect(),
        };
        let mut text = self.words().to_owned();
        if !titles.is_empty() {
            text.push('\n');
        }
        for (i, title) in titles.iter().enumerate() {
            text.push_str(&format!("\n{}. {title}", i + 1));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plain_twin_numbers_what_could_be_tapped() {
        let body = Body::Buttons {
            text: "Do you agree?".into(),
            buttons: vec![
                Button {
                    id: "y".into(),
                    title: "Yes".into(),
                },
                Button {
                    id: "n".into(),
                    title: "No".into(),
                },
            ],
        };
        assert_eq!(body.plain_text(), "Do you agree?\n\n1. Yes\n2. No");
    }

    #[test]
    fn a_lead_is_put_before_the_words_where_there_is_room() {
        let body = Body::text("How old are you?");
        let led = body.with_lead("Late.").unwrap();
        assert_eq!(led.words(), "Late.\n\nHow old are you?");
        let full = Body::text("a".repeat(TEXT_UNITS_MAX));
        assert_eq!(full.with_lead("Late."), None);
    }
}

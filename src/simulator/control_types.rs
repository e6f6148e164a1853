//! The JSON bodies of the control API. Unknown fields are refused: a test that
//! mistypes one must fail, not pass for nothing.

use super::fault::{Fault, Schedule};
use super::inbound::Said;
use super::stranger::Stranger;
use super::world::{Disorder, WorldError};
use super::world_phone::NewPerson;
use serde::Deserialize;

/// `POST /simulator/phones`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NewPhone {
    /// Digits with country code; one is drawn if it is left out.
    pub number: Option<String>,
    /// The name in the profile.
    pub name: Option<String>,
    /// The user name.
    pub username: Option<String>,
    /// Whether the clinic is told the user id only.
    pub bsuid_only: bool,
    /// Whether webhooks leave the user id out, as older ones do.
    pub number_only: bool,
}

/// `POST /simulator/phones/{number}/messages`: exactly one thing to say, and
/// perhaps the message it answers.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Writing {
    /// Words; with `edit`, the new words; with `image`, the caption.
    pub text: Option<String>,
    /// The id of a button or list row the clinic sent.
    pub button: Option<String>,
    /// The message this one quotes.
    pub reply_to: Option<String>,
    /// A voice note.
    pub voice: bool,
    /// A photo.
    pub image: bool,
    /// A sticker.
    pub sticker: bool,
    /// A document of this name.
    pub document: Option<String>,
    /// Latitude and longitude.
    pub location: Option<(f64, f64)>,
    /// Somebody's card: name and number.
    pub card: Option<(String, String)>,
    /// The person's own number, as asked for.
    pub own_number: bool,
    /// An emoji for the message `reply_to`; empty takes it back.
    pub reaction: Option<String>,
    /// The message that `text` corrects.
    pub edit: Option<String>,
    /// A message to delete for everyone.
    pub revoke: Option<String>,
    /// A completed form: a JSON text.
    pub form: Option<String>,
    /// A kind the platform does not carry.
    pub unsupported: Option<String>,
    /// The first opening of the chat.
    pub welcome: bool,
    /// A template's quick reply: payload and label.
    pub quick_reply: Option<(String, String)>,
}

/// `POST /simulator/phones/{number}`: what changes about a phone.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Change {
    /// The phone is switched on or off.
    pub online: Option<bool>,
    /// The number is hidden from the clinic, or shown again.
    pub hidden: Option<bool>,
    /// The person looks at the chat.
    pub seen: bool,
    /// The person calls.
    pub calls: bool,
    /// WhatsApp makes a new user id.
    pub new_user_id: bool,
    /// The person moves to this number.
    pub number: Option<String>,
}

/// `POST /simulator/line`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// Whether the clinic's line shall work.
    pub up: bool,
    /// Whether what patients write reaches the clinic while its line is cut.
    /// Without it, it does, so that one can watch the replies wait.
    #[serde(default = "yes")]
    pub webhooks: bool,
    /// Who answers in Meta's place on it.
    #[serde(default)]
    pub stranger: Option<Stranger>,
}

/// `POST /simulator/faults`: a fault of sends, or of webhooks, or both.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Faults {
    /// What goes wrong with sends.
    pub fault: Option<Fault>,
    /// The number or user id whose messages alone go wrong.
    pub to: Option<String>,
    /// How often; by default once.
    #[serde(flatten)]
    pub schedule: Schedule,
    /// How webhooks are disturbed from now on.
    pub webhooks: Option<Disorder>,
}

/// `POST /simulator/templates`: a reviewer's decision.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Review {
    /// Which template.
    pub name: String,
    /// In which language.
    pub language: String,
    /// `APPROVED`, `REJECTED`, `PAUSED`, …
    pub status: String,
    /// Meta's word for why.
    #[serde(default = "no_reason")]
    pub reason: String,
}

fn no_reason() -> String {
    "NONE".to_owned()
}

impl From<NewPhone> for NewPerson {
    fn from(new: NewPhone) -> Self {
        Self {
            number: new.number,
            name: new.name,
            username: new.username,
            hides_number: new.bsuid_only,
            number_only: new.number_only,
            ..Self::default()
        }
    }
}

impl Writing {
    /// Words alone.
    pub fn text(text: &str) -> Self {
        Self {
            text: Some(text.to_owned()),
            ..Self::default()
        }
    }

    /// What is said.
    ///
    /// # Errors
    /// No field says anything.
    pub fn said(&self) -> Result<Said, WorldError> {
        let target = self.reply_to.clone();
        let text = self.text.clone();
        let choices = [
            self.button.clone().map(Said::Tap),
            self.voice.then_some(Said::Voice),
            self.image.then(|| Said::Image(text.clone())),
            self.sticker.then_some(Said::Sticker),
            self.document.clone().map(Said::Document),
            self.location.map(|(latitude, longitude)| Said::Location {
                latitude,
                longitude,
                name: text.clone(),
            }),
            self.card
                .clone()
                .map(|(name, number)| Said::Card { name, number }),
            self.own_number.then_some(Said::OwnNumber),
            self.reaction
                .clone()
                .zip(target)
                .map(|(emoji, target)| Said::Reaction { target, emoji }),
            self.edit
                .clone()
                .zip(text.clone())
                .map(|(original, text)| Said::Edit { original, text }),
            self.revoke.clone().map(Said::Revoke),
            self.form.clone().map(Said::Form),
            self.unsupported.clone().map(Said::Unsupported),
            self.welcome.then_some(Said::Welcome),
            self.quick_reply
                .clone()
                .map(|(payload, text)| Said::QuickReply { payload, text }),
            text.clone().map(Said::Text),
        ];
        choices
            .into_iter()
            .flatten()
            .next()
            .ok_or(WorldError::NothingSaid)
    }
}

const fn yes() -> bool {
    true
}

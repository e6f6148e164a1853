//! What a message says in words, whatever it came as.

use super::{Content, SystemChange};
use crate::core::private::Private;

impl Content {
    /// Whether it is of a kind we do not know.
    pub const fn is_unknown(&self) -> bool {
        matches!(
            self,
            Self::Other { .. } | Self::System(SystemChange::Other { .. })
        )
    }

    /// Its words, to be searched for danger signs: typed, tapped, filled in, under
    /// a photo or over a place.
    pub fn words(&self) -> Vec<&str> {
        match self {
            Self::Text { body } => vec![body.as_str()],
            Self::Form { response_json } => vec![response_json.as_str()],
            Self::Choice { title, .. } => vec![title.as_str()],
            Self::Media(media) => media.caption.iter().map(Private::as_str).collect(),
            Self::Location { name, address, .. } => {
                let texts = name.iter().chain(address);
                texts.map(Private::as_str).collect()
            }
            Self::Edit { content, .. } => content.words(),
            Self::Contacts { .. }
            | Self::Reaction { .. }
            | Self::Revoke { .. }
            | Self::System(_)
            | Self::Unsupported { .. }
            | Self::Welcome
            | Self::Other { .. } => Vec::new(),
        }
    }
}

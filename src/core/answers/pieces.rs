//! The pieces that a message with several answers falls into: runs of words
//! with a shape of their own, and the words between them.

use super::kind::Value;

/// Part of a message.
pub(super) enum Piece {
    /// A run of words that answers these typed questions.
    Typed(Vec<(usize, Value)>),
    /// Words of no shape.
    Words(String),
}

impl Piece {
    /// The first question it could answer.
    pub(super) fn anchor(&self) -> Option<usize> {
        match self {
            Self::Typed(fits) => fits.first().map(|(place, _)| *place),
            Self::Words(_) => None,
        }
    }

    /// The words, if they have no shape.
    pub(super) const fn words(&self) -> Option<&String> {
        match self {
            Self::Words(text) => Some(text),
            Self::Typed(_) => None,
        }
    }
}

/// A question that has its answer no longer competes for other pieces.
pub(super) fn forget(pieces: &mut [Piece], place: usize) {
    for piece in pieces {
        if let Piece::Typed(fits) = piece
            && fits.len() > 1
        {
            fits.retain(|(for_place, _)| *for_place != place);
        }
    }
}

/// Ends a run of words without a shape.
pub(super) fn flush(loose: &mut Vec<&str>, pieces: &mut Vec<Piece>) {
    let text = loose.join(" ");
    if text.chars().any(char::is_alphanumeric) {
        pieces.push(Piece::Words(text));
    }
    loose.clear();
}

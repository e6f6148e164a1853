//! One answer anew, chosen at the review.

use super::page::{go_on, leave, mark_left, put, read_one, tapped_value};
use super::session::Answer;
use super::turn::{Heard, Turn};
use super::{danger, story, unread};
use crate::core::answers::Misread;
use crate::core::flow::Line;
use crate::core::id::InboxId;
use crate::core::limits;

/// Reads one answer anew.
pub(super) fn answer(turn: &mut Turn<'_>, field: &str, heard: &Heard) {
    let Some(known) = turn.flow.find_field(field) else {
        return go_on(turn);
    };
    if heard.given.iter().any(|(id, _)| id == field) {
        return go_on(turn);
    }
    if heard.is_spoken() && heard.texts.is_empty() {
        mark_left(turn, field);
        return go_on(turn);
    }
    match story::plausible(turn, known, read_one(turn, known, &heard.joined())) {
        Ok(value) => {
            put(turn, field, heard.answer(value));
            danger::judge(turn);
            go_on(turn);
        }
        Err(why) => {
            if why == Misread::Unclear {
                unread::keep(turn, heard);
            }
            turn.session.unclear = turn.session.unclear.saturating_add(1);
            if turn.session.unclear >= limits::TRIES_MAX {
                leave(turn, field);
                turn.lead(Line::LeftForStaff);
                return go_on(turn);
            }
            turn.misread = vec![(field.to_owned(), why)];
            turn.session.asked = None;
            turn.ask = true;
        }
    }
}

/// A tap for one answer anew.
pub(super) fn tapped(turn: &mut Turn<'_>, field: &str, inbox: InboxId, choice: &str) {
    let known = turn.flow.find_field(field);
    match known.and_then(|known| tapped_value(known, choice)) {
        Some(value) => {
            let from = vec![inbox];
            put(turn, field, Answer { value, from });
            danger::judge(turn);
            go_on(turn);
        }
        None => turn.ask = true,
    }
}

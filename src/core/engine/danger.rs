//! Danger signs: told at once, once for each sign of an episode.
//!
//! Every word that comes in passes here, whether it answers something or not.
//! Never a diagnosis.

use super::effect::{FlagReason, TaskKind};
use super::turn::Turn;
use super::{media, render};
use crate::core::answers::Value;
use crate::core::inbound::Content;
use crate::core::triage::{DangerSign, Facts, danger_in_answers, find_danger};

/// Looks for a danger sign in a message's words.
pub(super) fn search(turn: &mut Turn<'_>, content: &Content) {
    let lang = turn
        .session
        .language
        .filter(|_| turn.session.language_chosen);
    for text in media::words(content) {
        if let Some(sign) = find_danger(text, lang) {
            raise(turn, sign);
        }
    }
}

/// Looks for a danger sign in the answers taken together.
pub(super) fn judge(turn: &mut Turn<'_>) {
    if let Some(sign) = sign_in_answers(turn) {
        raise(turn, sign);
    }
}

fn sign_in_answers(turn: &Turn<'_>) -> Option<DangerSign> {
    let age = turn.value("birth_date");
    let age = age.and_then(|age| render::age_in(age, turn.today()));
    let symptoms = match turn.value("symptoms") {
        Some(Value::Several { ids }) => ids.as_slice(),
        Some(_) | None => &[],
    };
    let complaint = match turn.value("complaint") {
        Some(Value::Text { text }) => Some(text.as_str()),
        Some(_) | None => None,
    };
    let pregnant = match turn.value("pregnant") {
        Some(Value::YesNo { yes }) => Some(*yes),
        Some(_) | None => None,
    };
    let onset_days = match turn.value("onset") {
        Some(Value::Since { date, .. } | Value::Date { date }) => {
            render::days_since(date.as_str(), turn.today())
        }
        Some(_) | None => None,
    };
    danger_in_answers(&Facts {
        age_months: age.map(|(years, months)| u32::from(years) * 12 + u32::from(months)),
        pregnant,
        symptoms,
        complaint,
        onset_days,
    })
}

fn raise(turn: &mut Turn<'_>, sign: DangerSign) {
    let sign = sign.word().to_owned();
    if turn.session.danger.contains(&sign) {
        return;
    }
    turn.session.danger.push(sign.clone());
    turn.warn = true;
    turn.changed = true;
    turn.ask = true;
    turn.flag(FlagReason::DangerSign);
    let record = turn.record();
    turn.task(TaskKind::DangerSign { sign, record });
}

//! Danger signs: told at once, once for each sign of an episode.
//!
//! Every word that comes in passes here, whether it answers something or not.
//! Never a diagnosis.

use super::effect::{FlagReason, TaskKind};
use super::session::Stage;
use super::turn::Turn;
use super::{consent, media, page, render};
use crate::core::answers::Value;
use crate::core::flow::{Field, FieldKind};
use crate::core::inbound::Content;
use crate::core::triage::{DangerSign, Facts, danger_in_answers, find_danger};

/// Looks for a danger sign in a message's words; says whether there is one,
/// told before or not.
pub(super) fn search(turn: &mut Turn<'_>, content: &Content) -> bool {
    let lang = turn
        .session
        .language
        .filter(|_| turn.session.language_chosen);
    let mut found = false;
    for text in media::words(content) {
        if let Some(sign) = find_danger(text, lang) {
            raise(turn, sign);
            found = true;
        }
    }
    found
}

/// Whether a cry for help is no answer to the question now open: "he is not
/// breathing" is nobody's name, but it may well be the complaint.
pub(super) fn is_only_a_cry(turn: &Turn<'_>, content: &Content) -> bool {
    let Content::Text { body } = content else {
        return false;
    };
    let takes_words = |field: &Field| match field.kind {
        FieldKind::FreeText | FieldKind::FreeTextOrNone | FieldKind::OneOf | FieldKind::AnyOf => {
            true
        }
        FieldKind::Name
        | FieldKind::BirthOrAge
        | FieldKind::Sex
        | FieldKind::Locality
        | FieldKind::Onset
        | FieldKind::YesNo
        | FieldKind::EmergencyContact => false,
    };
    let several_lines = body.as_str().trim().lines().count() > 1;
    if turn.session.overlay.is_some() {
        return true;
    }
    match &turn.session.stage {
        Stage::Page { page } => {
            let pending = page::pending(turn, page);
            !several_lines && !pending.into_iter().any(takes_words)
        }
        Stage::Fix { field } => !turn.flow.find_field(field).is_some_and(takes_words),
        Stage::Rest
        | Stage::Language
        | Stage::Consent
        | Stage::Who
        | Stage::Review
        | Stage::Correct => true,
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
    if turn.session.stage == Stage::Who && consent::is_given(turn) {
        turn.open_draft();
    }
    let record = turn.record();
    turn.task(TaskKind::DangerSign { sign, record });
}

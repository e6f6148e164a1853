//! Danger signs: told at once, once for each sign of an emergency.
//!
//! Every word that comes in passes here, whether it answers something or not.
//! Never a diagnosis.

use super::effect::{FlagReason, TaskKind};
use super::session::{Stage, Warned};
use super::turn::Turn;
use super::{consent, cry, render};
use crate::core::answers::Value;
use crate::core::id::RecordId;
use crate::core::inbound::Content;
use crate::core::lang::Lang;
use crate::core::limits;
use crate::core::triage::{DangerSign, Facts, danger_in_answers, find_certain_danger, find_danger};

/// Looks for a danger sign in a message's words; says whether there is one,
/// told before or not.
pub(super) fn search(turn: &mut Turn<'_>, content: &Content) -> bool {
    let mut found = false;
    for text in content.words() {
        if let Some(sign) = sign_in(turn, text) {
            if !was_warned_lately(turn, sign) || !is_told(turn, sign) {
                raise(turn, sign);
            }
            found = true;
        }
    }
    turn.alarm |= found;
    found
}

/// The same in what is said of a record of before, or of none that is known: it
/// makes the present one no more urgent.
pub(super) fn search_before(turn: &mut Turn<'_>, content: &Content, record: Option<&RecordId>) {
    for text in content.words() {
        if let Some(sign) = sign_in(turn, text) {
            turn.alarm = true;
            if !was_warned_lately(turn, sign) {
                warn(turn, sign, record.cloned());
            }
        }
    }
}

fn language(turn: &Turn<'_>) -> Option<Lang> {
    let chosen = turn.session.language_chosen;
    turn.session.language.filter(|_| chosen)
}

/// The danger sign these words show. A name that is nearly a listed word, or
/// is one ("Risasi" is a bullet, and a family), is none where a name is asked
/// for.
pub(super) fn sign_in(turn: &Turn<'_>, text: &str) -> Option<DangerSign> {
    let lang = language(turn);
    let sign = find_danger(text, lang)?;
    if find_certain_danger(text, lang).is_some() {
        return Some(sign);
    }
    match cry::name_in(turn, text) {
        Some(name) => find_danger(&text.replacen(&name, "\n", 1), lang),
        None => Some(sign),
    }
}

/// Looks for a danger sign in the answers taken together.
pub(super) fn judge(turn: &mut Turn<'_>) {
    // An answer is not told again by every answer after it.
    if let Some(sign) = sign_in_answers(turn)
        && !(was_warned(turn, sign) && is_told(turn, sign))
    {
        raise(turn, sign);
    }
}

/// Whether it was told of in this episode, and not of a patient before.
fn is_told(turn: &Turn<'_>, sign: DangerSign) -> bool {
    turn.session.danger.iter().any(|told| told == sign.word())
}

fn was_warned(turn: &Turn<'_>, sign: DangerSign) -> bool {
    let mut warned = turn.session.warned.iter();
    warned.any(|one| one.sign == sign.word())
}

fn was_warned_lately(turn: &Turn<'_>, sign: DangerSign) -> bool {
    let now = turn.now.at;
    let mut warned = turn.session.warned.iter();
    // A clock that went back proves nothing: then it is told again.
    warned.any(|one| {
        one.sign == sign.word() && (0..limits::WARN_AGAIN_MS).contains(&now.ms_since(one.at))
    })
}

/// Whether the emergency text was sent not long ago.
pub(super) fn is_recent(turn: &Turn<'_>) -> bool {
    let now = turn.now.at;
    let mut warned = turn.session.warned.iter();
    warned.any(|one| (0..limits::WARN_AGAIN_MS).contains(&now.ms_since(one.at)))
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
        lang: language(turn),
        onset_days,
    })
}

fn raise(turn: &mut Turn<'_>, sign: DangerSign) {
    if !is_told(turn, sign) {
        turn.session.danger.push(sign.word().to_owned());
    }
    turn.changed = true;
    if turn.session.stage == Stage::Who && consent::is_given(turn) {
        turn.open_draft();
    }
    let record = turn.session.record_id().cloned();
    warn(turn, sign, record);
}

/// Has the emergency text sent and staff told.
fn warn(turn: &mut Turn<'_>, sign: DangerSign, record: Option<RecordId>) {
    let sign = sign.word().to_owned();
    turn.session.warned.retain(|one| one.sign != sign);
    turn.session.warned.push(Warned {
        sign: sign.clone(),
        at: turn.now.at,
    });
    (turn.warn, turn.alarm) = (true, true);
    turn.ask = true;
    turn.flag(FlagReason::DangerSign);
    turn.task(TaskKind::DangerSign { sign, record });
}

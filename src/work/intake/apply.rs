//! Writes what a step wants done, in the order it wants it.

use crate::core::engine::{Action, Effect, FlagReason, Step};
use crate::core::id::{ContactId, InboxId, OutboxKey};
use crate::core::outgoing::Outgoing;
use crate::core::tasks::Kind;
use crate::core::time::{Now, UnixMs};
use crate::ports::Chance;
use crate::store::audit::{self, Deed};
use crate::store::tasks::NewTask;
use crate::store::{Error, erasure, flags, media, outbox, records, sessions, tasks};
use rusqlite::Connection;

/// In whose name the audit log says the engine acted.
const ACTOR: &str = "bot";

/// Tasks that send staff to a message, or to its file.
const ABOUT_A_MESSAGE: [Kind; 8] = [
    Kind::ListenToVoice,
    Kind::LookAtAttachment,
    Kind::AskToResend,
    Kind::LookAtPhone,
    Kind::FileTooLarge,
    Kind::FileNotKept,
    Kind::FileOutOfReach,
    Kind::FileHadNoRoom,
];

/// What was there before a step.
pub(super) struct Before {
    /// Whether the contact had asked for silence.
    pub(super) stopped: bool,
    /// From where on words were without consent.
    pub(super) beyond: Option<InboxId>,
    /// The messages that were stepped.
    pub(super) heard: Vec<InboxId>,
}

/// Carries out a step; returns how many messages were queued. What it erases is
/// what was there before: its own messages count as handled only then.
pub(super) fn apply(
    conn: &Connection,
    contact: ContactId,
    before: &Before,
    step: Step,
    clock: Now,
    chance: &dyn Chance,
) -> Result<usize, Error> {
    let now = clock.at;
    let mut said = 0;
    let mut closed = false;
    erase_first(conn, contact, before, &step, now)?;
    for effect in step.effects.iter().filter(|effect| !erases(effect)) {
        match effect {
            Effect::Say(message) => {
                say(conn, contact, message, clock, chance)?;
                said += 1;
            }
            Effect::SetTimer { kind, at } => sessions::set_timer(conn, contact, *kind, *at)?,
            Effect::CancelTimer { kind } => sessions::cancel_timer(conn, contact, *kind)?,
            Effect::Record(change) => {
                if records::write(conn, contact, change, ACTOR, now)? {
                    let detail = change.status.word();
                    let subject = format!("record:{}", change.id);
                    note(conn, now, "record.write", &subject, detail)?;
                }
            }
            Effect::Flag { reason } => match reason {
                FlagReason::IdentityChanged => flags::identity_changed(conn, contact, now)?,
                FlagReason::DangerSign | FlagReason::Stopped => {
                    flags::flag_word(conn, contact, reason.word())?;
                }
            },
            Effect::Task(task) => {
                let detail = task.detail();
                let new = NewTask {
                    detail: detail.as_deref(),
                    ..NewTask::of(task.kind())
                };
                let new = new.contact(contact).record(task.record());
                tasks::open(conn, &new, now)?;
            }
            Effect::Act(action) => act(conn, contact, action, before.beyond, now)?,
            Effect::Close => closed = true,
        }
    }
    // Words that neither a consent covers nor a timer will erase (thanks after a
    // refusal, an emoji) go at once, and the names that came with them; so do those
    // that came with a deletion and began nothing.
    let uncovered = step.session.consent.is_none() && step.session.unconsented.is_none();
    if closed || uncovered {
        erasure::erase_words(conn, contact, step.session.beyond_consent)?;
    }
    if closed {
        sessions::close(conn, contact)?;
    } else {
        // Who asked to be forgotten and went on in the same step is here again.
        if step.effects.contains(&Effect::Act(Action::EraseContact)) {
            erasure::welcome_back(conn, contact)?;
        }
        sessions::save(conn, contact, &step.session, now)?;
    }
    Ok(said)
}

/// Whether an effect erases what was there before its step.
fn erases(effect: &Effect) -> bool {
    matches!(effect, Effect::Act(action) if action.erases())
}

/// What comes before everything else: what a step erases, and then its messages,
/// which are handled from now on.
fn erase_first(
    conn: &Connection,
    contact: ContactId,
    before: &Before,
    step: &Step,
    now: UnixMs,
) -> Result<(), Error> {
    for effect in &step.effects {
        if let Effect::Act(action) = effect
            && action.erases()
        {
            act(conn, contact, action, before.beyond, now)?;
        }
    }
    for inbox in &before.heard {
        sessions::mark_handled(conn, *inbox)?;
    }
    if before.stopped && !step.session.stopped {
        flags::goes_on(conn, contact)?;
    }
    Ok(())
}

fn say(
    conn: &Connection,
    contact: ContactId,
    message: &Outgoing,
    now: Now,
    chance: &dyn Chance,
) -> Result<(), Error> {
    let mut random = [0; 10];
    chance.fill(&mut random);
    let key = OutboxKey::new(now.at, random);
    outbox::push(conn, contact, &key, message, now)?;
    Ok(())
}

fn act(
    conn: &Connection,
    contact: ContactId,
    action: &Action,
    beyond: Option<InboxId>,
    now: UnixMs,
) -> Result<(), Error> {
    let subject = format!("contact:{contact}");
    match action {
        Action::EraseWords => {
            erasure::erase_words(conn, contact, beyond)?;
            note(conn, now, "contact.erase_words", &subject, "")
        }
        Action::EraseContact => {
            erasure::erase_contact(conn, contact, now)?;
            note(
                conn,
                now,
                "contact.erase",
                &subject,
                "asked for by the patient",
            )
        }
        Action::SupersedePrompts => {
            outbox::supersede_prompts(conn, contact, now)?;
            Ok(())
        }
        // The message stays in the conversation; its task points staff to it.
        Action::KeepSpoken { inbox, record } => {
            media::want(conn, *inbox, record.as_ref(), now)?;
            Ok(())
        }
        Action::Withdraw { inbox } => {
            erasure::withdraw(conn, contact, *inbox)?;
            for kind in ABOUT_A_MESSAGE {
                tasks::close_about(conn, kind, &inbox.to_string(), now)?;
            }
            Ok(())
        }
        Action::NoteConsent {
            given,
            version,
            language,
            ..
        } => {
            let action = if *given {
                "consent.give"
            } else {
                "consent.refuse"
            };
            note(
                conn,
                now,
                action,
                &subject,
                &format!("text {version} in {language}"),
            )
        }
    }
}

fn note(
    conn: &Connection,
    at: UnixMs,
    action: &str,
    subject: &str,
    detail: &str,
) -> Result<(), Error> {
    audit::append(
        conn,
        &Deed {
            at,
            actor: ACTOR,
            action,
            subject,
            detail,
        },
    )?;
    Ok(())
}

//! Why a message stands where it stands: one vocabulary for rows, command
//! line, API and pages, each word with a sentence for staff and what to do.
//!
//! Never anything of a patient: the words are fixed.

use super::DeliveryState;
use std::fmt;
use std::str::FromStr;

/// Why a message stands where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Why {
    /// The line did not carry it.
    LineDown,
    /// The account or its settings are at fault.
    Configuration,
    /// The number as a whole sent too fast.
    Throttled,
    /// WhatsApp limits the number because people complain of it.
    NumberLimited,
    /// WhatsApp limits how many people are written to first in a day.
    FirstContactsLimited,
    /// This person was written to too fast.
    ThrottledContact,
    /// As many were sent today as the clinic allows.
    DailyCeiling,
    /// A fault of the provider that passes.
    ProviderError,
    /// The provider will never take it.
    Refused,
    /// The 24-hour window is closed.
    WindowClosed,
    /// The window is closed and no template is configured.
    NoTemplate,
    /// The window is closed and the template did not go.
    TemplateFailed,
    /// The template itself was refused.
    TemplateRefused,
    /// The answer to the send never came.
    NoAnswer,
    /// The provider answered with a fault that says nothing.
    ProviderUnsure,
    /// The provider says that it has it already.
    MaybeSent,
    /// The power went while it was in the air.
    Interrupted,
    /// Nobody will know whether it arrived, and it must not arrive twice.
    SentInDoubt,
    /// The provider took it, and nothing was heard of it for too long.
    Unheard,
    /// It grew too old.
    TooOld,
    /// A newer question took its place.
    NewerQuestion,
    /// The person wrote by themselves: no template is needed.
    NotNeeded,
    /// It was taken and did not arrive, or may not have; a copy took its place.
    SentAgain,
    /// It is a copy, and the first one arrived after all.
    FirstArrived,
    /// Its row does not read back.
    Unreadable,
    /// The provider took it and could not deliver it.
    Undelivered,
    /// Staff withdrew it.
    ByStaff,
    /// Staff closed its task: the person was told otherwise.
    ToldByStaff,
    /// The contact was erased.
    Erased,
}

/// A reason, its word, what staff read, and what they can do (empty: nothing).
type Row = (Why, &'static str, &'static str, &'static str);

const TABLE: &[Row] = &[
    (
        Why::LineDown,
        "line_down",
        "The line to WhatsApp is down; it leaves by itself when the line is back.",
        "",
    ),
    (
        Why::Configuration,
        "configuration",
        "WhatsApp refuses the clinic's account or its settings; nothing is lost, everything waits.",
        "Ask the technician to run: healthpost doctor; with Meta, healthpost whatsapp setup says more.",
    ),
    (
        Why::Throttled,
        "throttled",
        "WhatsApp asked the clinic's number to slow down; it leaves by itself.",
        "",
    ),
    (
        Why::NumberLimited,
        "number_limited",
        "WhatsApp limits the clinic's number for some hours, because people blocked or reported it; it leaves by itself after that.",
        "If it is urgent, call this patient. Ask the technician to look at the number's quality in WhatsApp Manager.",
    ),
    (
        Why::FirstContactsLimited,
        "first_contacts_limited",
        "WhatsApp allows only so many people a day to be written to first; it leaves by itself when it may.",
        "If it is urgent, call this patient.",
    ),
    (
        Why::ThrottledContact,
        "throttled_contact",
        "This person was written to too often in a short time; it leaves by itself.",
        "",
    ),
    (
        Why::DailyCeiling,
        "daily_ceiling",
        "As many messages were sent today as the clinic allows; it leaves after midnight. Urgent ones and your own words do not wait.",
        "If patients wait too long, ask the technician to raise whatsapp.daily_ceiling.",
    ),
    (
        Why::ProviderError,
        "provider_error",
        "WhatsApp had a fault of its own; it is tried again by itself.",
        "",
    ),
    (
        Why::Refused,
        "refused",
        "WhatsApp refused the message for good: the phone may have no WhatsApp.",
        "Call this patient.",
    ),
    (
        Why::WindowClosed,
        "window_closed",
        "More than 24 hours have passed since the patient wrote; WhatsApp allows words only after they write again.",
        "",
    ),
    (
        Why::NoTemplate,
        "no_template",
        "More than 24 hours have passed since the patient wrote, and no template is set up that could ask them to.",
        "Call this patient. It leaves by itself if they write first.",
    ),
    (
        Why::TemplateFailed,
        "template_failed",
        "More than 24 hours have passed since the patient wrote, and the request to write again did not reach them.",
        "Call this patient. It leaves by itself if they write first.",
    ),
    (
        Why::TemplateRefused,
        "template_refused",
        "The request to write again could not be sent.",
        "",
    ),
    (
        Why::NoAnswer,
        "no_answer",
        "It left, and WhatsApp's answer never came; for a while news of it is waited for.",
        "",
    ),
    (
        Why::ProviderUnsure,
        "provider_unsure",
        "It left, and WhatsApp's answer did not say what became of it; for a while news of it is waited for.",
        "",
    ),
    (
        Why::MaybeSent,
        "maybe_sent",
        "WhatsApp says it may have this message already; for a while news of it is waited for.",
        "",
    ),
    (
        Why::Interrupted,
        "interrupted",
        "The power went while it was leaving; for a while news of it is waited for.",
        "",
    ),
    (
        Why::SentInDoubt,
        "sent_in_doubt",
        "It left, and nobody can tell whether it arrived. It is not sent again, because twice could do harm.",
        "Ask this patient whether they have it, or send it again.",
    ),
    (
        Why::Unheard,
        "unheard",
        "WhatsApp took it and has told nothing of its arrival for so long that it may be lost.",
        "Ask this patient whether they have it, or send it again.",
    ),
    (
        Why::TooOld,
        "too_old",
        "It could not be sent for so long that it is of no use any more.",
        "Call this patient.",
    ),
    (
        Why::NewerQuestion,
        "newer_question",
        "A newer question took its place.",
        "",
    ),
    (
        Why::NotNeeded,
        "not_needed",
        "The request to write again is not needed any more.",
        "",
    ),
    (
        Why::SentAgain,
        "sent_again",
        "WhatsApp took it and it did not arrive, or may not have; a copy of it took its place.",
        "",
    ),
    (
        Why::FirstArrived,
        "first_arrived",
        "It is a copy of a message that seemed lost, and that one arrived after all.",
        "",
    ),
    (
        Why::Unreadable,
        "unreadable",
        "The message could not be read back from the disk.",
        "Call this patient, and tell the technician.",
    ),
    (
        Why::Undelivered,
        "undelivered",
        "WhatsApp took the message and could not deliver it to the phone.",
        "Call this patient.",
    ),
    (Why::ByStaff, "by_staff", "Staff withdrew it.", ""),
    (
        Why::ToldByStaff,
        "told_by_staff",
        "Staff closed its task before it could leave: the patient was told otherwise.",
        "",
    ),
    (Why::Erased, "erased", "The patient's data was erased.", ""),
];

impl Why {
    /// Every reason.
    pub fn all() -> impl Iterator<Item = Self> {
        TABLE.iter().map(|(why, ..)| *why)
    }

    /// The word in rows, the API and `--json`.
    pub fn word(self) -> &'static str {
        self.row().map_or("unknown", |row| row.1)
    }

    /// What staff read: one sentence.
    pub fn sentence(self) -> &'static str {
        self.row().map_or("", |row| row.2)
    }

    /// What staff can do; none where nothing has to be done.
    pub fn what_to_do(self) -> Option<&'static str> {
        self.row().map(|row| row.3).filter(|todo| !todo.is_empty())
    }

    fn row(self) -> Option<&'static Row> {
        TABLE.iter().find(|(why, ..)| *why == self)
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// A word that names no reason.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is no reason known for a message")]
pub struct UnknownWhy(pub String);

impl FromStr for Why {
    type Err = UnknownWhy;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        Self::all()
            .find(|why| why.word() == word)
            .ok_or_else(|| UnknownWhy(word.to_owned()))
    }
}

/// Why a message stands where it stands, now. A row learns its reason from a try
/// alone; while the line carries nothing there are no tries, so for a message
/// that waits for its turn the line's own reason counts.
pub fn why_now<'a>(
    state: DeliveryState,
    noted: Option<&'a str>,
    line: Option<&'a str>,
) -> Option<&'a str> {
    let of_the_line = |noted: &str| {
        let reasons = [Why::LineDown, Why::Configuration];
        reasons.into_iter().any(|why| why.word() == noted)
    };
    match noted {
        Some(noted) if state != DeliveryState::Queued || !of_the_line(noted) => Some(noted),
        Some(_) | None if state == DeliveryState::Queued => line,
        Some(_) | None => None,
    }
}

/// What staff read of a message in this state: a sentence, and what to do.
pub fn explain(state: DeliveryState, why: Option<Why>) -> (&'static str, Option<&'static str>) {
    if let Some(why) = why {
        return (why.sentence(), why.what_to_do());
    }
    let sentence = match state {
        DeliveryState::Queued => "It waits for its turn.",
        DeliveryState::Held => "It waits for something other than its turn.",
        DeliveryState::Sending => "It is leaving now.",
        DeliveryState::InDoubt => "It left, and nobody knows yet whether it arrived at WhatsApp.",
        DeliveryState::Accepted => "WhatsApp has taken it; it has not left there yet.",
        DeliveryState::Sent => "WhatsApp has sent it; the phone has not confirmed it yet.",
        DeliveryState::Delivered => "It is on the patient's phone.",
        DeliveryState::Read => "The patient has opened it.",
        DeliveryState::Failed => "It will not arrive.",
        DeliveryState::Expired => "It grew too old to be of use.",
        DeliveryState::Cancelled => "It was withdrawn.",
        DeliveryState::Superseded => "Something newer took its place.",
    };
    (sentence, None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_reason_has_its_own_word_and_sentence() {
        let words: BTreeSet<_> = Why::all().map(Why::word).collect();
        let sentences: BTreeSet<_> = Why::all().map(Why::sentence).collect();
        assert_eq!((words.len(), sentences.len()), (TABLE.len(), TABLE.len()));
        // The last of the enumeration is the last of the table.
        assert_eq!(Why::Erased as usize + 1, TABLE.len());
        for why in Why::all() {
            assert_eq!(why.word().parse(), Ok(why));
            assert!(why.sentence().ends_with('.'), "{why}");
            assert!(why.what_to_do().is_none_or(|todo| !todo.is_empty()));
        }
        assert!("nonsense".parse::<Why>().is_err());
    }

    /// The store writes reasons as parameters; where a statement spells one
    /// out, it must be one of these.
    #[test]
    fn no_statement_spells_out_a_reason_of_its_own() {
        let sources = [
            include_str!("../../store/erasure.rs"),
            include_str!("../../store/queue.rs"),
            include_str!("../../store/outbox/settle.rs"),
            include_str!("../../store/outbox/status.rs"),
            include_str!("../../store/outbox/copy.rs"),
            include_str!("../../store/outbox/prompt.rs"),
            include_str!("../../store/outbox/claim.rs"),
            include_str!("../../store/outbox/mod.rs"),
            include_str!("../../store/outbox/lane.rs"),
            include_str!("../../store/outbox/steps.rs"),
            include_str!("../../store/outbox/unheard.rs"),
        ];
        let mut found = 0;
        for source in sources {
            let spelled = [source.split("why = '"), source.split("why IS '")];
            for after in spelled.into_iter().flat_map(|parts| parts.skip(1)) {
                let word = after.split('\'').next().unwrap();
                assert!(word.parse::<Why>().is_ok(), "{word}");
                found += 1;
            }
        }
        assert!(found > 0, "the erasure at least spells one out");
    }

    #[test]
    fn every_state_is_explained_without_a_reason_too() {
        for state in DeliveryState::ALL {
            assert!(explain(state, None).0.ends_with('.'));
            assert_eq!(
                explain(state, Some(Why::TooOld)).1,
                Some("Call this patient.")
            );
        }
    }
}

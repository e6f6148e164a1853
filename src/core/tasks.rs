//! What only a human can do, as staff read it: each kind of task with what has
//! happened and what to do about it. Never whom it concerns.

use std::fmt;
use std::str::FromStr;

/// A kind of task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A danger sign was noticed in somebody's words.
    DangerSign,
    /// A message could not be delivered, or nobody knows whether it was.
    Undelivered,
    /// A reply cannot reach its patient while the 24 hours are over.
    CallPatient,
    /// Nobody can tell whether a message has arrived.
    SentInDoubt,
    /// A question was left open after three tries.
    UnansweredQuestion,
    /// A spoken answer.
    ListenToVoice,
    /// A photo, film, document or contact card.
    LookAtAttachment,
    /// A photo, recording or document that could not be fetched.
    AskToResend,
    /// One that lies on the clinic's own phone.
    LookAtPhone,
    /// Messages that the clinic's own phone has and this box could not fetch.
    ReadPhone,
    /// One that is larger than what is kept.
    FileTooLarge,
    /// One of a kind that is not kept.
    FileNotKept,
    /// One that lies where this box may not fetch it.
    FileOutOfReach,
    /// One for which there was no room until the provider had it no more.
    FileHadNoRoom,
    /// Words that answered no question.
    ReadConversation,
    /// An answer was corrected after its record was complete.
    AnswerChanged,
    /// An answer was deleted by its sender.
    AnswerRevoked,
    /// A contact's number or account is another one now.
    IdentityChanged,
    /// Two contacts seem to be one person.
    MaybeSamePerson,
    /// A message that the box itself could not handle.
    DeadLetter,
    /// A template that can no longer be sent.
    TemplateRefused,
    /// The account is barred or limited, or takes messages and gives them back.
    AccountRefused,
    /// WhatsApp limits the number because people complain of it.
    NumberLimited,
    /// More people wait to be written to first than WhatsApp allows in a day.
    FirstContactsLimited,
    /// The month's free messages are nearly used up.
    FreeMessagesLow,
    /// What people write cannot be fetched from the provider.
    MessagesNotFetched,
    /// The provider has refused us for some time: the token, the account, or
    /// its phone.
    LineRefused,
    /// The provider takes messages and tells nothing more of any.
    NothingHeard,
    /// Patients' files wait because there is no room for them.
    FilesWait,
}

/// How a task ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It was done.
    Done,
    /// Somebody tried and did not get through.
    CouldNotReach,
    /// There was nothing to do any more.
    NotNeeded,
}

const READ_PHONE: &str = "read this person's chat on the clinic's phone and answer by hand: it \
     holds more than could be fetched, and the oldest of what is new is missing here";
const LINE_REFUSED: &str = "run healthpost doctor --online: it says whether the token, the account \
     or its phone is refused, and what to do; replies wait until then";
const NOTHING_HEARD: &str = "see on a phone whether replies arrive: if not, look for a missing \
     payment method at business.facebook.com/billing_hub, with UltraMsg at the clinic's phone; if \
     they do, healthpost whatsapp setup looks at the way back to this box";

const FIRST_CONTACTS_LIMITED: &str = "look at the number's messaging limit and the template's \
     category in WhatsApp Manager: requests to write again wait until they are allowed, so have \
     urgent patients called";
const FILES_WAIT: &str = "what patients' files may take (1 GiB) is used up, or less than 256 MiB of \
     the disk are free; new photos and recordings wait, and after seven days WhatsApp has them no \
     more: free some of the disk, or set a shorter messages_days under [retention], by which the \
     oldest files make room";
const FILE_HAD_NO_ROOM: &str = "ask the patient to send it again once the technician has made \
     room, or to show it at the desk: the box was full until WhatsApp had it no more";
const ACCOUNT_REFUSED: &str = "Meta bars or limits the account, or gives messages back: look for \
     the error's number or word in Business Support Home and for a missing payment method at \
     business.facebook.com/billing_hub, and run healthpost whatsapp setup";

impl Kind {
    /// Every kind, the most urgent first.
    pub const ALL: [Self; 29] = [
        Self::DangerSign,
        Self::Undelivered,
        Self::CallPatient,
        Self::SentInDoubt,
        Self::UnansweredQuestion,
        Self::ListenToVoice,
        Self::LookAtAttachment,
        Self::AskToResend,
        Self::LookAtPhone,
        Self::ReadPhone,
        Self::FileTooLarge,
        Self::FileNotKept,
        Self::FileOutOfReach,
        Self::FileHadNoRoom,
        Self::ReadConversation,
        Self::AnswerChanged,
        Self::AnswerRevoked,
        Self::IdentityChanged,
        Self::MaybeSamePerson,
        Self::DeadLetter,
        Self::TemplateRefused,
        Self::AccountRefused,
        Self::NumberLimited,
        Self::FirstContactsLimited,
        Self::FreeMessagesLow,
        Self::MessagesNotFetched,
        Self::LineRefused,
        Self::NothingHeard,
        Self::FilesWait,
    ];

    /// The word in rows, in JSON and for programs.
    pub const fn word(self) -> &'static str {
        match self {
            Self::DangerSign => "danger_sign",
            Self::Undelivered => "undelivered",
            Self::CallPatient => "call_patient",
            Self::SentInDoubt => "sent_in_doubt",
            Self::UnansweredQuestion => "unanswered_question",
            Self::ListenToVoice => "listen_to_voice",
            Self::LookAtAttachment => "look_at_attachment",
            Self::AskToResend => "ask_to_resend",
            Self::LookAtPhone => "look_at_phone",
            Self::ReadPhone => "read_phone",
            Self::FileTooLarge => "file_too_large",
            Self::FileNotKept => "file_not_kept",
            Self::FileOutOfReach => "file_out_of_reach",
            Self::FileHadNoRoom => "file_had_no_room",
            Self::ReadConversation => "read_conversation",
            Self::AnswerChanged => "answer_changed",
            Self::AnswerRevoked => "answer_revoked",
            Self::IdentityChanged => "identity_changed",
            Self::MaybeSamePerson => "maybe_same_person",
            Self::DeadLetter => "dead_letter",
            Self::TemplateRefused => "template_refused",
            Self::AccountRefused => "account_refused",
            Self::NumberLimited => "number_limited",
            Self::FirstContactsLimited => "first_contacts_limited",
            Self::FreeMessagesLow => "free_messages_low",
            Self::MessagesNotFetched => "messages_not_fetched",
            Self::LineRefused => "line_refused",
            Self::NothingHeard => "nothing_heard",
            Self::FilesWait => "files_wait",
        }
    }

    /// What has happened, in a few words.
    pub const fn title(self) -> &'static str {
        match self {
            Self::DangerSign => "danger sign",
            Self::Undelivered => "message not delivered",
            Self::CallPatient => "reply that cannot reach its patient",
            Self::SentInDoubt => "message that may not have arrived",
            Self::UnansweredQuestion => "question left open",
            Self::ListenToVoice => "spoken answer",
            Self::LookAtAttachment => "photo, film, document or contact",
            Self::AskToResend => "photo, recording or document lost",
            Self::LookAtPhone => "photo, recording or document on the clinic's phone",
            Self::ReadPhone => "messages that only the clinic's phone has",
            Self::FileTooLarge => "photo, recording or document too large",
            Self::FileNotKept => "file of a kind that is not kept",
            Self::FileOutOfReach => "photo, recording or document out of reach",
            Self::FileHadNoRoom => "photo, recording or document without room",
            Self::ReadConversation => "words that answer no question",
            Self::AnswerChanged => "answer corrected",
            Self::AnswerRevoked => "answer deleted by its sender",
            Self::IdentityChanged => "number or account changed",
            Self::MaybeSamePerson => "two contacts, perhaps one person",
            Self::DeadLetter => "message the box cannot handle",
            Self::TemplateRefused => "template cannot be sent",
            Self::AccountRefused => "account refused",
            Self::NumberLimited => "number limited by WhatsApp",
            Self::FirstContactsLimited => "too many people to write to first",
            Self::FreeMessagesLow => "free messages nearly used up",
            Self::MessagesNotFetched => "messages cannot be fetched",
            Self::LineRefused => "nothing can be sent",
            Self::NothingHeard => "nothing is heard of what is sent",
            Self::FilesWait => "no room for patients' files",
        }
    }

    /// What to do about it, one sentence.
    pub const fn what_to_do(self) -> &'static str {
        match self {
            Self::DangerSign => "call this patient now; they were told to seek help at once",
            Self::Undelivered => "call this patient and tell them what the message says",
            Self::CallPatient => {
                "call this patient and tell them what the message says; it leaves by itself if \
                 they write first"
            }
            Self::SentInDoubt => "ask this patient whether they have it, or send it again",
            Self::UnansweredQuestion => "ask the patient at the desk or by telephone",
            Self::ListenToVoice => "listen to the recording and write the answer into the record",
            Self::LookAtAttachment => "look at what was sent and note what matters in the record",
            Self::AskToResend => "ask the patient to send it again: it could not be fetched",
            Self::LookAtPhone => {
                "look at it, or listen to it, on the clinic's phone; write what matters into the record"
            }
            Self::ReadPhone => READ_PHONE,
            Self::FileTooLarge => {
                "ask the patient to send it in shorter pieces or as a smaller picture, or to show \
                 it at the desk: it is larger than the box keeps"
            }
            Self::FileNotKept => {
                "ask the patient to send a photo or a PDF of it, or to show it at the desk: the \
                 box keeps no files of its kind"
            }
            Self::FileOutOfReach => {
                "ask the patient what it shows or says, and tell the technician: WhatsApp keeps it \
                 where the box may not fetch it"
            }
            Self::FileHadNoRoom => FILE_HAD_NO_ROOM,
            Self::ReadConversation => "read the conversation: something in it answers no question",
            Self::AnswerChanged => "look at the correction and put it into the record",
            Self::AnswerRevoked => "ask the patient whether the answer still holds",
            Self::IdentityChanged => {
                "ask this person who they are before you speak of the record: the number or the \
                 account behind it may be somebody else's now"
            }
            Self::MaybeSamePerson => {
                "ask whether this contact and the one named beside it are one person; the box \
                 keeps them apart"
            }
            Self::DeadLetter => {
                "read the conversation, where one is named, and answer by hand; tell the \
                 technician, who finds the rule that was broken in the service's log"
            }
            Self::TemplateRefused => {
                "run healthpost whatsapp setup: it says what Meta has against it; until then late \
                 replies become calls"
            }
            Self::AccountRefused => ACCOUNT_REFUSED,
            Self::NumberLimited => {
                "look at the number's quality in WhatsApp Manager: people blocked or reported it; \
                 nothing leaves for some hours, so have urgent patients called"
            }
            Self::FirstContactsLimited => FIRST_CONTACTS_LIMITED,
            Self::FreeMessagesLow => {
                "see healthpost whatsapp usage; beyond the free messages Meta needs a payment \
                 method, or drops them without a word"
            }
            Self::MessagesNotFetched => {
                "run healthpost doctor --online: it says why; until then only what a webhook \
                 brings arrives here, so have the clinic's phone looked at"
            }
            Self::LineRefused => LINE_REFUSED,
            Self::NothingHeard => NOTHING_HEARD,
            Self::FilesWait => FILES_WAIT,
        }
    }

    /// Whether it is about a patient; the others are the technician's.
    pub const fn concerns_patient(self) -> bool {
        match self {
            Self::DangerSign
            | Self::Undelivered
            | Self::CallPatient
            | Self::SentInDoubt
            | Self::UnansweredQuestion
            | Self::ListenToVoice
            | Self::LookAtAttachment
            | Self::AskToResend
            | Self::LookAtPhone
            | Self::ReadPhone
            | Self::FileTooLarge
            | Self::FileNotKept
            | Self::FileOutOfReach
            | Self::FileHadNoRoom
            | Self::ReadConversation
            | Self::AnswerChanged
            | Self::AnswerRevoked
            | Self::IdentityChanged
            | Self::MaybeSamePerson
            | Self::DeadLetter => true,
            Self::TemplateRefused
            | Self::AccountRefused
            | Self::NumberLimited
            | Self::FirstContactsLimited
            | Self::FreeMessagesLow
            | Self::MessagesNotFetched
            | Self::LineRefused
            | Self::NothingHeard
            | Self::FilesWait => false,
        }
    }
}

impl Outcome {
    /// Every outcome.
    pub const ALL: [Self; 3] = [Self::Done, Self::CouldNotReach, Self::NotNeeded];

    /// The word in rows, in JSON and on the command line.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::CouldNotReach => "could_not_reach",
            Self::NotNeeded => "not_needed",
        }
    }
}

/// A word that names nothing here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnknownWord {
    /// No kind of task.
    #[error("no such kind of task")]
    Kind,
    /// No outcome.
    #[error("an outcome is done, could_not_reach or not_needed")]
    Outcome,
}

impl FromStr for Kind {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|kind| kind.word() == word);
        found.ok_or(UnknownWord::Kind)
    }
}

impl FromStr for Outcome {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|outcome| outcome.word() == word);
        found.ok_or(UnknownWord::Outcome)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::engine::TaskKind;
    use crate::core::id::InboxId;

    #[test]
    fn words_read_back() {
        for kind in Kind::ALL {
            assert_eq!(kind.word().parse(), Ok(kind));
            assert!(!kind.title().is_empty() && !kind.what_to_do().is_empty());
        }
        for outcome in Outcome::ALL {
            assert_eq!(outcome.word().parse(), Ok(outcome));
        }
        assert_eq!("x".parse::<Kind>(), Err(UnknownWord::Kind));
    }

    #[test]
    fn every_task_of_a_conversation_is_about_its_patient() {
        let (inbox, record) = (InboxId(1), None);
        let tasks = [
            TaskKind::DangerSign {
                sign: "x".into(),
                record: None,
            },
            TaskKind::UnansweredQuestion {
                field: "x".into(),
                record: None,
            },
            TaskKind::ListenToVoice {
                inbox,
                record: record.clone(),
            },
            TaskKind::LookAtAttachment {
                inbox,
                record: record.clone(),
            },
            TaskKind::ReadConversation {
                record: record.clone(),
            },
            TaskKind::AnswerChanged {
                inbox,
                record: record.clone(),
            },
            TaskKind::AnswerRevoked { inbox, record },
        ];
        for task in tasks {
            assert!(task.kind().concerns_patient());
        }
    }
}

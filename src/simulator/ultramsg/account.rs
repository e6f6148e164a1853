//! What a simulated UltraMsg is told: the account it plays, its delays, and
//! what shall go wrong. It must hold no credential of a real account.

use crate::core::time::{DAY_MS, SECOND_MS};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The account and the manners of a simulated UltraMsg. Every field has a
/// default, so a JSON file names only what differs.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct UltraSettings {
    /// The instance, as it stands in addresses.
    pub instance_id: String,
    /// The token it accepts.
    pub token: String,
    /// Digits of the clinic's number.
    pub number: String,
    /// Where webhooks are posted; empty posts none.
    pub callback_url: String,
    /// Between two sends out of its queue, ms.
    pub send_delay_ms: i64,
    /// From one acknowledgement to the next, ms.
    pub ack_ms: i64,
    /// Age at which an unsent message expires, ms.
    pub expiry_ms: i64,
    /// How often a webhook is tried again.
    pub webhook_retries: u32,
    /// Between two tries of a webhook, ms.
    pub retry_gap_ms: i64,
    /// Whether `referenceId` narrows a list of messages, which its
    /// documentation does not say.
    pub filters_by_reference: bool,
    /// The most messages it gives of any list, whatever is asked for; of its queue
    /// a hundred in any case.
    pub rows_max: usize,
}

impl Default for UltraSettings {
    fn default() -> Self {
        Self {
            instance_id: "instance1234".into(),
            token: "simulated-ultramsg-token".into(),
            number: "243990000001".into(),
            callback_url: String::new(),
            send_delay_ms: SECOND_MS,
            ack_ms: SECOND_MS,
            expiry_ms: DAY_MS,
            webhook_retries: 3,
            retry_gap_ms: 2 * SECOND_MS,
            filters_by_reference: false,
            rows_max: 1_000,
        }
    }
}

/// What goes wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum UltraFault {
    /// A send is refused under HTTP 200: `{"error": "…"}`.
    ErrorText {
        /// The words.
        words: String,
    },
    /// A send is refused under HTTP 200: `{"error": [{"to": "is required"}]}`.
    ErrorList,
    /// A send is refused under HTTP 200: `{"error": {"body": "…"}}`.
    ErrorObject,
    /// A send is answered `"sent": "false"`.
    NotSent,
    /// A send is taken, and the connection reset in place of an answer.
    LoseAnswer,
    /// The connection is reset and nothing is taken.
    LoseRequest,
    /// A captive portal answers 200 with a page; nothing is taken.
    Portal,
    /// A webhook is posted twice.
    DoubleWebhook,
    /// A webhook never arrives.
    DropWebhook,
    /// The statistics come in a shape that nobody knows.
    OddStatistics,
    /// A list of faults comes in place of the chats.
    OddChats,
    /// The first row of a list of chats or messages cannot be read.
    UnreadableRow,
}

/// What a fault may spoil.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spoilt<'p> {
    /// A send.
    Send,
    /// A webhook.
    Webhook,
    /// The answer to a question, by its path.
    Answer(&'p str),
}

impl UltraFault {
    /// Whether it spoils this.
    pub fn spoils(&self, what: Spoilt<'_>) -> bool {
        match self {
            Self::DoubleWebhook | Self::DropWebhook => what == Spoilt::Webhook,
            Self::OddStatistics => what == Spoilt::Answer("messages/statistics"),
            Self::OddChats => what == Spoilt::Answer("chats"),
            Self::UnreadableRow => matches!(
                what,
                Spoilt::Answer("chats" | "chats/messages" | "messages")
            ),
            Self::ErrorText { .. }
            | Self::ErrorList
            | Self::ErrorObject
            | Self::NotSent
            | Self::LoseAnswer
            | Self::LoseRequest
            | Self::Portal => what == Spoilt::Send,
        }
    }

    /// The answer to a question as it makes it.
    pub fn spoil(&self, mut answer: Value) -> Value {
        match self {
            Self::OddStatistics => json!({ "messages_statistics": "not now" }),
            Self::OddChats => json!([{ "error": "not now" }]),
            Self::UnreadableRow => {
                let rows = if answer.is_array() {
                    answer.as_array_mut()
                } else {
                    answer.get_mut("messages").and_then(Value::as_array_mut)
                };
                if let Some(rows) = rows {
                    let odd = json!({ "id": { "odd": true } });
                    match rows.first_mut() {
                        Some(first) => *first = odd,
                        None => rows.push(odd),
                    }
                }
                answer
            }
            Self::ErrorText { .. }
            | Self::ErrorList
            | Self::ErrorObject
            | Self::NotSent
            | Self::LoseAnswer
            | Self::LoseRequest
            | Self::Portal
            | Self::DoubleWebhook
            | Self::DropWebhook => answer,
        }
    }
}

/// A fault and how often it is still to happen.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct UltraStanding {
    /// What goes wrong.
    pub fault: UltraFault,
    /// How often.
    #[serde(default = "once")]
    pub times: u32,
}

const fn once() -> u32 {
    1
}

//! What a simulated WhatsApp is told at its start: the account it plays, its
//! delays and its limits. It must hold no credential of a real account.

use super::account::Account;
use crate::core::time::{DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS};
use serde::{Deserialize, Serialize};

/// The account and the manners of a simulated WhatsApp. Every field has a
/// default, so a JSON file names only what differs.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Key of the webhook signatures; the bytes of the text, not hex-decoded.
    pub app_secret: String,
    /// What the handshake presents.
    pub verify_token: String,
    /// The bearer token the Graph endpoint accepts.
    pub access_token: String,
    /// The clinic's number as an object id in URLs.
    pub phone_number_id: String,
    /// The clinic's number as digits.
    pub display_phone_number: String,
    /// The WhatsApp business account.
    pub business_account_id: String,
    /// Where webhooks are posted; a loopback `http` URL.
    pub callback_url: String,
    /// Start of every random choice.
    pub seed: u64,
    /// How long things take.
    pub delays: Delays,
    /// What is allowed.
    pub limits: Limits,
    /// How a free text outside the 24-hour window is refused.
    pub window_refusal: WindowRefusal,
    /// Whether phones open the chat by themselves, as a person would.
    pub reads_by_itself: bool,
    /// Templates that were handed in.
    pub templates: Vec<Template>,
    /// What Meta knows of token, number and app.
    pub account: Account,
}

/// How long things take, milliseconds.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Delays {
    /// From acceptance to the status `sent`.
    pub sent_ms: i64,
    /// From `sent` to `delivered`, when the phone is on.
    pub delivered_ms: i64,
    /// From `delivered` to `read`, when phones read by themselves.
    pub read_ms: i64,
    /// Pauses before the second, third, … try of a webhook; the last repeats.
    pub retry_gaps_ms: Vec<i64>,
    /// When an undelivered webhook is given up.
    pub give_up_ms: i64,
    /// How soon waiting webhooks are tried when the line comes back; `None`
    /// leaves them to their own gaps, as Meta does.
    pub after_line_ms: Option<i64>,
    /// How long a webhook's receiver may take to answer.
    pub webhook_answer_ms: i64,
    /// How long a send that is never answered stays open.
    pub hang_ms: i64,
    /// From a call to its answer: a mobile network's.
    pub answer_ms: i64,
}

/// What is allowed.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Messages a second of the clinic's number, in and out together.
    pub per_second: usize,
    /// Time one message to one person costs, ms.
    pub pair_gap_ms: i64,
    /// Messages to one person that may be borrowed in a burst.
    pub pair_burst: i64,
    /// The customer service window, ms.
    pub window_ms: i64,
    /// People a day who may be written to outside their window.
    pub first_contacts: usize,
    /// Updates in one webhook.
    pub batch: usize,
    /// Webhooks in the air at once.
    pub webhooks_in_flight: usize,
    /// Webhooks kept for a receiver that is away; the oldest is given up first.
    pub webhooks_waiting: usize,
    /// Phones.
    pub phones: usize,
    /// Messages kept on one phone.
    pub thread: usize,
    /// Sends remembered in the log.
    pub log: usize,
}

/// How a free text outside the window is refused: both ways are Meta's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WindowRefusal {
    /// At once, with an error.
    Answer,
    /// Accepted, then a `failed` status.
    Status,
}

/// A template in one language; an approved one unless it says otherwise.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Template {
    /// Its name.
    pub name: String,
    /// Its language code.
    pub language: String,
    /// What the phone shows.
    pub text: String,
    /// The label of its quick reply; empty for one without.
    pub button: String,
    /// `UTILITY` or another.
    pub category: String,
    /// `APPROVED`, `PENDING`, `REJECTED`, `PAUSED`, `DISABLED`.
    pub status: String,
    /// Why it was rejected, in Meta's word.
    pub reason: String,
}

impl Default for Template {
    fn default() -> Self {
        Self {
            name: String::new(),
            language: String::new(),
            text: String::new(),
            button: String::new(),
            category: "UTILITY".into(),
            status: "APPROVED".into(),
            reason: "NONE".into(),
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            app_secret: "simulated-app-secret".into(),
            verify_token: "simulated-verify-token".into(),
            access_token: "simulated-access-token".into(),
            phone_number_id: "106540352242922".into(),
            display_phone_number: "243810000001".into(),
            business_account_id: "102290129340398".into(),
            callback_url: String::new(),
            seed: 1,
            delays: Delays::default(),
            limits: Limits::default(),
            window_refusal: WindowRefusal::Answer,
            reads_by_itself: false,
            templates: Vec::new(),
            account: Account::default(),
        }
    }
}

impl Default for Delays {
    fn default() -> Self {
        Self {
            sent_ms: 150,
            delivered_ms: 350,
            read_ms: 1_500,
            retry_gaps_ms: vec![
                0,
                SECOND_MS,
                5 * SECOND_MS,
                30 * SECOND_MS,
                2 * MINUTE_MS,
                10 * MINUTE_MS,
                HOUR_MS,
            ],
            give_up_ms: 7 * DAY_MS,
            after_line_ms: Some(1_500),
            webhook_answer_ms: 20 * SECOND_MS,
            hang_ms: 10 * MINUTE_MS,
            answer_ms: 0,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            per_second: 80,
            pair_gap_ms: 6 * SECOND_MS,
            pair_burst: 45,
            window_ms: DAY_MS,
            first_contacts: 250,
            batch: 1,
            webhooks_in_flight: 16,
            webhooks_waiting: 50_000,
            phones: 5_000,
            thread: 500,
            log: 200_000,
        }
    }
}

impl Delays {
    /// The pause before the try that follows `tries` failed ones, ms.
    pub fn gap_ms(&self, tries: u32) -> i64 {
        let nth = usize::try_from(tries.saturating_sub(1)).unwrap_or(usize::MAX);
        self.retry_gaps_ms
            .get(nth)
            .or(self.retry_gaps_ms.last())
            .copied()
            .unwrap_or(SECOND_MS)
    }

    /// The same curve, quick enough to watch: no pause above ten seconds.
    #[must_use]
    pub fn watchable() -> Self {
        Self {
            retry_gaps_ms: vec![0, SECOND_MS, 3 * SECOND_MS, 10 * SECOND_MS],
            after_line_ms: Some(800),
            ..Self::default()
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::indexing_slicing,
        clippy::panic,
        reason = "a test may panic"
    )]

    use super::*;

    #[test]
    fn gaps_grow_and_the_last_repeats() {
        let delays = Delays::default();
        let gaps: Vec<i64> = (1..12).map(|tries| delays.gap_ms(tries)).collect();
        assert_eq!(gaps.first(), Some(&0), "the first retry comes at once");
        assert!(gaps.windows(2).all(|pair| pair[0] <= pair[1]));
        assert_eq!(gaps.last(), Some(&HOUR_MS));
    }

    #[test]
    fn a_file_names_only_what_differs() {
        let settings: Settings =
            serde_json::from_str(r#"{"app_secret":"x","limits":{"per_second":5}}"#).unwrap();
        assert_eq!(settings.limits.per_second, 5);
        assert_eq!(settings.limits.pair_burst, 45);
        assert!(serde_json::from_str::<Settings>(r#"{"app_secrets":"x"}"#).is_err());
    }
}

//! UltraMsg as a `Messenger`: one call, one outcome.
//!
//! The token goes into the body of what we post. Its questions (GET) take it
//! in the query and nowhere else, so an address of a call must never reach a
//! log or an error: none leaves this module.

use super::codes;
use super::form::encode;
use super::verdict::{LINKED, Proof, judge, linked, taken};
use super::{address, search, wire};
use crate::core::id::OutboxKey;
use crate::core::limits::PROVIDER_REPLY_BYTES_MAX;
use crate::core::outgoing::Purpose;
use crate::core::secret::Secret;
use crate::core::time::Now;
use crate::ports::{Call, Messenger, Reconciled, SendOutcome, Unanswered};
use crate::whatsapp::client::{Answer, BadBaseUrl, Line, Lost, below, parse_base_url};
use crate::whatsapp::repair::repair_escapes;
use reqwest::Url;
use reqwest::header::CONTENT_TYPE;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;
use zeroize::Zeroizing;

/// How long the word is believed that a phone is linked. Without one UltraMsg
/// takes messages all the same, and drops them after a day.
const LINKED_FOR: Duration = Duration::from_secs(10);

/// Where UltraMsg is and who we are there.
pub struct UltraMsgSettings {
    /// `https://api.ultramsg.com`, or the stand-in's address.
    pub base_url: String,
    /// `instance1234`.
    pub instance_id: String,
    /// The instance's token.
    pub token: Secret,
}

/// Settings that no client can be made of.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadSettings {
    /// The base address.
    #[error(transparent)]
    BaseUrl(#[from] BadBaseUrl),
    /// The token is no text.
    #[error("the UltraMsg token holds characters that a token cannot hold")]
    Token,
}

/// UltraMsg.
pub struct UltraMsgClient {
    line: Arc<Line>,
    base: Url,
    token: Zeroizing<String>,
    /// The instance's number without the word before it.
    pub(super) instance: String,
    /// When a phone was last known to be linked.
    linked_at: Mutex<Option<Instant>>,
}

impl fmt::Debug for UltraMsgClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UltraMsgClient")
    }
}

impl UltraMsgClient {
    /// A client over this line.
    ///
    /// # Errors
    /// When the base address or the token cannot be used.
    pub fn new(line: Arc<Line>, settings: &UltraMsgSettings) -> Result<Self, BadSettings> {
        let base = parse_base_url(&settings.base_url)?;
        let instance = wire::bare_instance(&settings.instance_id).to_owned();
        let token = std::str::from_utf8(settings.token.expose().trim_ascii())
            .ok()
            .filter(|token| token.bytes().all(|b| b.is_ascii_graphic()))
            .ok_or(BadSettings::Token)?;
        Ok(Self {
            line,
            base: below(&base, &[&format!("instance{instance}")])?,
            token: Zeroizing::new(token.to_owned()),
            instance,
            linked_at: Mutex::default(),
        })
    }

    /// Asks one of its questions; the token can only travel in the query.
    async fn question(
        &self,
        path: &[&str],
        query: &[(&str, &str)],
        bytes_max: usize,
    ) -> Result<Answer, Lost> {
        let mut pairs = vec![("token", self.token.as_str())];
        pairs.extend_from_slice(query);
        let Ok(mut url) = below(&self.base, path) else {
            return Err(Lost::Unknown);
        };
        url.set_query(Some(&encode(&pairs)));
        let ask = |client: &reqwest::Client| client.get(url);
        self.line.ask_for(bytes_max, ask).await
    }

    /// Why nothing can be handed over just now, as far as it can be asked.
    async fn hindrance(&self) -> Option<SendOutcome> {
        let known = *self
            .linked_at
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if known.is_some_and(|at| at.elapsed() < LINKED_FOR) {
            return None;
        }
        match self.probe().await {
            SendOutcome::Accepted { .. } | SendOutcome::Unknown => None,
            hindered @ (SendOutcome::Refused { .. } | SendOutcome::NotSent(_)) => Some(hindered),
        }
    }

    /// How the phone stands, in UltraMsg's word.
    ///
    /// # Errors
    /// What was answered instead.
    pub async fn account(&self) -> Result<String, SendOutcome> {
        let answer = self
            .question(&["instance", "status"], &[], PROVIDER_REPLY_BYTES_MAX)
            .await;
        let word = match &answer {
            Ok(answer) if answer.whole => super::verdict::standing(&answer.body),
            Ok(_) | Err(_) => None,
        };
        match outcome(answer, &linked) {
            refused @ SendOutcome::Refused { .. } => word.ok_or(refused),
            SendOutcome::Accepted { .. } => Ok(LINKED.to_owned()),
            other @ (SendOutcome::NotSent(_) | SendOutcome::Unknown) => Err(other),
        }
    }

    fn note_linked(&self, linked: bool) {
        let mut at = self
            .linked_at
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *at = linked.then(Instant::now);
    }

    /// The text of a list, if that is what came back.
    pub(super) async fn listing(
        &self,
        path: &[&str],
        query: &[(&str, &str)],
        bytes_max: usize,
    ) -> Result<String, Unanswered> {
        let asked = self.question(path, query, bytes_max).await;
        let answer = asked.map_err(|_| Unanswered::Lost)?;
        if !answer.whole {
            let cut = answer.body.len() >= bytes_max;
            return Err(if cut {
                Unanswered::TooLong
            } else {
                Unanswered::Lost
            });
        }
        if let Some(code) = super::verdict::fault(&answer.body) {
            return Err(Unanswered::Refused(code));
        }
        if !(200..300).contains(&answer.status) || answer.is_page() {
            return Err(Unanswered::Odd);
        }
        let text = String::from_utf8_lossy(&answer.body);
        Ok(repair_escapes(&text).into_owned())
    }

    /// Our own clock.
    pub(super) fn now(&self) -> Now {
        self.line.now()
    }
}

fn outcome(answer: Result<Answer, Lost>, proof: Proof<'_>) -> SendOutcome {
    match answer {
        Ok(answer) => judge(&answer, proof),
        Err(Lost::NotSent(fault)) => SendOutcome::NotSent(fault),
        Err(Lost::Unknown) => SendOutcome::Unknown,
    }
}

/// UltraMsg sends the lowest first; its own default is 10. What waits in its
/// queue must leave as it left here: only an emergency may go before it.
const fn priority(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Emergency => "1",
        Purpose::Staff | Purpose::Prompt | Purpose::Notice | Purpose::Template => "10",
    }
}

impl Messenger for UltraMsgClient {
    /// Buttons and lists go as numbered text: UltraMsg has none. Whether a phone
    /// is linked is asked first, unless that was done a moment ago.
    async fn send(&self, call: &Call) -> SendOutcome {
        let undeliverable = SendOutcome::Refused {
            error: codes::error(codes::UNDELIVERABLE),
            http: 0,
            wait: None,
        };
        let Some(to) = address::to(&call.to) else {
            return undeliverable;
        };
        if let Some(hindrance) = self.hindrance().await {
            return hindrance;
        }
        let text = call.message.body.plain_text();
        let body = encode(&[
            ("token", self.token.as_str()),
            ("to", &to),
            ("body", &text),
            ("priority", priority(call.message.purpose)),
            ("referenceId", &call.key.0),
        ]);
        let Ok(url) = below(&self.base, &["messages", "chat"]) else {
            return undeliverable;
        };
        let ask = |client: &reqwest::Client| {
            client
                .post(url)
                .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
                .body(body)
        };
        let proof = |body: &[u8]| taken(body, &self.instance);
        outcome(self.line.ask(ask).await, &proof)
    }

    /// Asks whether a phone is linked; `Accepted` carries no id then.
    async fn probe(&self) -> SendOutcome {
        let answer = self
            .question(&["instance", "status"], &[], PROVIDER_REPLY_BYTES_MAX)
            .await;
        let outcome = outcome(answer, &linked);
        self.note_linked(matches!(outcome, SendOutcome::Accepted { .. }));
        outcome
    }

    /// Looks for our own reference among the messages UltraMsg has. It is not
    /// there only if the list was seen to where it would have to be.
    async fn reconcile(&self, key: &OutboxKey) -> Reconciled {
        search::find(self, key).await.unwrap_or(Reconciled::NotNow)
    }
}

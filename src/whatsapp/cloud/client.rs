//! The Cloud API as a `Messenger`: one call, one outcome.
//!
//! Never retries, never follows an address found in a payload, never shows
//! the token or a reply's text.

use super::graph::bearer;
use super::message::payload;
use super::verdict::{accepted_message, answering_number, judge};
use crate::core::inbound::ProviderError;
use crate::core::secret::Secret;
use crate::ports::{Call, Clock, Messenger, SendOutcome};
use crate::whatsapp::client::{Answer, BadBaseUrl, Line, Lost, below, parse_base_url};
use reqwest::Url;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use std::fmt;
use std::sync::Arc;

/// What a person without any address is answered with: the code the provider
/// uses for "cannot be delivered", so that staff hear of it.
const UNDELIVERABLE: ProviderError = ProviderError {
    code: 131_026,
    subcode: None,
};

/// Where the Cloud API is and who we are there.
pub struct CloudSettings {
    /// `https://graph.facebook.com`, or the stand-in's address.
    pub base_url: String,
    /// `v25.0`.
    pub api_version: String,
    /// The id of our number, as Meta's dashboard shows it.
    pub phone_number_id: String,
    /// The access token.
    pub token: Secret,
}

/// Settings that no client can be made of.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadSettings {
    /// The base address.
    #[error(transparent)]
    BaseUrl(#[from] BadBaseUrl),
    /// The token holds characters that no header can carry.
    #[error("the access token holds characters that an access token cannot hold")]
    Token,
}

/// The Cloud API.
pub struct CloudClient {
    line: Arc<Line>,
    clock: Arc<dyn Clock>,
    base: Url,
    phone_number_id: String,
    number: Url,
    messages: Url,
    bearer: HeaderValue,
}

impl fmt::Debug for CloudClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CloudClient")
    }
}

impl CloudClient {
    /// A client over this line.
    ///
    /// # Errors
    /// When the base address or the token cannot be used.
    pub fn new(
        line: Arc<Line>,
        clock: Arc<dyn Clock>,
        settings: &CloudSettings,
    ) -> Result<Self, BadSettings> {
        let base = parse_base_url(&settings.base_url)?;
        let number = [
            settings.api_version.as_str(),
            settings.phone_number_id.as_str(),
        ];
        let bearer = bearer(&settings.token).ok_or(BadSettings::Token)?;
        let mut probe = below(&base, &number)?;
        probe.set_query(Some("fields=id"));
        Ok(Self {
            line,
            clock,
            messages: below(&below(&base, &number)?, &["messages"])?,
            base: below(&base, &[settings.api_version.as_str()])?,
            phone_number_id: settings.phone_number_id.clone(),
            number: probe,
            bearer,
        })
    }

    pub(super) const fn base(&self) -> &Url {
        &self.base
    }

    pub(super) const fn bearer(&self) -> &HeaderValue {
        &self.bearer
    }

    pub(super) fn line(&self) -> &Line {
        &self.line
    }

    pub(super) fn phone_number_id(&self) -> &str {
        &self.phone_number_id
    }

    fn outcome(&self, answer: Result<Answer, Lost>, proof: super::verdict::Proof) -> SendOutcome {
        match answer {
            Ok(answer) => judge(&answer, self.clock.now().at, proof),
            Err(Lost::NotSent(fault)) => SendOutcome::NotSent(fault),
            Err(Lost::Unknown) => SendOutcome::Unknown,
        }
    }
}

impl Messenger for CloudClient {
    async fn send(&self, call: &Call) -> SendOutcome {
        let Some(body) = payload(call) else {
            return SendOutcome::Refused {
                error: UNDELIVERABLE,
                http: 0,
                wait: None,
            };
        };
        let ask = |client: &reqwest::Client| {
            client
                .post(self.messages.clone())
                .header(AUTHORIZATION, self.bearer.clone())
                .header(CONTENT_TYPE, "application/json")
                .body(body.to_string())
        };
        self.outcome(self.line.ask(ask).await, accepted_message)
    }

    /// Asks for our own number; `Accepted` carries no message id then.
    async fn probe(&self) -> SendOutcome {
        let ask = |client: &reqwest::Client| {
            client
                .get(self.number.clone())
                .header(AUTHORIZATION, self.bearer.clone())
        };
        self.outcome(self.line.ask(ask).await, answering_number)
    }
}

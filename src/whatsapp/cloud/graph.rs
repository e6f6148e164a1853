//! Questions to Meta's Graph API beside messages: the token, the number, the
//! account, its templates. One call, one answer; nothing is retried.
//!
//! A token may stand in an address here, because Meta wants it so: no address
//! may reach a log or an error. An answer's own words are shown to a technician
//! only through [`plain_words`].

use super::status::provider_error;
use super::wire::Fault;
use crate::core::inbound::ProviderError;
use crate::core::secret::Secret;
use crate::ports::LineFault;
use crate::whatsapp::client::{Answer, BadBaseUrl, Line, Lost, below, parse_base_url};
use reqwest::Url;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use serde::Deserialize;
use serde_json::Value;
use std::fmt;
use std::sync::Arc;

/// Why a question was not answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unanswered {
    /// The provider was not reached.
    Line(LineFault),
    /// The provider says no.
    Refused(ProviderError),
    /// Something came back that is no answer of Meta's.
    Odd,
}

/// The Graph API, asked with one token.
#[derive(Clone)]
pub struct Graph {
    line: Arc<Line>,
    base: Url,
    bearer: HeaderValue,
}

impl fmt::Debug for Graph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Graph")
    }
}

/// The header that carries a token; `None` if no header can.
pub(super) fn bearer(token: &Secret) -> Option<HeaderValue> {
    let mut text = b"Bearer ".to_vec();
    text.extend_from_slice(token.expose().trim_ascii());
    let mut value = HeaderValue::from_bytes(&text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

impl Graph {
    /// The Graph API of this version.
    ///
    /// # Errors
    /// When the base address or the token cannot be used.
    pub fn new(
        line: Arc<Line>,
        base_url: &str,
        api_version: &str,
        token: &Secret,
    ) -> Result<Self, super::BadSettings> {
        let base = below(&parse_base_url(base_url)?, &[api_version])?;
        let bearer = bearer(token).ok_or(super::BadSettings::Token)?;
        Ok(Self { line, base, bearer })
    }

    /// The same way with another token.
    ///
    /// # Errors
    /// When no header can carry the token.
    pub fn with_token(&self, token: &Secret) -> Result<Self, super::BadSettings> {
        let bearer = bearer(token).ok_or(super::BadSettings::Token)?;
        Ok(Self {
            bearer,
            ..self.clone()
        })
    }

    /// Asks for what lies at `path`.
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn get(&self, path: &[&str], query: &[(&str, &str)]) -> Result<Value, Unanswered> {
        let url = self.url(path, query).map_err(|_| Unanswered::Odd)?;
        let ask =
            |client: &reqwest::Client| client.get(url).header(AUTHORIZATION, self.bearer.clone());
        read(self.line.ask(ask).await)
    }

    /// Hands `body` in at `path`.
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn post(&self, path: &[&str], body: &Value) -> Result<Value, Unanswered> {
        let url = self.url(path, &[]).map_err(|_| Unanswered::Odd)?;
        let ask = |client: &reqwest::Client| {
            client
                .post(url)
                .header(AUTHORIZATION, self.bearer.clone())
                .header(CONTENT_TYPE, "application/json")
                .body(body.to_string())
        };
        read(self.line.ask(ask).await)
    }

    fn url(&self, path: &[&str], query: &[(&str, &str)]) -> Result<Url, BadBaseUrl> {
        let mut url = below(&self.base, path)?;
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        Ok(url)
    }
}

fn read(answer: Result<Answer, Lost>) -> Result<Value, Unanswered> {
    let answer = answer.map_err(|lost| match lost {
        Lost::NotSent(fault) => Unanswered::Line(fault),
        Lost::Unknown => Unanswered::Line(LineFault::Down),
    })?;
    let told = answer
        .whole
        .then(|| serde_json::from_slice::<Value>(&answer.body).ok())
        .flatten();
    match (answer.status, told) {
        (200..=299, Some(told)) => Ok(told),
        (300..=399 | 407 | 511, _) => Err(Unanswered::Line(LineFault::Portal)),
        (200..=299, None) if !answer.genuine => Err(Unanswered::Line(LineFault::Portal)),
        _ => Err(refusal(&answer.body).map_or(Unanswered::Odd, Unanswered::Refused)),
    }
}

/// The error in a body of Meta's form.
pub(super) fn refusal(body: &[u8]) -> Option<ProviderError> {
    #[derive(Deserialize)]
    struct Refusal<'a> {
        #[serde(borrow)]
        error: Fault<'a>,
    }
    let told: Refusal<'_> = serde_json::from_slice(body).ok()?;
    provider_error(&told.error)
}

/// Words of Meta's for a technician: short, and without anything that could
/// steer a terminal.
pub fn plain_words(text: &str) -> String {
    const CHARS_MAX: usize = 200;
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(CHARS_MAX)
        .collect()
}

/// A text in an answer; empty if it is not there. A number counts as its
/// digits: ids come both ways.
pub fn word(value: &Value, name: &str) -> String {
    match value.get(name) {
        Some(Value::String(text)) => plain_words(text),
        Some(Value::Number(number)) => number.to_string(),
        Some(Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_)) | None => {
            String::new()
        }
    }
}

/// The elements of a list in an answer; none if it is not there.
pub fn list<'v>(value: &'v Value, name: &str) -> &'v [Value] {
    value
        .get(name)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

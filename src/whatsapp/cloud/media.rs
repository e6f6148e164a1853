//! Patients' files at Meta. Where a file lies is told in a payload, so the
//! token goes to two places only: the provider's own address and its file
//! store. No redirect is followed.

use super::client::CloudClient;
use super::graph;
use crate::core::private::Private;
use crate::ports::{Described, Fetched, Files, LineFault, Offered, Pieces};
use crate::whatsapp::client::{Answer, Incoming, Lost, below};
use crate::whatsapp::json::Words;
use reqwest::Url;
use reqwest::header::{AUTHORIZATION, CONTENT_RANGE, CONTENT_TYPE, HeaderMap, RANGE, RETRY_AFTER};
use serde::Deserialize;
use std::time::Duration;

/// Where Meta keeps files.
const FILE_STORE: &str = "lookaside.fbsbx.com";

/// "The user's media could not be fetched."
const MEDIA_LOST: i64 = 131_052;

/// Whether the token may go there: the provider's own address, or its file
/// store over TLS.
fn may_have_token(base: &Url, place: &Url) -> bool {
    let bare = place.username().is_empty() && place.password().is_none();
    let store = place.scheme() == "https"
        && place.host_str() == Some(FILE_STORE)
        && place.port_or_known_default() == Some(443);
    bare && (store || place.origin() == base.origin())
}

impl Files for CloudClient {
    type Pieces = Incoming;

    async fn describe(&self, media_id: &str) -> Described {
        let Ok(mut url) = below(self.base(), &[media_id]) else {
            return Described::Gone;
        };
        url.query_pairs_mut()
            .append_pair("phone_number_id", self.phone_number_id());
        let ask =
            |client: &reqwest::Client| client.get(url).header(AUTHORIZATION, self.bearer().clone());
        match self.line().ask(ask).await {
            Ok(answer) => self.described(&answer),
            Err(Lost::NotSent(fault)) => Described::NotReached(fault),
            Err(Lost::Unknown) => Described::NotReached(LineFault::Down),
        }
    }

    async fn fetch(&self, place: &Private<String>, from: u64) -> Fetched<Incoming> {
        let url = Url::parse(place.expose()).ok();
        let Some(url) = url.filter(|url| may_have_token(self.base(), url)) else {
            return Fetched::Stale;
        };
        let ask = |client: &reqwest::Client| {
            let request = client.get(url).header(AUTHORIZATION, self.bearer().clone());
            if from > 0 {
                request.header(RANGE, format!("bytes={from}-"))
            } else {
                request
            }
        };
        match self.line().open(ask).await {
            Ok(incoming) => fetched(incoming, from),
            Err(Lost::NotSent(fault)) => Fetched::NotReached(fault),
            Err(Lost::Unknown) => Fetched::NotReached(LineFault::Down),
        }
    }
}

impl CloudClient {
    fn described(&self, answer: &Answer) -> Described {
        #[derive(Deserialize)]
        struct Node<'a> {
            #[serde(borrow)]
            url: Words<'a>,
            #[serde(borrow, default)]
            mime_type: Option<Words<'a>>,
            #[serde(default)]
            file_size: Option<u64>,
            #[serde(borrow, default)]
            sha256: Option<Words<'a>>,
        }
        let portal = Described::NotReached(LineFault::Portal);
        let told: Option<Node<'_>> = serde_json::from_slice(&answer.body).ok();
        match (answer.status, told.filter(|_| answer.whole)) {
            (200..=299, Some(node)) => {
                let place = Url::parse(node.url.as_str()).ok();
                match place.filter(|place| may_have_token(self.base(), place)) {
                    Some(place) => Described::Found(Offered {
                        place: Private::from(String::from(place)),
                        mime: node.mime_type.map(|mime| mime.as_str().to_owned()),
                        bytes: node.file_size,
                        sha256: node.sha256.map(|digest| digest.as_str().to_owned()),
                    }),
                    None => Described::Elsewhere,
                }
            }
            (200..=299, None) if !answer.genuine => portal,
            (300..=399 | 407 | 511, _) => portal,
            _ => refused(answer),
        }
    }
}

/// The sub-code of 100 that blames the object in the URL.
const OBJECT_UNKNOWN: i64 = 33;

/// A file that Meta could not get itself will not be there tomorrow. An object that
/// it does not know may be a file that is gone, or one that our token, or this
/// number, has no right to: those a technician can mend.
fn refused(answer: &Answer) -> Described {
    let error = graph::refusal(&answer.body).map(|error| (error.code, error.subcode));
    match error {
        Some((MEDIA_LOST, _)) => Described::Gone,
        Some((100, Some(OBJECT_UNKNOWN))) => Described::Unknown,
        Some(_) | None => Described::Later(seconds(&answer.headers)),
    }
}

fn fetched(incoming: Incoming, from: u64) -> Fetched<Incoming> {
    let html = incoming
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .is_some_and(|kind| kind.starts_with("text/html"));
    match incoming.status() {
        200 | 206 if html && !incoming.is_genuine() => Fetched::NotReached(LineFault::Portal),
        200 => Fetched::Coming {
            from: 0,
            pieces: incoming,
        },
        206 if begins_at(incoming.headers(), from) => Fetched::Coming {
            from,
            pieces: incoming,
        },
        206 | 416 => Fetched::PastEnd,
        // Ours to follow no redirect: a log-in page, or a thief of tokens.
        300..=399 | 407 | 511 => Fetched::NotReached(LineFault::Portal),
        401 | 403 | 404 | 410 => Fetched::Stale,
        _ => Fetched::Later(seconds(incoming.headers())),
    }
}

/// Whether a part begins where it was asked to.
fn begins_at(headers: &HeaderMap, from: u64) -> bool {
    let range = headers.get(CONTENT_RANGE).and_then(|it| it.to_str().ok());
    range
        .and_then(|text| text.strip_prefix("bytes "))
        .and_then(|text| text.split('-').next())
        .and_then(|text| text.parse().ok())
        == Some(from)
}

fn seconds(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?;
    text.trim().parse().ok().map(Duration::from_secs)
}

impl Pieces for Incoming {
    async fn next(&mut self) -> Result<Option<Vec<u8>>, LineFault> {
        Self::next(self).await.map_err(|_cut| LineFault::Down)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_goes_to_two_places_only() {
        let meta = Url::parse("https://graph.facebook.com").unwrap();
        let demo = Url::parse("http://127.0.0.1:4000").unwrap();
        let cases = [
            (
                &meta,
                "https://lookaside.fbsbx.com/whatsapp_business/attachments/?mid=1",
                true,
            ),
            (&meta, "https://graph.facebook.com/x", true),
            (&meta, "https://graph.facebook.com:8443/x", false),
            (&meta, "http://graph.facebook.com/x", false),
            (&meta, "http://lookaside.fbsbx.com/x", false),
            (&meta, "https://lookaside.fbsbx.com:8443/x", false),
            (&meta, "https://lookaside.fbsbx.com.evil.example/x", false),
            (&meta, "https://evil.example/lookaside.fbsbx.com", false),
            (&meta, "https://lookaside.fbsbx.com@evil.example/x", false),
            (&meta, "https://who:pass@lookaside.fbsbx.com/x", false),
            (&meta, "http://127.0.0.1:4000/x", false),
            (&meta, "file:///etc/passwd", false),
            (&demo, "http://127.0.0.1:4000/x", true),
            (&demo, "http://127.0.0.1:4001/x", false),
            (&demo, "http://127.0.0.2:4000/x", false),
            (&demo, "https://lookaside.fbsbx.com/x", true),
        ];
        for (base, place, expected) in cases {
            let url = Url::parse(place).unwrap();
            assert_eq!(may_have_token(base, &url), expected, "{place}");
        }
    }

    #[test]
    fn only_what_meta_itself_could_not_get_is_gone_at_once() {
        let told = |http: u16, body: &str| {
            let answer = Answer {
                status: http,
                headers: HeaderMap::new(),
                body: body.as_bytes().to_vec(),
                whole: true,
                genuine: true,
            };
            refused(&answer)
        };
        let lost = told(400, r#"{"error":{"code":131052}}"#);
        assert_eq!(lost, Described::Gone);
        let unknown = told(400, r#"{"error":{"code":100,"error_subcode":33}}"#);
        assert_eq!(unknown, Described::Unknown);
        for (http, body) in [
            (400, r#"{"error":{"code":100}}"#),
            (401, r#"{"error":{"code":190}}"#),
            (500, r#"{"error":{"code":131000}}"#),
            (503, "<html>busy"),
        ] {
            assert_eq!(told(http, body), Described::Later(None), "{body}");
        }
    }

    #[test]
    fn a_part_begins_where_it_was_asked_to_or_it_is_none() {
        let told = |range: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_RANGE, range.parse().unwrap());
            headers
        };
        assert!(begins_at(&told("bytes 5-9/10"), 5));
        for other in ["bytes 0-9/10", "bytes */10", "5-9/10", "bytes -5"] {
            assert!(!begins_at(&told(other), 5), "{other}");
        }
        assert!(!begins_at(&HeaderMap::new(), 5));
    }
}

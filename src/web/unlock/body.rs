//! The secret out of a request's body, in buffers that are wiped.
//!
//! What the TLS and HTTP layers below hold for a moment they do not wipe: it is
//! overwritten by what comes next, or freed.

use crate::core::lang::Lang;
use crate::core::limits::{UNLOCK_BODY_BYTES_MAX, UNLOCK_BODY_MS_MAX};
use crate::core::secret::{Secret, SecretText};
use crate::keys::{BadRecoveryKey, RecoveryKey, TypedGroups};
use crate::ports::door::Kind;
use axum::body::Body;
use axum::http::{HeaderMap, StatusCode, header};
use futures_util::StreamExt;
use serde::Deserialize;
use std::time::Duration;
use zeroize::Zeroizing;

/// Groups of the recovery key, each with a field of its own.
pub(super) const GROUPS: usize = 9;

/// What was offered.
pub(super) struct Offer {
    pub(super) secret: Secret,
    pub(super) kind: Kind,
}

/// One of the page's forms.
pub(super) struct Form {
    pub(super) typed: Typed,
    pub(super) lang: Option<Lang>,
}

/// What was typed there.
pub(super) enum Typed {
    /// Into a field for one secret.
    Word(Offer),
    /// The recovery key, wherever it was typed.
    Paper(TypedGroups),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sent {
    secret: SecretText,
    #[serde(default)]
    kind: Kind,
}

/// Reads the JSON of a program.
///
/// # Errors
/// The status that says what is wrong with it.
pub(super) async fn json(headers: &HeaderMap, body: Body) -> Result<Offer, StatusCode> {
    let bytes = read(headers, "application/json", body).await?;
    // The parser's own words could repeat what was sent.
    let sent: Sent = serde_json::from_slice(&bytes).map_err(|_| StatusCode::BAD_REQUEST)?;
    offer(sent.secret.into_secret(), sent.kind)
}

/// Reads one of the page's forms.
///
/// # Errors
/// As [`json`].
pub(super) async fn form(headers: &HeaderMap, body: Body) -> Result<Form, StatusCode> {
    let bytes = read(headers, "application/x-www-form-urlencoded", body).await?;
    let mut secret = None;
    let (mut kind, mut lang, mut is_paper) = (Kind::Any, None, false);
    let mut groups: [Zeroizing<String>; GROUPS] = Default::default();
    for pair in bytes.split(|byte| *byte == b'&') {
        let mut halves = pair.splitn(2, |byte| *byte == b'=');
        let (name, value) = (halves.next(), halves.next().unwrap_or_default());
        let value = decoded(value).ok_or(StatusCode::BAD_REQUEST)?;
        match name {
            Some(b"secret") => secret = Some(value),
            Some(b"kind") if value.as_slice() == b"pin" => kind = Kind::Pin,
            Some(b"kind") if value.as_slice() == b"passphrase" => kind = Kind::Passphrase,
            Some(b"kind") if value.as_slice() == b"recovery" => is_paper = true,
            Some(b"lang") => {
                let code = std::str::from_utf8(&value).unwrap_or_default();
                lang = code.parse().ok();
            }
            Some([b'g', place @ b'1'..=b'9']) => {
                let typed = std::str::from_utf8(&value);
                let typed = typed.map_err(|_| StatusCode::UNPROCESSABLE_ENTITY)?;
                if let Some(group) = groups.get_mut(usize::from(place - b'1')) {
                    *group = Zeroizing::new(typed.to_owned());
                }
            }
            Some(_) | None => {}
        }
    }
    let typed = if is_paper {
        Typed::Paper(TypedGroups::read(&groups))
    } else {
        let mut secret = secret.ok_or(StatusCode::UNPROCESSABLE_ENTITY)?;
        let offer = offer(Secret::new(std::mem::take(&mut *secret)), kind)?;
        meant_as_paper(&offer).map_or(Typed::Word(offer), Typed::Paper)
    };
    Ok(Form { typed, lang })
}

/// The recovery key out of a field for something else.
fn meant_as_paper(offer: &Offer) -> Option<TypedGroups> {
    let text = std::str::from_utf8(offer.secret.expose()).ok()?;
    let meant = RecoveryKey::parse(text).map_or_else(BadRecoveryKey::is_slip, |_| true);
    meant.then(|| TypedGroups::read(&[text]))
}

fn offer(secret: Secret, kind: Kind) -> Result<Offer, StatusCode> {
    if secret.is_empty() || std::str::from_utf8(secret.expose()).is_err() {
        return Err(StatusCode::UNPROCESSABLE_ENTITY);
    }
    Ok(Offer { secret, kind })
}

async fn read(
    headers: &HeaderMap,
    wanted: &str,
    body: Body,
) -> Result<Zeroizing<Vec<u8>>, StatusCode> {
    let kind = headers.get(header::CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if !kind.eq_ignore_ascii_case(wanted) {
        return Err(StatusCode::UNSUPPORTED_MEDIA_TYPE);
    }
    // Room from the start: a buffer that grows leaves a copy behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(UNLOCK_BODY_BYTES_MAX));
    let mut pieces = body.into_data_stream();
    let reading = async {
        while let Some(piece) = pieces.next().await {
            let piece = piece.map_err(|_| StatusCode::BAD_REQUEST)?;
            if bytes.len() + piece.len() > UNLOCK_BODY_BYTES_MAX {
                return Err(StatusCode::PAYLOAD_TOO_LARGE);
            }
            bytes.extend_from_slice(&piece);
        }
        Ok(())
    };
    let bound = Duration::from_millis(UNLOCK_BODY_MS_MAX);
    let read = tokio::time::timeout(bound, reading).await;
    read.map_err(|_| StatusCode::REQUEST_TIMEOUT)??;
    Ok(bytes)
}

/// `application/x-www-form-urlencoded`, one value.
fn decoded(value: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let mut out = Zeroizing::new(Vec::with_capacity(value.len()));
    let mut bytes = value.iter();
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'+' => b' ',
            b'%' => {
                let high = char::from(*bytes.next()?).to_digit(16)?;
                let low = char::from(*bytes.next()?).to_digit(16)?;
                u8::try_from(high << 4 | low).ok()?
            }
            other => *other,
        });
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::KernelChance;
    use proptest::prelude::*;

    fn headers(kind: &'static str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert("content-type", kind.parse().unwrap());
        headers
    }

    fn block<T>(work: impl Future<Output = T>) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build();
        runtime.unwrap().block_on(work)
    }

    #[test]
    fn a_form_and_its_json_twin_are_read_alike() {
        let form_headers = headers("application/x-www-form-urlencoded");
        let sent = "kind=pin&lang=fr&secret=caf%C3%A9+48%26%3D&other=1";
        let form = block(form(&form_headers, Body::from(sent))).ok().unwrap();
        let Typed::Word(read) = form.typed else {
            panic!("a PIN is no recovery key");
        };
        assert_eq!(read.secret.expose(), "café 48&=".as_bytes());
        assert_eq!((read.kind, form.lang), (Kind::Pin, Some(Lang::Fr)));
        let json_headers = headers("application/json; charset=utf-8");
        let sent = r#"{"secret":"café 48&="}"#;
        let twin = block(json(&json_headers, Body::from(sent))).ok().unwrap();
        assert_eq!(twin.secret.expose(), read.secret.expose());
        assert_eq!(twin.kind, Kind::Any);
    }

    #[test]
    fn what_is_wrong_has_its_status() {
        let as_json = headers("application/json");
        let as_form = headers("application/x-www-form-urlencoded");
        let status = |headers: &HeaderMap, text: String| {
            let read = block(json(headers, Body::from(text)));
            read.err().map(|status| status.as_u16())
        };
        assert_eq!(status(&as_form, "{}".into()), Some(415));
        assert_eq!(status(&as_json, "{}".into()), Some(400));
        assert_eq!(status(&as_json, r#"{"secret":""}"#.into()), Some(422));
        assert_eq!(status(&as_json, r#"{"secret":7}"#.into()), Some(400));
        let long = format!(r#"{{"secret":"{}"}}"#, "x".repeat(9_000));
        assert_eq!(status(&as_json, long), Some(413));
        for bad in [
            "",
            "kind=pin",
            "secret=",
            "secret=%",
            "secret=%4",
            "secret=%zz",
            "secret=%ff",
        ] {
            assert!(block(form(&as_form, Body::from(bad))).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_recovery_key_is_known_in_every_field() {
        let headers = headers("application/x-www-form-urlencoded");
        let paper = |sent: String| match block(form(&headers, Body::from(sent))).ok()?.typed {
            Typed::Paper(groups) => Some(groups),
            Typed::Word(_) => None,
        };
        let key = RecoveryKey::draw(&KernelChance::new().unwrap()).show();
        let bare = key.replace('-', "");
        let fields: Vec<String> = key
            .split('-')
            .enumerate()
            .map(|(at, group)| format!("g{}={group}", at + 1))
            .collect();
        for sent in [
            format!("kind=recovery&{}", fields.join("&")),
            format!("kind=recovery&g1={bare}&g2=&g9="),
            format!("kind=pin&secret={}", key.replace('-', "+")),
            format!("kind=pin&secret={bare}"),
            format!("kind=passphrase&secret={}", key.as_str()),
        ] {
            let read = paper(sent.clone()).unwrap();
            assert_eq!(read.whole().as_str(), key.as_str(), "{sent}");
        }
        let short = &bare[..62];
        assert!(paper(format!("kind=pin&secret={short}")).is_some());
        // Nobody's passphrase is a row of digits like that: none is taken.
        assert!(paper(format!("kind=passphrase&secret={short}")).is_some());
        assert_eq!(
            paper("kind=recovery".to_owned()).unwrap().mistake(),
            Some(1)
        );
        assert!(paper("kind=pin&secret=1+2+3+4+5+6+7+8+9".to_owned()).is_none());
        assert!(block(form(&headers, Body::from("kind=recovery&g1=%ff"))).is_err());
    }

    proptest! {
        #[test]
        fn what_a_browser_encodes_comes_back(text in "\\PC{1,40}") {
            let encoded: String = text.bytes().map(|byte| format!("%{byte:02x}")).collect();
            let back = decoded(encoded.as_bytes()).unwrap();
            prop_assert_eq!(back.as_slice(), text.as_bytes());
        }

        #[test]
        fn any_bytes_are_taken_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            let _ = decoded(&bytes);
        }
    }
}

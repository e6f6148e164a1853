//! The unlock page: a field for the PIN, one for the passphrase, nine for the
//! recovery key.
//!
//! The PIN and the passphrase are typed unseen and never come back. The recovery
//! key is long and on paper beside the phone: it is typed in sight, and after a
//! slip only the group with the slip is empty.

use super::body::{self, Offer, Typed};
use super::words::{self, Words};
use super::{Asked, Unlock, language, page, status_of, with_wait};
use crate::core::lang::Lang;
use crate::core::limits::UNLOCK_FORM_PATIENCE_MS;
use crate::core::secret::Secret;
use crate::keys::TypedGroups;
use crate::ports::door::{Kind, Refusal};
use askama::Template;
use axum::body::{Body, Bytes};
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use zeroize::Zeroizing;

/// Room for the page from the start: a buffer that grows leaves a copy behind.
const PAGE_BYTES: usize = 32 * 1024;
/// Not of the standard, and known to every browser.
const REFRESH: HeaderName = HeaderName::from_static("refresh");

/// Which of the forms somebody used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Used {
    Pin,
    Phrase,
    Paper,
}

/// Where the keyboard is when the page has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Focus {
    Pin,
    Phrase,
    Paper,
    /// There is something to be read first.
    Nowhere,
}

#[derive(Template)]
#[template(path = "unlock.html")]
struct UnlockPage<'a> {
    w: &'static Words,
    lang: Lang,
    path: &'static str,
    clinic: &'a str,
    asked: Asked,
    said: Option<&'a str>,
    used: Used,
    focus: Focus,
    /// Whether no PIN helps for now.
    pin_is_of_no_use: bool,
    groups: Vec<Group<'a>>,
}

/// A field of the recovery key.
struct Group<'a> {
    label: String,
    place: usize,
    /// What was typed before and is right.
    kept: &'a str,
    wrong: bool,
    /// Whether the keyboard is here.
    focus: bool,
}

#[derive(Template)]
#[template(path = "wait.html")]
struct WaitPage<'a> {
    w: &'static Words,
    lang: Lang,
    path: &'static str,
    clinic: &'a str,
    said: &'a str,
}

/// What the page has to say.
#[derive(Clone, Copy)]
struct Answer<'a> {
    status: StatusCode,
    said: Option<&'a str>,
    why: Option<Refusal>,
    used: Used,
    groups: Option<&'a TypedGroups>,
}

impl Answer<'_> {
    const fn first(asked: Asked) -> Self {
        Self {
            status: StatusCode::OK,
            said: None,
            why: None,
            used: if asked.pin { Used::Pin } else { Used::Phrase },
            groups: None,
        }
    }
}

/// `GET /unlock` of a locked box.
pub async fn show(
    State(unlock): State<Unlock>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let lang = language::of(query.as_deref(), &headers);
    unlock.page(lang, Answer::first(unlock.asked))
}

/// `POST /unlock`: one of the forms.
pub async fn by_form(State(unlock): State<Unlock>, headers: HeaderMap, body: Body) -> Response {
    let form = match body::form(&headers, body).await {
        Ok(form) => form,
        Err(status) => {
            let lang = language::of(None, &headers);
            let answer = Answer {
                status,
                said: Some(words::of(lang).malformed),
                ..Answer::first(unlock.asked)
            };
            return unlock.page(lang, answer);
        }
    };
    let lang = form.lang.unwrap_or_else(|| language::of(None, &headers));
    let tried = match form.typed {
        Typed::Word(offer) => unlock.by_word(lang, offer).await,
        Typed::Paper(groups) => unlock.by_paper(lang, &groups).await,
    };
    match tried {
        Ok(()) => Redirect::to(&format!("/?lang={lang}")).into_response(),
        Err(page) => *page,
    }
}

impl Unlock {
    /// Tries what was typed into a field for one secret; the page that says why
    /// it does not open.
    async fn by_word(&self, lang: Lang, offer: Offer) -> Result<(), Box<Response>> {
        let used = match offer.kind {
            Kind::Passphrase => Used::Phrase,
            Kind::Pin | Kind::Any => Answer::first(self.asked).used,
        };
        let offered = self.offer(offer, UNLOCK_FORM_PATIENCE_MS).await;
        offered.map_err(|why| {
            let said = words::of(lang).refusal(why);
            let page = if let Refusal::TooSoon { wait_s } = why {
                self.come_back(lang, &said, wait_s)
            } else {
                let answer = Answer {
                    status: status_of(why),
                    said: Some(&said),
                    why: Some(why),
                    used,
                    groups: None,
                };
                self.page(lang, answer)
            };
            Box::new(with_wait(page, why))
        })
    }

    /// Tries the recovery key, once none of its groups has a mistake.
    async fn by_paper(&self, lang: Lang, groups: &TypedGroups) -> Result<(), Box<Response>> {
        let tried = match groups.mistake() {
            Some(group) => Err(Refusal::Malformed { group: Some(group) }),
            None => {
                let offer = Offer {
                    secret: Secret::from(groups.whole().as_str()),
                    kind: Kind::Passphrase,
                };
                self.offer(offer, UNLOCK_FORM_PATIENCE_MS).await
            }
        };
        tried.map_err(|why| {
            let w = words::of(lang);
            // A key that is whole and wrong is another one: nothing of it helps.
            let (said, groups) = if why == Refusal::Wrong {
                (w.wrong_paper.to_owned(), None)
            } else {
                (w.refusal(why), Some(groups))
            };
            let answer = Answer {
                status: status_of(why),
                said: Some(&said),
                why: Some(why),
                used: Used::Paper,
                groups,
            };
            Box::new(with_wait(self.page(lang, answer), why))
        })
    }

    fn page(&self, lang: Lang, answer: Answer<'_>) -> Response {
        let w = words::of(lang);
        let pin_is_of_no_use = answer.why.is_some_and(is_of_no_use);
        let focus = match answer.used {
            _ if pin_is_of_no_use => Focus::Nowhere,
            Used::Paper => Focus::Paper,
            Used::Pin if self.asked.pin => Focus::Pin,
            Used::Pin | Used::Phrase => Focus::Phrase,
        };
        let page = UnlockPage {
            w,
            lang,
            path: "/unlock",
            clinic: &self.clinic,
            asked: self.asked,
            said: answer.said,
            used: answer.used,
            focus,
            pin_is_of_no_use,
            groups: fields(w, answer.groups, focus),
        };
        (answer.status, wiped(&page)).into_response()
    }

    /// For somebody who has to wait, and of whose typing nothing is left: the
    /// page comes back when it is worth a try, and takes nothing before.
    fn come_back(&self, lang: Lang, said: &str, wait_s: u32) -> Response {
        let page = page(&WaitPage {
            w: words::of(lang),
            lang,
            path: "/unlock",
            clinic: &self.clinic,
            said,
        });
        let mut response = (status_of(Refusal::TooSoon { wait_s }), page).into_response();
        let back = format!("{wait_s}; url=/unlock?lang={lang}");
        if let Ok(back) = HeaderValue::from_str(&back) {
            response.headers_mut().insert(REFRESH, back);
        }
        response
    }
}

/// The nine fields: what is right in its place, the rest empty, the keyboard in
/// the first of these.
fn fields<'a>(w: &Words, typed: Option<&'a TypedGroups>, focus: Focus) -> Vec<Group<'a>> {
    let first = typed.and_then(TypedGroups::mistake).unwrap_or(1);
    let mut kept = typed.map(TypedGroups::each);
    (1..=body::GROUPS)
        .map(|place| {
            let kept = kept.as_mut().and_then(Iterator::next).flatten();
            Group {
                label: w.group(place),
                place,
                kept: kept.unwrap_or_default(),
                wrong: typed.is_some() && kept.is_none(),
                focus: focus == Focus::Paper && place == first,
            }
        })
        .collect()
}

/// Whether no PIN helps for now: the other ways must lie in sight.
const fn is_of_no_use(pin: Refusal) -> bool {
    matches!(
        pin,
        Refusal::LockedOut { .. }
            | Refusal::WrongPin {
                tries_left: Some(0)
            }
    )
}

/// A page that may hold groups of the recovery key: it is wiped once it is sent.
fn wiped(page: &UnlockPage<'_>) -> Response {
    let mut text = Zeroizing::new(String::with_capacity(PAGE_BYTES));
    if let Err(error) = page.render_into(&mut *text) {
        tracing::error!(%error, "a page could not be drawn");
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    }
    let kind = [(header::CONTENT_TYPE, "text/html; charset=utf-8")];
    (kind, Body::from(Bytes::from_owner(text))).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::limits::UNLOCK_PATIENCE_MS;
    use crate::device::KernelChance;
    use crate::keys::RecoveryKey;
    use crate::ports::door::{Refused, door};
    use crate::web::unlock::Authority;
    use axum::http::header::RETRY_AFTER;

    struct Seen {
        status: u16,
        headers: HeaderMap,
        body: String,
        /// What came to the door.
        tried: Option<String>,
    }

    /// Posts a form to a page whose door answers so.
    async fn posted(pin: bool, sent: &str, answer: Result<(), Refusal>) -> Seen {
        let (door, mut knocks) = door(1);
        let unlock = Unlock {
            door,
            asked: Asked {
                pin,
                chip_failed: false,
            },
            clinic: "Kalehe".into(),
            authority: Authority::new(|| None),
        };
        let mut headers = HeaderMap::new();
        let kind = HeaderValue::from_static("application/x-www-form-urlencoded");
        headers.insert(header::CONTENT_TYPE, kind);
        let mut tried = None;
        let response = {
            let posting = by_form(State(unlock), headers, Body::from(sent.to_owned()));
            tokio::pin!(posting);
            loop {
                tokio::select! {
                    response = &mut posting => break response,
                    Some(knock) = knocks.recv() => {
                        assert!(knock.patience.as_millis() < u128::from(UNLOCK_PATIENCE_MS));
                        let text = std::str::from_utf8(knock.secret.expose()).unwrap();
                        tried = Some(text.to_owned());
                        let said = String::new();
                        let answer = answer.map_err(|why| Refused { why, said });
                        knock.answer.send(answer).ok();
                    }
                }
            }
        };
        let (head, body) = response.into_parts();
        let body = axum::body::to_bytes(body, PAGE_BYTES).await.unwrap();
        Seen {
            status: head.status.as_u16(),
            headers: head.headers,
            body: String::from_utf8(body.to_vec()).unwrap(),
            tried,
        }
    }

    fn paper() -> Zeroizing<String> {
        RecoveryKey::draw(&KernelChance::new().unwrap()).show()
    }

    fn fields_of(key: &str) -> String {
        let fields = key.split('-').enumerate();
        let fields = fields.map(|(at, group)| format!("&g{}={group}", at + 1));
        format!("kind=recovery&lang=en{}", fields.collect::<String>())
    }

    fn field(body: &str, place: usize) -> &str {
        let from = body.find(&format!("<input id=\"g{place}\"")).unwrap();
        let field = &body[from..];
        &field[..field.find('>').unwrap()]
    }

    #[tokio::test]
    async fn a_slip_in_the_recovery_key_costs_one_group() {
        let key = paper();
        let mut groups: Vec<&str> = key.split('-').collect();
        let right = groups[3];
        let wrong = format!(
            "{}{}",
            &right[..6],
            if right.ends_with('1') { 2 } else { 1 }
        );
        groups[3] = &wrong;
        let typed = groups.join("-");
        for sent in [
            fields_of(&typed),
            format!("kind=recovery&lang=en&g1={typed}"),
            format!("kind=pin&lang=en&secret={typed}"),
            format!("kind=passphrase&lang=en&secret={typed}"),
        ] {
            let seen = posted(true, &sent, Ok(())).await;
            assert_eq!((seen.status, &seen.tried), (422, &None), "{sent}");
            assert!(seen.body.contains("Group 4 of the recovery key"));
            assert!(!seen.body.contains(&wrong));
            for (at, group) in groups.iter().enumerate() {
                let field = field(&seen.body, at + 1);
                let is_right = at != 3;
                assert_eq!(
                    field.contains(&format!("value=\"{group}\"")),
                    is_right,
                    "{field}"
                );
                assert_eq!(field.contains("aria-invalid"), !is_right, "{field}");
                assert_eq!(field.contains("autofocus"), !is_right, "{field}");
                assert!(field.contains("inputmode=\"numeric\"") && field.contains("type=\"text\""));
            }
            assert!(
                seen.body.contains("<details id=\"paper\" open>"),
                "{}",
                seen.body
            );
            assert_eq!(seen.body.matches("autofocus").count(), 1);
        }
    }

    #[tokio::test]
    async fn a_recovery_key_is_tried_whole_and_kept_while_it_waits() {
        let key = paper();
        let opened = posted(true, &fields_of(&key), Ok(())).await;
        assert_eq!(
            (opened.status, opened.tried.as_deref()),
            (303, Some(key.as_str()))
        );
        let wait = Err(Refusal::TooSoon { wait_s: 7 });
        let waits = posted(true, &fields_of(&key), wait).await;
        assert_eq!(waits.status, 429);
        assert_eq!(waits.headers[RETRY_AFTER], "7");
        assert!(waits.body.contains("Wait 7 seconds"));
        assert!(key.split('-').all(|group| waits.body.contains(group)));
        // A page that comes anew would take away what was typed.
        assert!(!waits.headers.contains_key(REFRESH));
        let wrong = posted(true, &fields_of(&key), Err(Refusal::Wrong)).await;
        assert_eq!(wrong.status, 403);
        assert!(wrong.body.contains("does not open this box"));
        assert!(!key.split('-').any(|group| wrong.body.contains(group)));
    }

    #[tokio::test]
    async fn who_comes_too_soon_is_told_when_and_brought_back() {
        let wait = Err(Refusal::TooSoon { wait_s: 7 });
        let seen = posted(true, "kind=pin&lang=sw&secret=482913", wait).await;
        assert_eq!(seen.status, 429);
        assert_eq!(seen.headers[REFRESH], "7; url=/unlock?lang=sw");
        assert_eq!(seen.headers[RETRY_AFTER], "7");
        assert!(seen.body.contains("Subiri sekunde 7"), "{}", seen.body);
        // Nothing is typed that the page would take away when it comes anew.
        assert!(!seen.body.contains("<input") && !seen.body.contains("482913"));
    }

    #[tokio::test]
    async fn with_the_chip_locked_the_other_ways_lie_open() {
        let sent = "kind=pin&lang=en&secret=482913";
        for why in [
            Refusal::LockedOut { wait_s: Some(60) },
            Refusal::WrongPin {
                tries_left: Some(0),
            },
        ] {
            let seen = posted(true, sent, Err(why)).await;
            assert_eq!(seen.body.matches("<details").count(), 2);
            for id in ["phrase-way", "paper"] {
                assert!(
                    seen.body.contains(&format!("<details id=\"{id}\" open>")),
                    "{id}"
                );
            }
            assert!(!seen.body.contains("autofocus"));
        }
        let wrong = Err(Refusal::WrongPin {
            tries_left: Some(3),
        });
        let seen = posted(true, sent, wrong).await;
        assert!(!seen.body.contains(" open>"), "{}", seen.body);
        let seen = posted(true, "kind=pin&lang=en&secret=12", Err(Refusal::NoPin)).await;
        assert_eq!(seen.status, 422);
        assert!(seen.body.contains("A PIN has 4 to 64 characters"));
    }
}

//! What the first page of an open box says of its patients: whether they are
//! answered now, and if not, who can help.

use super::language;
use super::words::{self, Words};
use crate::core::lang::Lang;
use crate::web::health::Health;
use crate::web::unlock::{Drilled, page};
use crate::work::line::LineState;
use askama::Template;
use axum::extract::{RawQuery, State};
use axum::http::HeaderMap;
use axum::response::Response;
use std::sync::Arc;

/// What that page looks at.
#[derive(Clone)]
pub struct Standing {
    /// Whether the recovery key was ever proved.
    pub drilled: Drilled,
    /// Whether messages can be kept, and how the line stands.
    pub health: Health,
    /// Whether the provider's secrets are there without which nobody is answered.
    pub has_secrets: Arc<dyn Fn() -> bool + Send + Sync>,
}

#[derive(Template)]
#[template(path = "open.html")]
struct OpenPage {
    w: &'static Words,
    lang: Lang,
    path: &'static str,
    trouble: Option<Trouble>,
    undrilled: bool,
}

/// Why patients are not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Trouble {
    said: &'static str,
    /// Whether it goes only once somebody has asked `doctor`.
    for_technician: bool,
}

/// `/` of an open box without a console.
pub async fn no_console(
    State(standing): State<Standing>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let lang = language::of(query.as_deref(), &headers);
    let w = words::of(lang);
    let line = &standing.health.line;
    let seen = Seen {
        has_secrets: (standing.has_secrets)(),
        keeps: standing.health.keeps(),
        line: line.state(),
        gives_back: line.is_account_on_trial(),
    };
    page(&OpenPage {
        w,
        lang,
        path: "/",
        trouble: seen.trouble(w),
        undrilled: !standing.drilled.get(),
    })
}

/// All that decides whether patients are answered.
#[derive(Clone, Copy)]
struct Seen {
    has_secrets: bool,
    keeps: bool,
    line: LineState,
    /// Whether the account takes messages and gives them back.
    gives_back: bool,
}

impl Seen {
    /// Why patients are not answered now; none if they are.
    const fn trouble(self, w: &Words) -> Option<Trouble> {
        let (said, for_technician) = match self.line {
            _ if !self.has_secrets => (w.no_secrets, true),
            _ if !self.keeps => (w.cannot_keep, true),
            LineState::Up if self.gives_back => (w.line_wrong, true),
            LineState::Up => return None,
            LineState::Down => (w.line_cut, false),
            LineState::ProviderDown | LineState::Paused(_) => (w.line_waits, false),
            LineState::Portal
            | LineState::Tls
            | LineState::ClockWrong
            | LineState::TokenBad
            | LineState::Misconfigured => (w.line_wrong, true),
        };
        Some(Trouble {
            said,
            for_technician,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::time::UnixMs;

    const WELL: Seen = Seen {
        has_secrets: true,
        keeps: true,
        line: LineState::Up,
        gives_back: false,
    };

    #[test]
    fn patients_are_said_to_be_answered_only_where_they_are() {
        let line = |line| Seen { line, ..WELL };
        for lang in Lang::ALL {
            let w = words::of(lang);
            assert_eq!(WELL.trouble(w), None);
            let cases = [
                (
                    Seen {
                        has_secrets: false,
                        ..WELL
                    },
                    w.no_secrets,
                ),
                (
                    Seen {
                        has_secrets: false,
                        ..line(LineState::Down)
                    },
                    w.no_secrets,
                ),
                (
                    Seen {
                        keeps: false,
                        ..WELL
                    },
                    w.cannot_keep,
                ),
                (
                    Seen {
                        gives_back: true,
                        ..WELL
                    },
                    w.line_wrong,
                ),
                (line(LineState::Down), w.line_cut),
                (line(LineState::ProviderDown), w.line_waits),
                (line(LineState::Paused(UnixMs(1))), w.line_waits),
                (line(LineState::Portal), w.line_wrong),
                (line(LineState::Tls), w.line_wrong),
                (line(LineState::ClockWrong), w.line_wrong),
                (line(LineState::TokenBad), w.line_wrong),
                (line(LineState::Misconfigured), w.line_wrong),
            ];
            for (seen, said) in cases {
                let trouble = seen.trouble(w).unwrap();
                assert_eq!(trouble.said, said, "{lang}");
                let page = drawn(lang, seen);
                assert!(
                    page.contains("role=\"alert\"") && page.contains(said),
                    "{page}"
                );
                // Where the words end in a colon, the command follows.
                assert_eq!(trouble.for_technician, said.ends_with(':'), "{said}");
                assert_eq!(page.contains("healthpost doctor"), said.ends_with(':'));
                assert!(!page.contains(w.answered), "{lang}: {page}");
            }
            assert!(drawn(lang, WELL).contains(w.answered), "{lang}");
        }
    }

    fn drawn(lang: Lang, seen: Seen) -> String {
        let w = words::of(lang);
        let page = OpenPage {
            w,
            lang,
            path: "/",
            trouble: seen.trouble(w),
            undrilled: false,
        };
        // Only what a browser shows: the apostrophes are written as entities.
        page.render().unwrap().replace("&#39;", "'")
    }
}

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
    trouble: Option<&'static str>,
    undrilled: bool,
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
    const fn trouble(self, w: &Words) -> Option<&'static str> {
        if !self.has_secrets {
            return Some(w.no_secrets);
        }
        if !self.keeps {
            return Some(w.cannot_keep);
        }
        match self.line {
            LineState::Up if self.gives_back => Some(w.line_wrong),
            LineState::Up => None,
            LineState::Down => Some(w.line_cut),
            LineState::ProviderDown | LineState::Paused(_) => Some(w.line_waits),
            LineState::Portal
            | LineState::Tls
            | LineState::ClockWrong
            | LineState::TokenBad
            | LineState::Misconfigured => Some(w.line_wrong),
        }
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
                assert_eq!(seen.trouble(w), Some(said), "{lang}");
                let page = drawn(lang, seen);
                assert!(page.contains("role=\"alert\"") && page.contains("healthpost doctor"));
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

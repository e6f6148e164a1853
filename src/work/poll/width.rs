//! Whether a page of a chat is short because there is no more in the chat, or
//! because the server gives no more at once. Pure.

use crate::core::time::{SECOND_MS, UnixMs};
use crate::ports::Page;

/// No server gives fewer messages than this. Below it a chat was emptied on the
/// phone.
const LEAST: usize = 5;

/// How much was given at once.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Width {
    /// Messages on the longest page.
    widest: usize,
    /// Where pages end though the chat does not.
    cut: Option<usize>,
}

impl Width {
    /// Notes a page of any chat.
    pub(super) fn see(&mut self, page: &Page) {
        self.widest = self.widest.max(page.messages);
        self.cut = self.cut.filter(|cut| *cut >= self.widest);
    }

    /// Whether a page that is shorter than was asked for, and was seen, hides what
    /// lies below it. `known` is the latest stamp that an earlier look has found in
    /// the chat: the whole of it would hold that one too.
    pub(super) fn hides(&mut self, page: &Page, known: Option<UnixMs>) -> bool {
        let Some((earliest, _)) = page.span else {
            return false;
        };
        if page.messages < self.widest.max(LEAST) {
            return false;
        }
        // What is noted of a second that may not be over is a moment before it.
        if known.is_some_and(|known| earliest.ms_since(known) >= SECOND_MS) {
            self.cut = Some(page.messages);
        }
        self.cut == Some(page.messages)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: UnixMs = UnixMs(1_795_168_800_000);

    fn page(messages: usize) -> Page {
        Page {
            messages,
            span: Some((AT, AT.plus_ms(9_000))),
            ..Page::default()
        }
    }

    fn hides(width: &mut Width, messages: usize, known: Option<i64>) -> bool {
        let page = page(messages);
        width.see(&page);
        width.hides(&page, known.map(|ms| AT.plus_ms(ms)))
    }

    #[test]
    fn a_page_that_lacks_what_was_seen_before_is_cut() {
        let mut width = Width::default();
        assert!(!hides(&mut width, 20, None), "a chat of twenty");
        assert!(!hides(&mut width, 20, Some(-1)), "the same second");
        assert!(hides(&mut width, 20, Some(-1_000)));
        assert!(hides(&mut width, 20, None), "nor can others be told");
        assert!(!hides(&mut width, 19, None));
        assert!(!hides(&mut width, 21, None), "more can be had after all");
        assert!(
            !hides(&mut width, 20, Some(-1_000)),
            "that chat was emptied"
        );
    }

    #[test]
    fn a_chat_that_was_emptied_on_the_phone_is_no_server_that_cuts() {
        let mut width = Width::default();
        assert!(!hides(&mut width, LEAST - 1, Some(-60_000)));
        let unstamped = Page {
            span: None,
            ..page(20)
        };
        assert!(!Width::default().hides(&unstamped, Some(AT)));
    }
}

//! What the templates show: words and times, ready to print.

use crate::core::delivery::DeliveryState;
use crate::core::private::Private;
use crate::core::time::{DAY_MS, HOUR_MS, MINUTE_MS, UnixMs};
use crate::store::conversations::{Line, Side};
use askama::Template;
use jiff::tz::TimeZone;

/// The overview.
#[derive(Template)]
#[template(path = "overview.html")]
pub(super) struct OverviewPage<'a> {
    pub clinic: &'a str,
    pub line: &'a str,
    pub line_words: &'a str,
    pub waiting: i64,
    pub oldest: Option<String>,
    pub tasks: Vec<TaskCard>,
    pub records: Vec<RecordLine>,
    pub conversations: Vec<TalkCard>,
    pub queue: Vec<QueueLine>,
}

/// Something to do.
pub(super) struct TaskCard {
    pub what: String,
    pub urgent: bool,
    pub contact: Option<i64>,
    pub record: Option<String>,
    pub at: String,
}

/// A record in the list.
pub(super) struct RecordLine {
    pub id: String,
    pub patient: String,
    pub complaint: String,
    pub urgent: bool,
    pub status: &'static str,
    pub at: String,
}

/// A conversation in the list.
pub(super) struct TalkCard {
    pub id: i64,
    pub title: String,
    pub waiting: i64,
    pub flagged: bool,
    pub at: String,
}

/// A message in the queue.
pub(super) struct QueueLine {
    pub id: i64,
    pub contact: i64,
    pub purpose: String,
    pub state: &'static str,
    pub words: String,
    pub maybe_double: bool,
    pub at: String,
}

/// One record.
#[derive(Template)]
#[template(path = "record.html")]
pub(super) struct RecordPage<'a> {
    pub clinic: &'a str,
    pub id: &'a str,
    pub cells: Vec<(String, String)>,
}

/// One conversation.
#[derive(Template)]
#[template(path = "conversation.html")]
pub(super) struct ConversationPage<'a> {
    pub clinic: &'a str,
    pub title: &'a str,
    pub lines: Vec<TalkLine>,
}

/// One message of it.
pub(super) struct TalkLine {
    pub ours: bool,
    pub text: Option<String>,
    pub at: String,
    pub state: String,
    pub maybe_double: bool,
}

/// What is not there.
#[derive(Template)]
#[template(path = "missing.html")]
pub(super) struct MissingPage<'a> {
    pub clinic: &'a str,
    pub what: &'a str,
}

/// A message as its conversation shows it.
pub(super) fn line(line: &Line, zone: &TimeZone) -> TalkLine {
    TalkLine {
        ours: line.side == Side::Clinic,
        text: line.text.as_ref().map(|text| Private::expose(text).clone()),
        at: clock_time(line.at, zone),
        state: line
            .state
            .map_or_else(String::new, |s| state_words(s, line.why.as_deref())),
        maybe_double: line.maybe_double,
    }
}

/// A delivery state in words for staff.
pub(super) fn state_words(state: DeliveryState, why: Option<&str>) -> String {
    let words = match state {
        DeliveryState::Queued => "waiting",
        DeliveryState::Held => "held back",
        DeliveryState::Sending => "being sent",
        DeliveryState::InDoubt => "maybe sent, not confirmed",
        DeliveryState::Accepted => "handed to WhatsApp",
        DeliveryState::Sent => "sent",
        DeliveryState::Delivered => "delivered",
        DeliveryState::Read => "read",
        DeliveryState::Failed => "not delivered",
        DeliveryState::Expired => "too old, not sent",
        DeliveryState::Cancelled => "withdrawn",
        DeliveryState::Superseded => "replaced by a newer one",
    };
    let reason = match why {
        Some("line_down") => " (no connection)",
        Some("configuration") => " (WhatsApp refuses our credentials)",
        Some("throttled" | "throttled_contact") => " (WhatsApp asks to slow down)",
        Some("window_closed") => " (the patient last wrote over 24 hours ago)",
        Some("refused" | "undelivered") => " (WhatsApp could not reach the phone)",
        Some("erased") => " (erased)",
        Some(_) | None => "",
    };
    format!("{words}{reason}")
}

/// A moment in the clinic's time, to the minute.
pub(super) fn clock_time(at: UnixMs, zone: &TimeZone) -> String {
    match jiff::Timestamp::from_millisecond(at.0) {
        Ok(stamp) => stamp
            .to_zoned(zone.clone())
            .strftime("%d %b %Y %H:%M")
            .to_string(),
        Err(_) => "unknown time".to_owned(),
    }
}

/// How long ago, in words.
pub(super) fn age(since: UnixMs, now: UnixMs) -> String {
    let ms = now.ms_since(since).max(0);
    let (count, unit) = match ms {
        ms if ms < MINUTE_MS => (ms / 1_000, "second"),
        ms if ms < HOUR_MS => (ms / MINUTE_MS, "minute"),
        ms if ms < DAY_MS => (ms / HOUR_MS, "hour"),
        ms => (ms / DAY_MS, "day"),
    };
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_read_like_speech() {
        let at = |ms| age(UnixMs(0), UnixMs(ms));
        assert_eq!(at(1_000), "1 second");
        assert_eq!(at(90_000), "1 minute");
        assert_eq!(at(5 * HOUR_MS), "5 hours");
        assert_eq!(at(3 * DAY_MS), "3 days");
        assert_eq!(at(-5), "0 seconds");
    }

    #[test]
    fn a_nonsense_time_is_said_so() {
        assert_eq!(clock_time(UnixMs(i64::MAX), &TimeZone::UTC), "unknown time");
    }
}

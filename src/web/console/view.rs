//! What the templates show: words and times, ready to print.

use crate::core::delivery::{DeliveryState, Why, explain, why_now};
use crate::core::display::upright;
use crate::core::engine::RecordStatus;
use crate::core::private::Private;
use crate::core::time::{DAY_MS, HOUR_MS, MINUTE_MS, UnixMs};
use crate::store::conversations::{Line, Side};
use crate::work::line::LineState;
use askama::Template;
use jiff::tz::TimeZone;

/// Characters of a complaint in the list of records.
const LISTED_CHARACTERS: usize = 120;

/// Where a message stands, for staff.
pub(super) struct StateWords {
    pub word: String,
    pub told: String,
}

/// The overview.
#[derive(Template)]
#[template(path = "overview.html")]
pub(super) struct OverviewPage<'a> {
    pub clinic: &'a str,
    pub line: &'a str,
    pub headline: &'a str,
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
    pub title: String,
    pub number: Option<String>,
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
    pub title: String,
    pub purpose: String,
    pub state: &'static str,
    pub words: StateWords,
    pub maybe_double: bool,
    pub at: String,
}

/// One record.
#[derive(Template)]
#[template(path = "record.html")]
pub(super) struct RecordPage<'a> {
    pub clinic: &'a str,
    pub id: &'a str,
    pub contact: Option<i64>,
    pub cells: Vec<Cell>,
}

/// One line of a record.
pub(super) struct Cell {
    pub name: String,
    pub value: String,
    /// Whether it is a number to call.
    pub is_phone: bool,
}

/// One conversation.
#[derive(Template)]
#[template(path = "conversation.html")]
pub(super) struct ConversationPage<'a> {
    pub clinic: &'a str,
    pub title: String,
    pub number: Option<&'a str>,
    pub lines: Vec<TalkLine>,
}

/// One message of it.
pub(super) struct TalkLine {
    pub ours: bool,
    pub text: Option<String>,
    pub at: String,
    pub arrived: Option<String>,
    pub state: Option<StateWords>,
    pub maybe_double: bool,
}

/// What is not there.
#[derive(Template)]
#[template(path = "missing.html")]
pub(super) struct MissingPage<'a> {
    pub clinic: &'a str,
    pub what: &'a str,
}

/// Words of a patient, safe beside ours.
pub(super) fn shown(text: &Private<String>) -> String {
    upright(text.expose())
}

/// How far a record is.
pub(super) const fn status(status: RecordStatus) -> &'static str {
    match status {
        RecordStatus::InProgress => "being asked",
        RecordStatus::Complete => "complete",
        RecordStatus::Withdrawn => "withdrawn",
        RecordStatus::Erased => "erased",
    }
}

/// What a message is for.
pub(super) fn purpose(word: &str) -> &str {
    match word {
        "prompt" => "question",
        "notice" => "information",
        "emergency" => "emergency text",
        "staff" => "words of staff",
        "template" => "request to write again",
        newer => newer,
    }
}

/// A message as its conversation shows it.
pub(super) fn line(line: &Line, waits: Option<Why>, zone: &TimeZone) -> TalkLine {
    TalkLine {
        ours: line.side == Side::Clinic,
        text: line.text.as_ref().map(shown),
        at: clock_time(line.at, zone),
        arrived: line.arrived.map(|at| clock_time(at, zone)),
        state: line
            .state
            .map(|state| state_words(state, line.why.as_deref(), waits)),
        maybe_double: line.maybe_double,
    }
}

/// A delivery state as every list of it shows it: its word, and, until the
/// message has arrived, the sentence for staff and what they can do. `waits` is
/// why nothing leaves at all, if so.
pub(super) fn state_words(
    state: DeliveryState,
    noted: Option<&str>,
    waits: Option<Why>,
) -> StateWords {
    let why = why_now(state, noted, waits.map(Why::word));
    let why = why.and_then(|word| word.parse::<Why>().ok());
    let (sentence, todo) = explain(state, why);
    let told = match state {
        DeliveryState::Accepted
        | DeliveryState::Sent
        | DeliveryState::Delivered
        | DeliveryState::Read => String::new(),
        DeliveryState::Queued
        | DeliveryState::Held
        | DeliveryState::Sending
        | DeliveryState::InDoubt
        | DeliveryState::Failed
        | DeliveryState::Expired
        | DeliveryState::Cancelled
        | DeliveryState::Superseded => match todo {
            Some(todo) => format!("{sentence} {todo}"),
            None => sentence.to_owned(),
        },
    };
    StateWords {
        word: state.word().replace('_', " "),
        told,
    }
}

/// What the head of the overview says of the line.
pub(super) const fn headline(line: LineState) -> &'static str {
    match line {
        LineState::Up => "Connected to WhatsApp",
        LineState::Down | LineState::Portal | LineState::Tls | LineState::ClockWrong => {
            "No connection to WhatsApp"
        }
        LineState::ProviderDown => "WhatsApp itself does not answer",
        LineState::TokenBad | LineState::Misconfigured => {
            "Connected, but WhatsApp refuses the clinic's account"
        }
        LineState::Paused(_) => "Connected, but WhatsApp asked for a pause",
    }
}

/// Cut for a list; the whole stands on its own page.
pub(super) fn in_short(text: &str) -> String {
    let mut short: String = text.chars().take(LISTED_CHARACTERS).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
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
    fn a_message_is_spoken_of_as_everywhere() {
        for why in Why::all() {
            let words = state_words(DeliveryState::Failed, Some(why.word()), None);
            assert!(words.told.starts_with(why.sentence()), "{why}");
            assert!(
                words
                    .told
                    .ends_with(why.what_to_do().unwrap_or(why.sentence()))
            );
        }
        let doubted = state_words(DeliveryState::InDoubt, None, None);
        assert_eq!(doubted.word, "in doubt");
        assert!(!doubted.told.is_empty());
        assert_eq!(state_words(DeliveryState::Read, None, None).told, "");
        let queued = state_words(DeliveryState::Queued, None, Some(Why::LineDown));
        assert!(
            queued.told.contains(Why::LineDown.sentence()),
            "{}",
            queued.told
        );
    }

    #[test]
    fn a_list_shows_the_beginning_of_a_long_complaint() {
        assert_eq!(in_short("fièvre"), "fièvre");
        let long = in_short(&"é".repeat(500));
        assert_eq!(long.chars().count(), LISTED_CHARACTERS + 1);
        assert!(long.ends_with('…'));
    }

    #[test]
    fn what_a_patient_writes_turns_nothing_round() {
        let said = Line {
            side: Side::Contact,
            text: Some(Private::from("fever \u{202e}and\u{2066} more")),
            at: UnixMs(0),
            arrived: None,
            state: None,
            why: None,
            maybe_double: false,
        };
        let shown = line(&said, None, &TimeZone::UTC);
        assert_eq!(shown.text.as_deref(), Some("fever and more"));
    }

    #[test]
    fn a_nonsense_time_is_said_so() {
        assert_eq!(clock_time(UnixMs(i64::MAX), &TimeZone::UTC), "unknown time");
    }
}

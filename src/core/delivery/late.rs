//! Around an outage: how long the sender waits when the line comes back, and
//! what the first late message says about its lateness.
//!
//! Pure. Nothing is said that the clock cannot vouch for: WhatsApp's own stamp
//! of the patient's message may always be told, "late" only by a clock that is
//! trusted, and "may be late" by one that is not.

use crate::core::lang::Lang;
use crate::core::time::{DAY_MS, MINUTE_MS, Now, UnixMs};
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// A reply this much later than the message it answers says so, ms.
pub const LATE_MS: i64 = 30 * MINUTE_MS;
/// How long a line that has come back is given to bring the first of what
/// waits at the other end, ms.
const FIRST_NEWS_MS: i64 = 300;
/// How long whatever it brings may keep the queue waiting, ms.
const NEWS_MS_MAX: i64 = 5_000;

/// The part of an outage's length that its end may keep the queue waiting: a
/// short cut has brought little, and is not made longer by listening.
const OF_THE_OUTAGE: i64 = 60;

/// How long sending still waits after the line has come back `since_ms` ago
/// from an outage of `away_ms`, so that what waits at the other end comes in
/// first: an answer or a status may make a queued message needless. `unread`
/// says whether messages are in that have not been looked at. Bounded: a flood
/// never stops the queue.
pub fn pull_first_ms(away_ms: i64, since_ms: i64, unread: bool) -> i64 {
    let most = if unread { NEWS_MS_MAX } else { FIRST_NEWS_MS };
    let most = most.min(away_ms / OF_THE_OUTAGE);
    if (0..most).contains(&since_ms) {
        most.min(since_ms.saturating_add(FIRST_NEWS_MS)) - since_ms
    } else {
        0
    }
}

/// What a message is put behind that answers one WhatsApp stamped `wrote`,
/// when it was queued at `queued`: when the patient wrote, if that is long ago.
pub fn lead(
    lang: Lang,
    zone: &TimeZone,
    wrote: UnixMs,
    queued: UnixMs,
    now: Now,
) -> Option<String> {
    if !now.trusted {
        let waited = now.at.ms_since(queued) > LATE_MS;
        return waited.then(|| may_be_late(lang).to_owned());
    }
    let late_ms = now.at.ms_since(wrote);
    if wrote.0 <= 0 || late_ms <= LATE_MS {
        return None;
    }
    let local = |at: UnixMs| {
        let stamp = Timestamp::from_millisecond(at.0).ok()?;
        Some(stamp.to_zoned(zone.clone()))
    };
    let (then, today) = (local(wrote)?, local(now.at)?);
    let time = then.strftime("%H:%M").to_string();
    let day = then.strftime("%d/%m").to_string();
    let same = late_ms < DAY_MS && then.date() == today.date();
    Some(if same {
        wrote_today(lang, &time)
    } else {
        wrote_on(lang, &day, &time)
    })
}

const fn may_be_late(lang: Lang) -> &'static str {
    match lang {
        Lang::En => "This reply may reach you late, sorry.",
        Lang::Fr => "Cette réponse vous parvient peut-être en retard, pardon.",
        Lang::Sw => "Huenda jibu hili limechelewa, samahani.",
        Lang::Es => "Puede que esta respuesta le llegue tarde, disculpe.",
        Lang::Pt => "Esta resposta pode chegar atrasada, desculpe.",
    }
}

fn wrote_today(lang: Lang, time: &str) -> String {
    match lang {
        Lang::En => format!("You wrote to us at {time}. Sorry for the late reply."),
        Lang::Fr => format!("Vous nous avez écrit à {time}. Pardon pour le retard."),
        Lang::Sw => format!("Ulituandikia saa {time}. Samahani kwa kuchelewa kujibu."),
        Lang::Es => format!("Usted nos escribió a las {time}. Disculpe la demora."),
        Lang::Pt => format!("Você nos escreveu às {time}. Desculpe a demora."),
    }
}

fn wrote_on(lang: Lang, day: &str, time: &str) -> String {
    match lang {
        Lang::En => format!("You wrote to us on {day} at {time}. Sorry for the late reply."),
        Lang::Fr => format!("Vous nous avez écrit le {day} à {time}. Pardon pour le retard."),
        Lang::Sw => {
            format!("Ulituandikia tarehe {day} saa {time}. Samahani kwa kuchelewa kujibu.")
        }
        Lang::Es => format!("Usted nos escribió el {day} a las {time}. Disculpe la demora."),
        Lang::Pt => format!("Você nos escreveu em {day} às {time}. Desculpe a demora."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::time::HOUR_MS;
    use proptest::prelude::*;

    /// 2026-11-20T00:00:00Z.
    const WROTE: UnixMs = UnixMs(1_795_132_800_000);

    fn said(late_ms: i64, trusted: bool) -> Option<String> {
        let now = Now {
            at: WROTE.plus_ms(late_ms),
            trusted,
        };
        let zone = TimeZone::fixed(jiff::tz::offset(2));
        lead(Lang::En, &zone, WROTE, WROTE.plus_ms(1), now)
    }

    #[test]
    fn a_late_reply_says_when_the_patient_wrote_in_the_clinics_zone() {
        assert_eq!(said(LATE_MS, true), None);
        let today = "You wrote to us at 02:00. Sorry for the late reply.";
        assert_eq!(said(5 * HOUR_MS, true).as_deref(), Some(today));
        let other = "You wrote to us on 20/11 at 02:00. Sorry for the late reply.";
        assert_eq!(said(23 * HOUR_MS, true).as_deref(), Some(other));
        assert_eq!(said(300 * DAY_MS, true).as_deref(), Some(other));
    }

    #[test]
    fn a_clock_that_cannot_vouch_says_no_more_than_it_knows() {
        assert_eq!(said(LATE_MS, false), None);
        let unsure = "This reply may reach you late, sorry.";
        assert_eq!(said(300 * DAY_MS, false).as_deref(), Some(unsure));
        assert_eq!(said(-DAY_MS, true), None);
    }

    #[test]
    fn every_language_says_when() {
        for lang in Lang::ALL {
            let now = Now {
                at: WROTE.plus_ms(2 * HOUR_MS),
                trusted: true,
            };
            let said = lead(lang, &TimeZone::UTC, WROTE, WROTE, now).unwrap();
            assert!(said.contains("00:00") && said.len() < 100, "{said}");
        }
    }

    #[test]
    fn a_line_that_is_back_is_heard_before_it_is_spoken_to() {
        let day = 24 * 60 * MINUTE_MS;
        assert_eq!(pull_first_ms(day, 0, false), 300);
        assert_eq!(pull_first_ms(day, 299, false), 1);
        assert_eq!(pull_first_ms(day, 300, false), 0);
        assert_eq!(pull_first_ms(day, 300, true), 300);
        assert_eq!(pull_first_ms(day, 4_900, true), 100);
        assert_eq!(pull_first_ms(day, 5_000, true), 0);
        // A minute in the dark is worth a second of listening, a blink nothing.
        assert_eq!(pull_first_ms(MINUTE_MS, 900, true), 100);
        assert_eq!(pull_first_ms(MINUTE_MS, 1_000, true), 0);
        assert_eq!(pull_first_ms(50, 0, true), 0);
    }

    proptest! {
        #[test]
        fn any_instants_say_something_or_nothing(wrote: i64, queued: i64, now: i64, trusted: bool) {
            let now = Now { at: UnixMs(now), trusted };
            lead(Lang::Fr, &TimeZone::UTC, UnixMs(wrote), UnixMs(queued), now);
        }

        #[test]
        fn the_wait_is_bounded(away in 0..i64::MAX, since in 0..100_000_i64, unread: bool) {
            let wait = pull_first_ms(away, since, unread);
            prop_assert!((0..=300).contains(&wait));
            prop_assert!(since + wait <= 5_000.min(away / 60) || wait == 0);
        }
    }
}

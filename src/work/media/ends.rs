//! What staff hear of files that are not here: of each one that is lost, and
//! once of all that wait because there is no room.

use super::next::{UNKNOWN, expired, lacked_room};
use crate::core::limits::{MEDIA_FILE_BYTES_MAX, MEDIA_FREE_BYTES_MIN, MEDIA_STORE_BYTES_MAX};
use crate::core::tasks::Kind;
use crate::core::time::{DAY_MS, UnixMs};
use crate::store::Result;
use crate::store::media::{self, File, State};
use crate::store::tasks::{self, NewTask};
use rusqlite::Connection;

/// What the one task about the room is about.
const ROOM: &str = "room";
/// Free space from which on there is room again, bytes: more than what was
/// missing, so that the task does not come and go.
const AMPLE_BYTES: u64 = MEDIA_FREE_BYTES_MIN + MEDIA_FREE_BYTES_MIN / 4;

/// What is to be done about the task that files wait for room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum News {
    /// Nothing.
    None,
    /// There is no room.
    Full,
    /// There is room again for any file.
    Room,
}

/// Looks whether the task stands and should, with so many bytes of the disk
/// free, where that is known. `waits`: a file is wanted.
pub(super) fn news_of_room(conn: &Connection, free: Option<u64>, waits: bool) -> Result<News> {
    if !tasks::any_open(conn, Kind::FilesWait)? {
        let short = free.is_some_and(|free| free < MEDIA_FREE_BYTES_MIN);
        return Ok(if short && waits {
            News::Full
        } else {
            News::None
        });
    }
    let here = media::bytes_here(conn)?;
    let fits = here.saturating_add(MEDIA_FILE_BYTES_MAX) <= MEDIA_STORE_BYTES_MAX;
    let ample = free.is_none_or(|free| free >= AMPLE_BYTES);
    Ok(if fits && ample {
        News::Room
    } else {
        News::None
    })
}

/// Opens or closes the task.
pub(super) fn tell_of_room(conn: &Connection, news: News, now: UnixMs) -> Result<()> {
    match news {
        News::None => Ok(()),
        News::Full => tasks::open(conn, &NewTask::of(Kind::FilesWait).about(ROOM), now),
        News::Room => tasks::close_about(conn, Kind::FilesWait, ROOM, now).map(|_| ()),
    }
}

/// What staff can do about a file that is not here. Asking for it again helps
/// only where the same file could be had another time.
fn task_for(state: State, why: Option<&str>) -> Kind {
    match (state, why) {
        (State::TooBig, _) => Kind::FileTooLarge,
        (_, why) if lacked_room(why) => Kind::FileHadNoRoom,
        (_, Some("type")) => Kind::FileNotKept,
        (_, Some("on_phone")) => Kind::LookAtPhone,
        (_, Some("lies_where_it_must_not")) => Kind::FileOutOfReach,
        (_, Some(_) | None) => Kind::AskToResend,
    }
}

/// Ends a file, with a task if it is not here: in the place of the one to look
/// at it or to listen to it.
pub(super) fn over(
    conn: &Connection,
    file: &File,
    state: State,
    why: Option<&str>,
    now: UnixMs,
) -> Result<()> {
    if !media::end(conn, file.id, state, why, now)? {
        return Ok(());
    }
    if state == State::Kept {
        return took_long(conn, file, now);
    }
    tracing::warn!(media.id = %file.id, state = state.word(), why, "a patient's file is lost");
    let detail = file.inbox.map(|inbox| inbox.to_string());
    if let Some(detail) = &detail {
        for kind in [Kind::ListenToVoice, Kind::LookAtAttachment] {
            tasks::close_about(conn, kind, detail, now)?;
        }
    }
    let task = NewTask {
        detail: detail.as_deref(),
        ..NewTask::of(task_for(state, why))
    };
    let task = task.contact(file.contact).record(file.record.as_ref());
    // Who was asked meanwhile need not be asked again.
    if why == Some(UNKNOWN) && tasks::was_opened(conn, &task)? {
        return Ok(());
    }
    tasks::open(conn, &task, now)
}

/// A file that the provider has not known for a day is asked for on, in case it is
/// our token that may not see it; staff need not wait for that.
pub(super) fn ask_meanwhile(conn: &Connection, file: &File, now: UnixMs) -> Result<()> {
    if now.ms_since(file.stamped) < DAY_MS {
        return Ok(());
    }
    let detail = file.inbox.map(|inbox| inbox.to_string());
    let task = NewTask {
        detail: detail.as_deref(),
        ..NewTask::of(Kind::AskToResend)
    };
    let task = task.contact(file.contact).record(file.record.as_ref());
    if tasks::was_opened(conn, &task)? {
        return Ok(());
    }
    tasks::open(conn, &task, now)
}

/// A file is here after all: nobody has to ask for it any more.
fn took_long(conn: &Connection, file: &File, now: UnixMs) -> Result<()> {
    if let Some(inbox) = file.inbox {
        tasks::close_about(conn, Kind::AskToResend, &inbox.to_string(), now)?;
    }
    Ok(())
}

/// Ends what the provider has no more, so that staff hear of it though the line
/// is down.
pub(super) fn expire(conn: &Connection, now: UnixMs) -> Result<()> {
    let full = tasks::any_open(conn, Kind::FilesWait)?;
    for file in media::take_expired(conn, now)? {
        let why = expired(file.why.as_deref(), full);
        over(conn, &file, State::Gone, Some(why), now)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::next::tests::file;
    use super::*;
    use crate::core::id::ContactId;
    use crate::store::tests::{contact, count, db};

    #[test]
    fn what_is_not_here_is_one_task_that_can_be_done() {
        let cases = [
            (State::Refused, "on_phone", "look_at_phone"),
            (
                State::Refused,
                "lies_where_it_must_not",
                "file_out_of_reach",
            ),
            (State::Refused, "type", "file_not_kept"),
            (State::Refused, "digest", "ask_to_resend"),
            (State::TooBig, "too_big", "file_too_large"),
            (State::Gone, "older_than_seven_days", "ask_to_resend"),
            (State::Gone, "unknown_to_provider", "ask_to_resend"),
            (State::Gone, "no_room", "file_had_no_room"),
            (State::Gone, "disk_nearly_full", "file_had_no_room"),
        ];
        for (state, why, kind) in cases {
            let conn = db();
            let amina = contact(&conn, "243970000001");
            assert_eq!(amina, ContactId(1));
            conn.execute_batch(
                "INSERT INTO inbox (id, contact_id, kind, stamped_at, received_at, state)
                 VALUES (1, 1, 'message', 0, 0, 'handled');
                 INSERT INTO media (id, inbox_id, contact_id, media_id, kind, state, stamped_at,
                                    created_at, updated_at)
                 VALUES (1, 1, 1, '1', 'audio', 'fetching', 0, 0, 0);",
            )
            .unwrap();
            // The engine asked for the recording to be heard, and for another.
            for inbox in ["1", "2"] {
                let task = NewTask::of(Kind::ListenToVoice).contact(amina);
                tasks::open(&conn, &task.about(inbox), UnixMs(1)).unwrap();
            }
            let lost = file("audio/ogg", 0);
            over(&conn, &lost, state, Some(why), UnixMs(2)).unwrap();
            let open = tasks::list_open(&conn, 10).unwrap();
            let open: Vec<_> = open
                .iter()
                .map(|task| (task.kind.as_str(), task.detail.as_deref()))
                .collect();
            let other = ("listen_to_voice", Some("2"));
            assert_eq!(open, [other, (kind, Some("1"))], "{why}");
            assert!(kind.parse::<Kind>().unwrap().concerns_patient());
        }
    }

    #[test]
    fn that_files_wait_for_room_is_one_task_until_there_is_room() {
        let conn = db();
        contact(&conn, "243970000001");
        let open = "SELECT count(*) FROM task WHERE kind = 'files_wait' AND state = 'open'";
        let look = |free: u64, waits| news_of_room(&conn, Some(free), waits).unwrap();
        let short = MEDIA_FREE_BYTES_MIN - 1;
        assert_eq!(look(short, false), News::None, "nobody waits");
        assert_eq!(look(short, true), News::Full);
        for at in [1, 2] {
            tell_of_room(&conn, News::Full, UnixMs(at)).unwrap();
            assert_eq!(count(&conn, open), 1);
        }
        assert_eq!(look(MEDIA_FREE_BYTES_MIN, true), News::None, "hardly more");
        // What is kept leaves room for any file, or it does not.
        let most = MEDIA_STORE_BYTES_MAX - MEDIA_FILE_BYTES_MAX;
        for (here, news) in [(most + 1, News::None), (most, News::Room)] {
            conn.execute("DELETE FROM media", []).unwrap();
            conn.execute(
                "INSERT INTO media (contact_id, media_id, kind, state, bytes, stamped_at,
                                    created_at, updated_at)
                 VALUES (1, '1', 'image', 'kept', ?1, 0, 0, 0)",
                [i64::try_from(here).unwrap()],
            )
            .unwrap();
            assert_eq!(look(AMPLE_BYTES, false), news, "{here}");
        }
        tell_of_room(&conn, News::Room, UnixMs(3)).unwrap();
        assert_eq!(count(&conn, open), 0);
        assert!(!Kind::FilesWait.concerns_patient());
    }

    #[test]
    fn a_file_that_was_lost_while_the_box_was_full_says_so() {
        for (full, before, kind) in [
            (false, None, "ask_to_resend"),
            (false, Some("no_room"), "file_had_no_room"),
            (true, Some("line"), "file_had_no_room"),
            (true, Some("unknown_to_provider"), "ask_to_resend"),
        ] {
            let conn = db();
            contact(&conn, "243970000001");
            conn.execute(
                "INSERT INTO media (contact_id, media_id, kind, state, why, stamped_at,
                                    created_at, updated_at)
                 VALUES (1, '1', 'audio', 'waiting', ?1, 0, 0, 0)",
                [before],
            )
            .unwrap();
            if full {
                tell_of_room(&conn, News::Full, UnixMs(1)).unwrap();
            }
            expire(&conn, UnixMs(2 * crate::core::limits::MEDIA_AGE_MS_MAX)).unwrap();
            let told = "SELECT count(*) FROM task WHERE contact_id = 1 AND kind = ";
            assert_eq!(count(&conn, &format!("{told}'{kind}'")), 1, "{before:?}");
        }
    }
}

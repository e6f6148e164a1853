//! Files: wanted once, claimed by age, erased for good.

use super::*;
use crate::core::inbound::ReceivedItem;
use crate::core::limits::MEDIA_SWEEP_CHUNKS;
use crate::store::inbox::{Reception, receive};
use crate::store::tests::{box_key, contact, count, db, phone, plan};
use crate::store::{contacts, erasure};

const NOW: UnixMs = UnixMs(1_000_000);

fn voice_note(conn: &Connection, name: &str, stamped: UnixMs) -> InboxId {
    let item = ReceivedItem {
        dedup: format!("message:1:{name}").into(),
        phone_number_id: Some("1".into()),
        content: Ok(Item::Message(Inbound {
            id: name.into(),
            from: phone("243970000001"),
            stamped,
            quoted: None,
            content: Content::Media(Media {
                kind: MediaKind::Audio,
                media_id: format!("id-of-{name}"),
                mime: Some("audio/ogg; codecs=opus".into()),
                sha256: None,
                caption: None,
                filename: None,
                voice: true,
            }),
        })),
    };
    let reception = Reception {
        box_key: &box_key(),
        channel: "cloud",
        phone_number_id: "1",
        quiet_ms: 0,
        is_urgent: |_| false,
    };
    receive(conn, &reception, b"raw", &[item], NOW).unwrap();
    let id = InboxId(count(conn, "SELECT max(id) FROM inbox"));
    // As after its step: nothing of theirs waits any more.
    conn.execute("UPDATE inbox SET state = 'handled'", [])
        .unwrap();
    conn.execute(
        "UPDATE contact SET waits_from = NULL, first_at = NULL, due_at = NULL",
        [],
    )
    .unwrap();
    id
}

fn fill(conn: &Connection, chunks: usize) -> File {
    let file = claim(conn, NOW).unwrap().unwrap();
    for place in 0..chunks {
        let from = place as u64 * 4;
        assert!(add_chunk(conn, file.id, from, b"abcd", NOW).unwrap());
    }
    file
}

#[test]
fn a_file_is_wanted_once_and_the_oldest_is_fetched_first() {
    let conn = db();
    let [late, early] = [("late", 9), ("early", 5)].map(|(name, at)| {
        let inbox = voice_note(&conn, name, UnixMs(at));
        assert!(want(&conn, inbox, None, NOW).unwrap());
        assert!(!want(&conn, inbox, None, NOW).unwrap(), "once");
        inbox
    });
    assert!(!want(&conn, InboxId(99), None, NOW).unwrap());
    let first = claim(&conn, NOW).unwrap().unwrap();
    assert_eq!(
        (first.inbox, first.media_id.as_str()),
        (Some(early), "id-of-early")
    );
    assert_eq!(first.expires_at(), UnixMs(5 + MEDIA_AGE_MS_MAX));
    put_off(&conn, first.id, "line", 1, NOW.plus_ms(60_000), NOW).unwrap();
    let second = claim(&conn, NOW).unwrap().unwrap();
    assert_eq!(second.inbox, Some(late));
    // Broken off by a power cut, it is claimed again.
    assert_eq!(claim(&conn, NOW).unwrap().unwrap().id, second.id);
    assert!(end(&conn, second.id, State::Gone, Some("gone"), NOW).unwrap());
    assert_eq!(claim(&conn, NOW).unwrap(), None);
    assert_eq!(next_at(&conn).unwrap(), Some(NOW.plus_ms(60_000)));
    assert_eq!(counts(&conn).unwrap(), (1, 1));
}

#[test]
fn pieces_follow_one_another_and_a_file_that_is_not_kept_keeps_none() {
    let conn = db();
    let inbox = voice_note(&conn, "w1", NOW);
    want(&conn, inbox, None, NOW).unwrap();
    let file = fill(&conn, 2);
    assert!(
        !add_chunk(&conn, file.id, 4, b"abcd", NOW).unwrap(),
        "a gap or a double"
    );
    assert_eq!(bytes_here(&conn).unwrap(), 8);
    assert_eq!(kept_chunk(&conn, file.id, 0).unwrap(), None, "not yet");
    assert!(end(&conn, file.id, State::Kept, None, NOW).unwrap());
    assert_eq!(
        kept_chunk(&conn, file.id, 4).unwrap().as_deref(),
        Some(&b"abcd"[..])
    );
    assert_eq!(kept_chunk(&conn, file.id, 8).unwrap(), None);
    conn.execute("UPDATE media SET state = 'fetching'", [])
        .unwrap();
    assert!(end(&conn, file.id, State::Refused, Some("digest"), NOW).unwrap());
    assert!(wanted(&conn).unwrap().1, "its bytes are to be overwritten");
    assert!(!sweep(&conn).unwrap());
    assert_eq!(count(&conn, "SELECT count(*) FROM media_chunk"), 0);
    assert_eq!(bytes_here(&conn).unwrap(), 0);
    assert_eq!(wanted(&conn).unwrap(), (None, false));
    assert_eq!(counts(&conn).unwrap(), (0, 1), "it is still told of");
}

#[test]
fn no_transaction_overwrites_more_than_its_share() {
    let share = i64::try_from(MEDIA_SWEEP_CHUNKS).unwrap();
    let pieces = |conn: &Connection| count(conn, "SELECT count(*) FROM media_chunk");
    let full = || {
        let conn = db();
        let inbox = voice_note(&conn, "w1", NOW);
        want(&conn, inbox, None, NOW).unwrap();
        let file = fill(&conn, 2 * MEDIA_SWEEP_CHUNKS + 1);
        (conn, file)
    };
    let (conn, file) = full();
    assert!(end(&conn, file.id, State::TooBig, Some("too_big"), NOW).unwrap());
    assert_eq!(pieces(&conn), 2 * share + 1, "it is only marked");
    for left in [share + 1, 1] {
        assert!(sweep(&conn).unwrap());
        assert_eq!(pieces(&conn), left);
    }
    assert!(!sweep(&conn).unwrap());
    assert_eq!((pieces(&conn), bytes_here(&conn).unwrap()), (0, 0));
    // One that is fetched anew, from its end, so that what is left is sound.
    let (conn, file) = full();
    for left in [share + 1, 1] {
        assert!(start_anew(&conn, file.id).unwrap());
        assert_eq!(pieces(&conn), left);
        let here = u64::try_from(left * 4).unwrap();
        assert_eq!(find(&conn, file.id).unwrap().unwrap().bytes, here);
        assert!(chunk(&conn, file.id, here - 4).unwrap().is_some());
    }
    for _ in 0..2 {
        assert!(!start_anew(&conn, file.id).unwrap());
        assert_eq!((pieces(&conn), bytes_here(&conn).unwrap()), (0, 0));
    }
    assert!(add_chunk(&conn, file.id, 0, b"abcd", NOW).unwrap());
}

#[test]
fn an_erased_contact_has_no_files_and_what_is_in_the_air_finds_no_place() {
    let conn = db();
    let amina = contact(&conn, "243970000001");
    let inbox = voice_note(&conn, "w1", NOW);
    want(&conn, inbox, None, NOW).unwrap();
    let chunks = MEDIA_SWEEP_CHUNKS + 3;
    let file = fill(&conn, chunks);
    erasure::erase_contact(&conn, amina, NOW).unwrap();
    assert!(!add_chunk(&conn, file.id, chunks as u64 * 4, b"abcd", NOW).unwrap());
    assert!(!end(&conn, file.id, State::Kept, None, NOW).unwrap());
    assert_eq!(kept_chunk(&conn, file.id, 0).unwrap(), None);
    // What is left over is overwritten piece by piece, and only then the
    // contact is gone for good.
    assert_eq!(count(&conn, "SELECT count(*) FROM media_chunk"), 3);
    assert_eq!(erasure::finish(&conn).unwrap(), 0);
    assert!(!sweep(&conn).unwrap());
    assert_eq!(count(&conn, "SELECT count(*) FROM media_chunk"), 0);
    assert_eq!(count(&conn, "SELECT count(*) FROM media"), 0);
    assert_eq!(erasure::finish(&conn).unwrap(), 1);
    assert!(contacts::resolve(&conn, &phone("243970000001"), NOW).unwrap() != Some(amina));
}

#[test]
fn files_older_than_their_messages_may_be_are_erased() {
    let conn = db();
    for (name, at) in [("old", 5), ("new", 500)] {
        let inbox = voice_note(&conn, name, UnixMs(at));
        want(&conn, inbox, None, NOW).unwrap();
    }
    let listen = "INSERT INTO task (kind, contact_id, created_at)
                  SELECT 'listen_to_voice', contact_id, 5 FROM media LIMIT 1";
    conn.execute(listen, []).unwrap();
    assert_eq!(erase_before(&conn, UnixMs(100)).unwrap(), 0);
    conn.execute("UPDATE task SET state = 'done'", []).unwrap();
    assert_eq!(erase_before(&conn, UnixMs(100)).unwrap(), 1);
    assert_eq!(erase_before(&conn, UnixMs(100)).unwrap(), 0);
    assert_eq!(count(&conn, "SELECT count(*) FROM media"), 1);
}

#[test]
fn what_is_asked_often_reads_no_whole_table() {
    let conn = db();
    for sql in [
        "SELECT min(not_before) FROM media WHERE state IN ('waiting', 'fetching')",
        "SELECT coalesce(sum(bytes), 0) FROM media WHERE bytes > 0",
        "SELECT body FROM media_chunk WHERE media_id = 1 AND start = 2",
    ] {
        let plan = plan(&conn, sql);
        assert!(plan.contains("INDEX"), "{sql}: {plan}");
    }
    let left = format!("SELECT EXISTS (SELECT 1 FROM media WHERE {TO_SWEEP})");
    let plan = plan(&conn, &left);
    assert!(plan.contains("media_swept"), "{plan}");
}

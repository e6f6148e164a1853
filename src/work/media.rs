//! Fetches what patients sent: photos, recordings, documents. One at a time, so
//! that messages keep the line; piece by piece, so that a cut line loses no
//! more than the piece in the air; and only while the disk has room to spare.
//!
//! Nothing in here looks into a file. What cannot be had becomes a task, never
//! silence.

use crate::core::id::MediaId;
use crate::core::limits::{
    MEDIA_CHUNK_BYTES, MEDIA_FILE_BYTES_MAX, MEDIA_FREE_BYTES_MIN, MEDIA_STORE_BYTES_MAX,
};
use crate::core::media::{digest, is_kept, wait_ms};
use crate::core::tasks::Kind;
use crate::core::time::UnixMs;
use crate::ports::{Chance, Clock, Described, Fetched, Files, Offered, Pieces};
use crate::store::media::{self, File, State};
use crate::store::reserve::Reserve;
use crate::store::tasks::{self, NewTask};
use crate::store::{Error, Health, Readers, Writer};
use crate::work::Bell;
use crate::work::line::Line;
use rusqlite::Connection;
use sha2::{Digest, Sha256};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Longest sleep, and the pause after trouble with the database.
const IDLE: Duration = Duration::from_secs(60);
/// How long a file waits for which there is no room, ms.
const NO_ROOM_MS: i64 = 3_600_000;

/// Everything the fetcher works with.
pub struct Fetcher<F> {
    /// Where the files are.
    pub files: Arc<F>,
    /// Where they go.
    pub writer: Writer,
    /// For looking.
    pub readers: Readers,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// For jitter.
    pub chance: Arc<dyn Chance>,
    /// What is known of the line.
    pub line: Line,
    /// Tells how much room the disk has.
    pub disk: Reserve,
    /// Rung when a file may be wanted.
    pub bell: Bell,
}

/// What becomes of a file after a try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    /// It is tried again.
    Again {
        why: &'static str,
        /// Whether what is here is of no use.
        anew: bool,
        /// Whether the try brought nothing and the next one shall wait longer.
        counts: bool,
        /// What the provider asked for, or we do, ms.
        hint: Option<i64>,
    },
    /// It is over.
    Over(State, Option<&'static str>),
    /// It was erased meanwhile.
    Erased,
}

const fn again(why: &'static str) -> Next {
    Next::Again {
        why,
        anew: false,
        counts: true,
        hint: None,
    }
}

const fn anew(why: &'static str) -> Next {
    Next::Again {
        why,
        anew: true,
        counts: true,
        hint: None,
    }
}

fn later(why: &'static str, wait: Option<Duration>) -> Next {
    Next::Again {
        why,
        anew: false,
        counts: true,
        hint: wait.map(|wait| i64::try_from(wait.as_millis()).unwrap_or(i64::MAX)),
    }
}

impl<F: Files> Fetcher<F> {
    /// Works until `stop`. What is in the air then is fetched on from there
    /// after the next start.
    pub async fn run(self, stop: CancellationToken) {
        loop {
            let pause = tokio::select! {
                turned = self.turn() => turned.unwrap_or_else(|error| {
                    tracing::warn!(%error, "a patient's file could not be stored yet");
                    IDLE
                }),
                () = stop.cancelled() => return,
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.bell.rung() => {}
                () = stop.cancelled() => return,
            }
        }
    }

    /// Does what is to be done now, at most one file; returns how long nothing
    /// else is.
    ///
    /// # Errors
    /// Whatever the database reports.
    pub async fn turn(&self) -> Result<Duration, Error> {
        let now = self.clock.now();
        let (next, left) = self.readers.read(media::wanted).await?;
        if left {
            while self.writer.run_lazy(media::sweep).await? {}
        }
        if now.trusted && next.is_some() {
            self.writer
                .run_lazy(move |conn| expire(conn, now.at))
                .await?;
        }
        let wait = match next.map(|at| at.ms_since(now.at)) {
            Some(ms) if ms <= 0 => Duration::ZERO,
            Some(ms) => Duration::from_millis(u64::try_from(ms).unwrap_or(0)),
            None => IDLE,
        };
        if !wait.is_zero() || !self.line.state().carries(now.at) || !self.has_room() {
            return Ok(wait.clamp(Duration::from_secs(1), IDLE));
        }
        let claimed = self
            .writer
            .run(move |conn| media::claim(conn, now.at))
            .await?;
        if let Some(file) = claimed {
            let next = self.fetch(&file).await?;
            self.settle(file, next).await?;
        }
        Ok(Duration::ZERO)
    }

    /// Files stop long before messages do.
    fn has_room(&self) -> bool {
        let free = self.disk.free_bytes();
        self.writer.health() == Health::Ok && free.is_none_or(|free| free >= MEDIA_FREE_BYTES_MIN)
    }

    async fn fetch(&self, file: &File) -> Result<Next, Error> {
        let told = match self.files.describe(&file.media_id).await {
            Described::Found(told) => told,
            Described::Gone => return Ok(Next::Over(State::Gone, Some("provider_has_it_no_more"))),
            Described::Elsewhere => {
                return Ok(Next::Over(State::Refused, Some("lies_where_it_must_not")));
            }
            Described::OnPhone => return Ok(Next::Over(State::Refused, Some("on_phone"))),
            Described::Later(wait) => return Ok(later("provider_asks_to_wait", wait)),
            Described::NotReached(_) => return Ok(again("line")),
        };
        let here = self.readers.read(media::bytes_here).await?;
        if let Some(next) = unwanted(file, told.mime.as_deref(), told.bytes, here) {
            return Ok(next);
        }
        let (from, pieces) = match self.files.fetch(&told.place, file.bytes).await {
            Fetched::Coming { from, pieces } => (from, pieces),
            Fetched::Stale => return Ok(again("address_not_good")),
            Fetched::PastEnd => return Ok(anew("not_the_same_file")),
            Fetched::Later(wait) => return Ok(later("provider_asks_to_wait", wait)),
            Fetched::NotReached(_) => return Ok(again("line")),
        };
        if from != file.bytes {
            self.start_anew(file.id).await?;
        }
        match self.keep(file, from, pieces).await? {
            Kept::Whole(total) => self.check(file, total, &told).await,
            Kept::Part(next) => Ok(next),
        }
    }

    /// Forgets what is here of a file, a little in each transaction.
    async fn start_anew(&self, id: MediaId) -> Result<(), Error> {
        while self
            .writer
            .run_lazy(move |conn| media::start_anew(conn, id))
            .await?
        {}
        Ok(())
    }

    /// Stores the pieces as they come.
    async fn keep(&self, file: &File, from: u64, mut pieces: impl Pieces) -> Result<Kept, Error> {
        let id = file.id;
        let mut at = from;
        let mut buffer: Vec<u8> = Vec::with_capacity(MEDIA_CHUNK_BYTES);
        loop {
            let piece = pieces.next().await;
            let (body, ended) = match piece {
                Ok(Some(piece)) => (piece, None),
                Ok(None) => (Vec::new(), Some(true)),
                Err(_cut) => (Vec::new(), Some(false)),
            };
            buffer.extend_from_slice(&body);
            while buffer.len() >= MEDIA_CHUNK_BYTES || (ended.is_some() && !buffer.is_empty()) {
                let rest = buffer.split_off(buffer.len().min(MEDIA_CHUNK_BYTES));
                let chunk = std::mem::replace(&mut buffer, rest);
                let length = chunk.len() as u64;
                let now = self.clock.now().at;
                let taken = self
                    .writer
                    .run_lazy(move |conn| media::add_chunk(conn, id, at, &chunk, now))
                    .await?;
                if !taken {
                    return Ok(Kept::Part(Next::Erased));
                }
                at += length;
            }
            match ended {
                Some(true) => return Ok(Kept::Whole(at)),
                Some(false) => return Ok(Kept::Part(broke_off(at > file.reached))),
                None if at > MEDIA_FILE_BYTES_MAX => {
                    return Ok(Kept::Part(Next::Over(State::TooBig, Some("too_big"))));
                }
                None if !self.has_room() => return Ok(Kept::Part(no_room("disk_nearly_full"))),
                None => {}
            }
        }
    }

    /// Reads the whole file back and compares its digest with the one the
    /// webhook told, or else the one beside the file: what is kept is what the
    /// patient sent.
    async fn check(&self, file: &File, total: u64, told: &Offered) -> Result<Next, Error> {
        let digests = [file.sha256.as_deref(), told.sha256.as_deref()];
        let Some(expected) = digests.into_iter().flatten().find_map(digest) else {
            let whole = told.bytes.is_none_or(|told| told == total);
            return Ok(verdict(whole, "size", file.why.as_deref()));
        };
        let mut hash = Sha256::new();
        let (mut at, id) = (0, file.id);
        while at < total {
            let chunk = self
                .readers
                .read(move |conn| media::chunk(conn, id, at))
                .await?;
            match chunk {
                Some(chunk) if !chunk.is_empty() => {
                    hash.update(&chunk);
                    at += chunk.len() as u64;
                }
                Some(_) | None => return Ok(Next::Erased),
            }
        }
        let right = <[u8; 32]>::from(hash.finalize()) == expected;
        Ok(verdict(right, "digest", file.why.as_deref()))
    }

    async fn settle(&self, file: File, next: Next) -> Result<(), Error> {
        let now = self.clock.now().at;
        let mut jitter = [0; 4];
        self.chance.fill(&mut jitter);
        let jitter = u32::from_le_bytes(jitter);
        tracing::debug!(media.id = %file.id, ?next, "a patient's file");
        if matches!(next, Next::Again { anew: true, .. }) {
            self.start_anew(file.id).await?;
        }
        self.writer
            .run(move |conn| match next {
                Next::Erased => Ok(()),
                Next::Again {
                    why,
                    anew: _,
                    counts,
                    hint,
                } => {
                    let tries = if counts {
                        file.tries.saturating_add(1)
                    } else {
                        0
                    };
                    let not_before = now.plus_ms(wait_ms(tries, hint, jitter));
                    media::put_off(conn, file.id, why, tries, not_before, now)
                }
                Next::Over(state, why) => over(conn, &file, state, why, now),
            })
            .await
    }
}

/// How far a stream of pieces came.
enum Kept {
    Whole(u64),
    Part(Next),
}

/// A broken connection: where it got further than any before, the rest is asked
/// for soon. Bytes that were here once and were lost again are no progress: a
/// file store that cannot go on from the middle would be asked without end.
const fn broke_off(brought: bool) -> Next {
    Next::Again {
        why: "broke_off",
        anew: false,
        counts: !brought,
        hint: None,
    }
}

const fn no_room(why: &'static str) -> Next {
    Next::Again {
        why,
        anew: false,
        counts: false,
        hint: Some(NO_ROOM_MS),
    }
}

/// Whether what came is what was sent; the second time it is not, it never
/// will be.
fn verdict(right: bool, what: &'static str, before: Option<&str>) -> Next {
    match (right, before == Some(what)) {
        (true, _) => Next::Over(State::Kept, None),
        (false, false) => anew(what),
        (false, true) => Next::Over(State::Refused, Some(what)),
    }
}

/// Why a file is not fetched, now or ever, though it could be: its type, its
/// size, the room that is left.
fn unwanted(file: &File, mime: Option<&str>, bytes: Option<u64>, here: u64) -> Option<Next> {
    let mime = file.mime.as_deref().or(mime).unwrap_or_default();
    let size = bytes.unwrap_or(0);
    if !is_kept(mime) {
        return Some(Next::Over(State::Refused, Some("type")));
    }
    if size > MEDIA_FILE_BYTES_MAX {
        return Some(Next::Over(State::TooBig, Some("too_big")));
    }
    let missing = size.saturating_sub(file.bytes);
    (here.saturating_add(missing) > MEDIA_STORE_BYTES_MAX).then_some(no_room("no_room"))
}

/// What staff can do about a file that is not here. Asking for it again helps
/// only where the same file could be had another time.
fn task_for(state: State, why: Option<&str>) -> Kind {
    match (state, why) {
        (State::TooBig, _) => Kind::FileTooLarge,
        (_, Some("type")) => Kind::FileNotKept,
        (_, Some("on_phone")) => Kind::LookAtPhone,
        (_, Some("lies_where_it_must_not")) => Kind::FileOutOfReach,
        (_, Some(_) | None) => Kind::AskToResend,
    }
}

/// Ends a file, with a task if it is not here: in the place of the one to look
/// at it or to listen to it.
fn over(
    conn: &Connection,
    file: &File,
    state: State,
    why: Option<&str>,
    now: UnixMs,
) -> Result<(), Error> {
    if !media::end(conn, file.id, state, why, now)? || state == State::Kept {
        return Ok(());
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
    tasks::open(conn, &task, now)
}

/// Ends what the provider has no more, so that staff hear of it though the line
/// is down.
fn expire(conn: &Connection, now: UnixMs) -> Result<(), Error> {
    for file in media::take_expired(conn, now)? {
        over(conn, &file, State::Gone, Some("older_than_seven_days"), now)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::data_key::DataKey;
    use crate::core::id::{ContactId, InboxId, MediaId};
    use crate::core::inbound::MediaKind;
    use crate::core::private::Private;
    use crate::core::time::Now;
    use crate::ports::LineFault;
    use crate::store::tests::{contact, db};
    use crate::store::{BoxKey, open};
    use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};

    fn file(mime: &str, bytes: u64) -> File {
        File {
            id: MediaId(1),
            inbox: Some(InboxId(1)),
            contact: ContactId(1),
            record: None,
            media_id: "1".into(),
            kind: MediaKind::Image,
            mime: Some(mime.into()),
            sha256: None,
            state: State::Fetching,
            why: None,
            bytes,
            reached: bytes,
            tries: 0,
            stamped: UnixMs(0),
        }
    }

    #[test]
    fn what_is_fetched_is_of_a_known_type_and_fits() {
        let fits =
            |mime: &str, size: u64, here: u64| unwanted(&file(mime, 0), None, Some(size), here);
        assert_eq!(fits("image/jpeg", MEDIA_FILE_BYTES_MAX, 0), None);
        let too_big = Some(Next::Over(State::TooBig, Some("too_big")));
        assert_eq!(fits("image/jpeg", MEDIA_FILE_BYTES_MAX + 1, 0), too_big);
        let refused = Some(Next::Over(State::Refused, Some("type")));
        assert_eq!(fits("text/html", 1, 0), refused);
        assert_eq!(
            fits("image/png", 1, MEDIA_STORE_BYTES_MAX),
            Some(no_room("no_room"))
        );
        // What is here already needs no room any more.
        let half = file("image/png", 10);
        let left = MEDIA_STORE_BYTES_MAX - 10;
        assert_eq!(unwanted(&half, None, Some(20), left), None);
        // A type that the webhook left out is the provider's own.
        let untold = File {
            mime: None,
            ..file("", 0)
        };
        assert_eq!(unwanted(&untold, Some("audio/ogg"), None, 0), None);
        assert_eq!(unwanted(&untold, None, None, 0), refused);
    }

    #[test]
    fn a_wrong_digest_is_tried_anew_once() {
        assert_eq!(
            verdict(true, "digest", Some("digest")),
            Next::Over(State::Kept, None)
        );
        assert_eq!(verdict(false, "digest", None), anew("digest"));
        assert_eq!(verdict(false, "digest", Some("broke_off")), anew("digest"));
        let refused = Next::Over(State::Refused, Some("digest"));
        assert_eq!(verdict(false, "digest", Some("digest")), refused);
    }

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

    struct Hands(AtomicI64);

    impl Clock for Hands {
        fn now(&self) -> Now {
            Now {
                at: UnixMs(self.0.load(Ordering::Relaxed)),
                trusted: true,
            }
        }
    }

    struct Same;

    impl Chance for Same {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(0);
        }
    }

    /// A file store that always begins at the first byte, behind a line that
    /// breaks off after some of them.
    struct Forgetful(Arc<AtomicU32>);

    struct Some400(u32);

    impl Pieces for Some400 {
        async fn next(&mut self) -> Result<Option<Vec<u8>>, LineFault> {
            self.0 += 1;
            if self.0 > 4 {
                return Err(LineFault::Down);
            }
            Ok(Some(vec![7; 100_000]))
        }
    }

    impl Files for Forgetful {
        type Pieces = Some400;

        async fn describe(&self, _media_id: &str) -> Described {
            Described::Found(Offered {
                place: "https://x.example/1".into(),
                mime: Some("image/jpeg".into()),
                bytes: Some(900_000),
                sha256: None,
            })
        }

        async fn fetch(&self, _place: &Private<String>, _from: u64) -> Fetched<Some400> {
            self.0.fetch_add(1, Ordering::Relaxed);
            Fetched::Coming {
                from: 0,
                pieces: Some400(0),
            }
        }
    }

    #[tokio::test]
    async fn a_file_that_never_gets_further_is_tried_ever_more_rarely() {
        const HOUR_MS: i64 = 3_600_000;
        let folder = tempfile::tempdir().unwrap();
        let key = DataKey::take(&mut [1; 32]);
        open::create(folder.path(), &key, &BoxKey::new([2; 32])).unwrap();
        let conn = open::open(folder.path(), &key).unwrap();
        contact(&conn, "243970000001");
        conn.execute_batch(
            "INSERT INTO media (contact_id, media_id, kind, state, stamped_at, created_at,
                                updated_at)
             VALUES (1, '1', 'image', 'waiting', 0, 0, 0);",
        )
        .unwrap();
        let (writer, thread) = Writer::start(conn, None).unwrap();
        let (clock, fetched) = (
            Arc::new(Hands(AtomicI64::new(0))),
            Arc::new(AtomicU32::new(0)),
        );
        let fetcher = Fetcher {
            files: Arc::new(Forgetful(Arc::clone(&fetched))),
            writer,
            readers: Readers::open(folder.path(), &key).unwrap(),
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            chance: Arc::new(Same),
            line: Line::default(),
            disk: Reserve::new(folder.path(), 0),
            bell: Bell::default(),
        };
        let often = || fetched.load(Ordering::Relaxed) > 8;
        while clock.0.load(Ordering::Relaxed) < HOUR_MS && !often() {
            let pause = fetcher.turn().await.unwrap();
            let ms = i64::try_from(pause.as_millis()).unwrap();
            clock.0.fetch_add(ms.max(1_000), Ordering::Relaxed);
        }
        let fetched = fetched.load(Ordering::Relaxed);
        assert!((2..=8).contains(&fetched), "{fetched} in an hour");
        drop(fetcher);
        thread.stop().unwrap();
    }
}

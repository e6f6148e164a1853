//! Fetches what patients sent: photos, recordings, documents. One at a time, so
//! that messages keep the line; piece by piece, so that a cut line loses no
//! more than the piece in the air; and only while the disk has room to spare.
//!
//! Nothing in here looks into a file. What cannot be had becomes a task, never
//! silence.

mod ends;
mod next;

use crate::core::id::MediaId;
use crate::core::limits::{
    MEDIA_CHUNK_BYTES, MEDIA_FILE_BYTES_MAX, MEDIA_FREE_BYTES_MIN, MEDIA_STORE_BYTES_MAX,
};
use crate::core::media::{digest, wait_ms};
use crate::core::time::UnixMs;
use crate::ports::{Chance, Clock, Described, Fetched, Files, Offered, Pieces};
use crate::store::media::{self, File, State};
use crate::store::reserve::Reserve;
use crate::store::{Error, Health, Readers, Writer};
use crate::work::Bell;
use crate::work::line::Line;
use ends::{News, ask_meanwhile, expire, news_of_room, over, tell_of_room};
use next::{
    DISK_SHORT, NO_ROOM, Next, UNKNOWN, again, anew, broke_off, gone, lacked_room, later, no_room,
    still, unwanted, verdict,
};
use sha2::{Digest, Sha256};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Longest sleep, and the pause after trouble with the database.
const IDLE: Duration = Duration::from_secs(60);

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
        self.note_room(next.is_some(), now.at).await?;
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

    /// Has staff told once that files wait for room, and that taken back when
    /// there is some.
    async fn note_room(&self, waits: bool, now: UnixMs) -> Result<(), Error> {
        let free = self.disk.free_bytes();
        let look = self
            .readers
            .read(move |conn| news_of_room(conn, free, waits));
        let news = look.await?;
        if news != News::None {
            self.writer
                .run_lazy(move |conn| tell_of_room(conn, news, now))
                .await?;
        }
        Ok(())
    }

    async fn fetch(&self, file: &File) -> Result<Next, Error> {
        let before = file.why.as_deref();
        let here = self.readers.read(media::bytes_here).await?;
        if here >= MEDIA_STORE_BYTES_MAX {
            return Ok(no_room(NO_ROOM));
        }
        let told = match self.files.describe(&file.media_id).await {
            Described::Found(told) => told,
            Described::Gone => return Ok(Next::Over(State::Gone, Some(gone(before)))),
            Described::Unknown => return Ok(again(UNKNOWN)),
            Described::Elsewhere => {
                return Ok(Next::Over(State::Refused, Some("lies_where_it_must_not")));
            }
            Described::OnPhone => return Ok(Next::Over(State::Refused, Some("on_phone"))),
            Described::Later(wait) => {
                return Ok(later(still(before, "provider_asks_to_wait"), wait));
            }
            Described::NotReached(_) => return Ok(again(still(before, "line"))),
        };
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
                None if !self.has_room() => return Ok(Kept::Part(no_room(DISK_SHORT))),
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
                    // A reason that outlived a bad line is no news.
                    if !counts && lacked_room(Some(why)) {
                        tell_of_room(conn, News::Full, now)?;
                    }
                    let waits = media::put_off(conn, file.id, why, tries, not_before, now)?;
                    if waits && why == UNKNOWN {
                        ask_meanwhile(conn, &file, now)?;
                    }
                    Ok(())
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::data_key::DataKey;
    use crate::core::limits::{MEDIA_AGE_MS_MAX, MEDIA_STORE_BYTES_MAX};
    use crate::core::private::Private;
    use crate::core::time::{HOUR_MS, Now};
    use crate::ports::LineFault;
    use crate::store::tests::{contact, count};
    use crate::store::writer::WriterThread;
    use crate::store::{BoxKey, open};
    use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};

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

    /// A fetcher with one wanted file, and a clock that the test moves.
    struct Desk<F> {
        fetcher: Fetcher<F>,
        clock: Arc<Hands>,
        thread: WriterThread,
        _folder: tempfile::TempDir,
    }

    impl<F: Files> Desk<F> {
        fn new(files: F) -> Self {
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
            let clock = Arc::new(Hands(AtomicI64::new(0)));
            let fetcher = Fetcher {
                files: Arc::new(files),
                writer,
                readers: Readers::open(folder.path(), &key).unwrap(),
                clock: Arc::clone(&clock) as Arc<dyn Clock>,
                chance: Arc::new(Same),
                line: Line::default(),
                disk: Reserve::new(folder.path(), 0),
                bell: Bell::default(),
            };
            Self {
                fetcher,
                clock,
                thread,
                _folder: folder,
            }
        }

        fn at(&self) -> i64 {
            self.clock.0.load(Ordering::Relaxed)
        }

        fn jump(&self, to: i64) {
            self.clock.0.store(to, Ordering::Relaxed);
        }

        /// Takes turns until the clock stands at `until`, or `enough` says so.
        async fn work(&self, until: i64, enough: impl Fn() -> bool) {
            while self.at() < until && !enough() {
                let pause = self.fetcher.turn().await.unwrap();
                let ms = i64::try_from(pause.as_millis()).unwrap();
                self.clock.0.fetch_add(ms.max(1_000), Ordering::Relaxed);
            }
        }

        async fn count(&self, sql: &'static str) -> i64 {
            let counted = self.fetcher.writer.run(move |conn| Ok(count(conn, sql)));
            counted.await.unwrap()
        }

        async fn write(&self, sql: &'static str) {
            let written = self
                .fetcher
                .writer
                .run(move |conn| Ok(conn.execute(sql, [])?));
            written.await.unwrap();
        }

        fn stop(self) {
            drop(self.fetcher);
            self.thread.stop().unwrap();
        }
    }

    #[tokio::test]
    async fn a_file_that_never_gets_further_is_tried_ever_more_rarely() {
        let fetched = Arc::new(AtomicU32::new(0));
        let desk = Desk::new(Forgetful(Arc::clone(&fetched)));
        let often = || fetched.load(Ordering::Relaxed) > 8;
        desk.work(HOUR_MS, often).await;
        let fetched = fetched.load(Ordering::Relaxed);
        assert!((2..=8).contains(&fetched), "{fetched} in an hour");
        desk.stop();
    }

    const FILES_WAIT: &str =
        "SELECT count(*) FROM task WHERE kind = 'files_wait' AND state = 'open'";

    #[tokio::test]
    async fn a_file_for_which_there_is_no_room_is_told_of_until_there_is_some() {
        let fetched = Arc::new(AtomicU32::new(0));
        let desk = Desk::new(Forgetful(Arc::clone(&fetched)));
        assert_eq!(MEDIA_STORE_BYTES_MAX, 1_073_741_824);
        desk.write(
            "INSERT INTO media (contact_id, media_id, kind, state, bytes, stamped_at, created_at,
                                updated_at)
             VALUES (1, '2', 'image', 'kept', 1073741824, 0, 0, 0)",
        )
        .await;
        desk.work(2 * HOUR_MS, || false).await;
        assert_eq!(fetched.load(Ordering::Relaxed), 0);
        assert_eq!(desk.count(FILES_WAIT).await, 1);
        desk.write("UPDATE media SET bytes = 0 WHERE media_id = '2'")
            .await;
        desk.work(desk.at() + 2 * HOUR_MS, || {
            fetched.load(Ordering::Relaxed) > 0
        })
        .await;
        assert_eq!(desk.count(FILES_WAIT).await, 0);
        assert_eq!(fetched.load(Ordering::Relaxed), 1);
        desk.stop();
    }

    /// A provider that knows no file, or a line that brings no answer.
    struct Closed(Described, Arc<AtomicU32>);

    impl Files for Closed {
        type Pieces = Some400;

        async fn describe(&self, _media_id: &str) -> Described {
            self.1.fetch_add(1, Ordering::Relaxed);
            self.0.clone()
        }

        async fn fetch(&self, _place: &Private<String>, _from: u64) -> Fetched<Some400> {
            Fetched::Stale
        }
    }

    #[tokio::test]
    async fn a_file_that_the_provider_does_not_know_is_asked_for_until_it_is_too_old() {
        let asked = Arc::new(AtomicU32::new(0));
        let desk = Desk::new(Closed(Described::Unknown, Arc::clone(&asked)));
        desk.work(HOUR_MS, || false).await;
        let in_an_hour = asked.load(Ordering::Relaxed);
        assert!((2..=8).contains(&in_an_hour), "{in_an_hour}");
        let waits = "SELECT count(*) FROM media WHERE state = 'waiting'";
        desk.jump(MEDIA_AGE_MS_MAX - HOUR_MS / 4);
        desk.work(MEDIA_AGE_MS_MAX, || false).await;
        assert_eq!(desk.count(waits).await, 1);
        // Staff did not wait for that.
        let meanwhile = "SELECT count(*) FROM task WHERE kind = 'ask_to_resend'";
        assert_eq!(desk.count(meanwhile).await, 1);
        desk.work(MEDIA_AGE_MS_MAX + 60_000, || false).await;
        let told = "SELECT count(*) FROM media m JOIN task t ON t.kind = 'ask_to_resend'
                    WHERE m.state = 'gone' AND m.why = 'unknown_to_provider'";
        assert_eq!(desk.count(told).await, 1);
        desk.stop();
    }

    #[tokio::test]
    async fn a_bad_line_does_not_hide_that_there_was_no_room() {
        let lost = Described::NotReached(LineFault::Down);
        let desk = Desk::new(Closed(lost, Arc::default()));
        desk.write("UPDATE media SET why = 'no_room'").await;
        desk.work(HOUR_MS / 4, || false).await;
        assert_eq!(desk.count(FILES_WAIT).await, 0, "there may be room by now");
        desk.jump(MEDIA_AGE_MS_MAX + 1);
        desk.work(desk.at() + 60_000, || false).await;
        let told = "SELECT count(*) FROM task WHERE kind = 'file_had_no_room'";
        assert_eq!(desk.count(told).await, 1);
        desk.stop();
    }
}

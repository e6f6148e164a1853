//! The inner side of a locked box's door: one secret at a time is tried, from
//! wherever it comes, with a growing pause after each wrong one. Meanwhile a TPM
//! that opens without a PIN and did not, is asked again.
//!
//! What was begun is ended and counted, whether or not its bearer still waits:
//! hanging up saves nobody a pause. No secret is ever logged.

use crate::app::complaint::Complaint;
use crate::app::key::{self, Custody, Way};
use crate::core::limits::{TPM_PAUSE_MS_MAX, UNLOCK_PAUSE_MS_MAX};
use crate::core::pin::{BadPin, Pin};
use crate::core::secret::Secret;
use crate::keys::{BadRecoveryKey, Error as SlotsError, Opened, RecoveryKey};
use crate::ports::door::{Kind, Knock, Refusal, Refused};
use crate::ports::sealer::{SealError, Situation};
use anyhow::Result;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// The pause after the first secret that does not open; it doubles.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The pause before the TPM is first asked again; it doubles.
const FIRST_TPM_PAUSE: Duration = Duration::from_secs(5);

const TPM_IS_SHUT: &str = "the TPM does not open the box; it is asked again";

/// Waits at the door for the data key; `None` once nobody can knock any more.
/// Ends the locked box by `stop` before anybody is told that it is open: where
/// they go next must not be the page they come from.
pub async fn wait(
    custody: &Custody,
    knocks: &mut mpsc::Receiver<Knock>,
    stop: &CancellationToken,
) -> Option<Opened> {
    let by_itself = custody.opens_by_itself().unwrap_or(false);
    let tpm_pause = by_itself.then_some(FIRST_TPM_PAUSE);
    let ask = || key::open(custody, Way::Tpm(None));
    wait_asking(custody, knocks, stop, tpm_pause, ask).await
}

/// Waits for whoever knocks, and asks again meanwhile for what opens without
/// anybody: a TPM that never answers must keep nobody out who has the paper.
async fn wait_asking<A: Future<Output = Result<Opened>>>(
    custody: &Custody,
    knocks: &mut mpsc::Receiver<Knock>,
    stop: &CancellationToken,
    tpm_pause: Option<Duration>,
    ask: impl Fn() -> A,
) -> Option<Opened> {
    let mut pause = Pause::default();
    // Kept through the knocks: else whoever knocks puts the TPM off for good.
    let asking = async {
        match tpm_pause {
            Some(first) => ask_again(first, ask).await,
            None => std::future::pending().await,
        }
    };
    tokio::pin!(asking);
    loop {
        tokio::select! {
            knock = knocks.recv() => {
                if let Some(opened) = answer(custody, knock?, &mut pause, stop).await {
                    return Some(opened);
                }
            }
            opened = &mut asking => return Some(opened),
        }
    }
}

/// Asks after a pause that doubles, until it opens.
async fn ask_again<A: Future<Output = Result<Opened>>>(
    first: Duration,
    ask: impl Fn() -> A,
) -> Opened {
    let mut complaint = Complaint::default();
    let mut pause = first;
    loop {
        tokio::time::sleep(pause).await;
        match ask().await {
            Ok(opened) => {
                tracing::info!("the TPM opens the box at last");
                return opened;
            }
            Err(error) => complaint.say(TPM_IS_SHUT, &error),
        }
        pause = twice(pause);
    }
}

fn twice(pause: Duration) -> Duration {
    (pause * 2).min(Duration::from_millis(TPM_PAUSE_MS_MAX))
}

/// Grows with each wrong secret, until one opens.
#[derive(Default)]
struct Pause {
    wrong: u32,
    until: Option<Instant>,
}

impl Pause {
    fn left(&self) -> Duration {
        let now = Instant::now();
        self.until.map_or(Duration::ZERO, |until| until - now)
    }

    fn grow(&mut self) {
        let length = pause_after(self.wrong);
        self.wrong = self.wrong.saturating_add(1);
        self.until = Some(Instant::now() + length);
    }
}

/// 1 s, 2 s, 4 s and so on, up to the bound.
fn pause_after(wrong_before: u32) -> Duration {
    let most = Duration::from_millis(UNLOCK_PAUSE_MS_MAX);
    let factor = 1_u32.checked_shl(wrong_before.min(16)).unwrap_or(u32::MAX);
    FIRST_PAUSE.saturating_mul(factor).min(most)
}

async fn answer(
    custody: &Custody,
    knock: Knock,
    pause: &mut Pause,
    stop: &CancellationToken,
) -> Option<Opened> {
    let left = pause.left();
    if left > knock.patience {
        let wait_s = u32::try_from(left.as_secs() + 1).unwrap_or(u32::MAX);
        let refused = Refused {
            why: Refusal::TooSoon { wait_s },
            said: format!("after wrong ones there is a pause: try again in {wait_s} seconds"),
        };
        knock.answer.send(Err(refused)).ok();
        return None;
    }
    tokio::time::sleep(left).await;
    if knock.answer.is_closed() {
        // Its bearer gave up while waiting, and nothing was tried.
        return None;
    }
    let opened = match way(knock.secret, knock.kind) {
        Ok(way) => key::open(custody, way).await,
        Err(error) => Err(error),
    };
    match opened {
        Ok(opened) => {
            stop.cancel();
            // Whoever asked may have gone; the key opens all the same.
            knock.answer.send(Ok(())).ok();
            Some(opened)
        }
        Err(error) => {
            let refused = refused(&error);
            tracing::warn!(
                why = refused.said,
                "what was offered does not open the data key"
            );
            // A slip that shows by itself is no guess.
            if !matches!(refused.why, Refusal::Malformed { .. } | Refusal::NoPin) {
                pause.grow();
            }
            knock.answer.send(Err(refused)).ok();
            None
        }
    }
}

/// What somebody said it is decides what is tried with it. The recovery key alone
/// cannot be taken for anything else, and opens from whatever field it comes.
fn way(secret: Secret, kind: Kind) -> Result<Way> {
    let Ok(text) = std::str::from_utf8(secret.expose()) else {
        return Ok(Way::Typed(secret));
    };
    match RecoveryKey::parse(text) {
        Ok(key) => return Ok(Way::Recovery(key)),
        // A slip in the paper's key is no PIN, and must not cost a try of it.
        Err(mistake) if mistake.is_slip() => return Err(mistake.into()),
        Err(_) => {}
    }
    Ok(match kind {
        Kind::Pin => Way::Tpm(Some(Pin::parse(text)?)),
        Kind::Passphrase => Way::not_a_pin(secret)?,
        Kind::Any => Way::Typed(secret),
    })
}

fn refused(error: &anyhow::Error) -> Refused {
    Refused {
        why: error.chain().find_map(of_cause).unwrap_or(Refusal::Trouble),
        said: format!("{error:#}"),
    }
}

fn of_cause(cause: &(dyn std::error::Error + 'static)) -> Option<Refusal> {
    if let Some(error) = cause.downcast_ref::<SlotsError>() {
        return match error {
            // Where there is no passphrase at all, any is a wrong one.
            SlotsError::Wrong(_) | SlotsError::NoSuchSlot("passphrase") => Some(Refusal::Wrong),
            SlotsError::Tpm(error) => Some(of_tpm(error)),
            SlotsError::Missing
            | SlotsError::Damaged
            | SlotsError::DamagedSlot(_)
            | SlotsError::Newer(_)
            | SlotsError::NoSuchSlot(_)
            | SlotsError::ForeignSlot(_)
            | SlotsError::Io(_) => None,
        };
    }
    if let Some(error) = cause.downcast_ref::<SealError>() {
        return Some(of_tpm(error));
    }
    let group = match cause.downcast_ref::<BadRecoveryKey>() {
        Some(BadRecoveryKey::Group(group)) => Some(*group),
        Some(BadRecoveryKey::NotDigits | BadRecoveryKey::Length(_)) => None,
        None if cause.is::<BadPin>() => return Some(Refusal::NoPin),
        None => return None,
    };
    Some(Refusal::Malformed { group })
}

fn of_tpm(error: &SealError) -> Refusal {
    if let Situation::WrongPin { tries_left } = error.situation {
        return Refusal::WrongPin { tries_left };
    }
    if let Situation::LockedOut { wait_s } = error.situation {
        return Refusal::LockedOut { wait_s };
    }
    Refusal::Trouble
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::by_hand::this_machine;
    use crate::app::init::{FirstWay, init};
    use crate::app::lan::Wanted;
    use crate::core::time::{Now, UnixMs};
    use crate::device::KernelChance;
    use crate::ports::door::{Door, door};
    use crate::store::meta;

    const PASSPHRASE: &str = "maji safi ya kunywa";
    const LONG: Duration = Duration::from_secs(600);

    #[test]
    fn pauses_grow_to_a_bound() {
        let seconds: Vec<u64> = (0..9).map(|n| pause_after(n).as_secs()).collect();
        assert_eq!(seconds, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
        assert_eq!(pause_after(u32::MAX), Duration::from_secs(60));
    }

    #[test]
    fn what_it_is_said_to_be_decides_what_it_costs() {
        let way = |text: &str, kind| way(Secret::from(text), kind);
        assert!(matches!(way("482913", Kind::Pin), Ok(Way::Tpm(Some(_)))));
        assert!(matches!(
            way("482913", Kind::Passphrase),
            Ok(Way::Passphrase(_))
        ));
        assert!(matches!(way("482913", Kind::Any), Ok(Way::Typed(_))));
        let short = way("12", Kind::Pin).err().unwrap();
        assert_eq!(refused(&short).why, Refusal::NoPin);
        let key = RecoveryKey::draw(&KernelChance::new().unwrap());
        let shown = key.show();
        assert!(matches!(
            way(&shown, Kind::Passphrase),
            Ok(Way::Recovery(_))
        ));
        // It opens from the PIN's field as well, with dashes and without.
        for typed in [
            shown.to_string(),
            shown.replace('-', ""),
            shown.replace('-', " "),
        ] {
            for kind in [Kind::Pin, Kind::Any] {
                assert!(
                    matches!(way(&typed, kind), Ok(Way::Recovery(_))),
                    "{kind:?}"
                );
            }
        }
        let last = shown.chars().last().unwrap();
        let other = if last == '0' { '1' } else { '0' };
        let mistyped = format!("{}{other}", &shown[..shown.len() - 1]);
        for kind in [Kind::Passphrase, Kind::Pin] {
            for typed in [mistyped.clone(), mistyped.replace('-', "")] {
                let refused = refused(&way(&typed, kind).err().unwrap());
                assert!(refused.said.contains("group 9"), "{}", refused.said);
                assert_eq!(refused.why, Refusal::Malformed { group: Some(9) });
            }
        }
        // Digits alone are a PIN as long as nobody can mean the paper.
        assert!(matches!(
            way("1 2 3 4 5 6 7 8 9", Kind::Pin),
            Ok(Way::Tpm(Some(_)))
        ));
        let cut = refused(&way(&shown[..62], Kind::Pin).err().unwrap());
        assert_eq!(cut.why, Refusal::Malformed { group: None });
    }

    fn made(folder: &std::path::Path) -> (Custody, RecoveryKey) {
        let machine = this_machine().unwrap();
        let chance = &machine.chance;
        let custody = Custody::without_tpm(&folder.join("data"), &machine);
        let way = FirstWay::Passphrase(Secret::from(PASSPHRASE));
        let now = Now {
            at: UnixMs(1_795_168_800_000),
            trusted: true,
        };
        let mut paper = None;
        let show = |recovery: &RecoveryKey, _: &str| {
            paper = Some(recovery.clone());
            Ok(())
        };
        let wanted = Wanted::without_config();
        init(&custody, &way, &wanted, chance, now, show, &mut |_| {}).unwrap();
        (custody, paper.unwrap())
    }

    async fn offer(door: &Door, text: &str, patience: Duration) -> Result<(), Refusal> {
        let offered = door.offer(Secret::from(text), Kind::Any, patience).await;
        offered.map_err(|refused| refused.why)
    }

    #[tokio::test]
    async fn two_ways_in_are_not_two_tries() {
        let folder = tempfile::tempdir().unwrap();
        let (custody, paper) = made(folder.path());
        let (door, mut knocks) = door(4);
        let (page, socket) = (door.clone(), door);
        let stop = CancellationToken::new();
        let knocking = async {
            assert_eq!(
                offer(&page, "not this one", LONG).await,
                Err(Refusal::Wrong)
            );
            // The pause after the page's try holds for the socket as well.
            let hasty = offer(&socket, PASSPHRASE, Duration::ZERO).await;
            assert!(
                matches!(hasty, Err(Refusal::TooSoon { wait_s: 1 | 2 })),
                "{hasty:?}"
            );
            let (one, other) = tokio::join!(
                offer(&page, "nor this one", LONG),
                offer(&socket, "nor that one", LONG)
            );
            assert_eq!((one, other), (Err(Refusal::Wrong), Err(Refusal::Wrong)));
            let hasty = offer(&socket, PASSPHRASE, Duration::from_secs(2)).await;
            assert!(
                matches!(hasty, Err(Refusal::TooSoon { wait_s: 3..=5 })),
                "{hasty:?}"
            );
            assert!(!stop.is_cancelled());
            offer(&page, &paper.show(), LONG).await.unwrap();
            assert!(stop.is_cancelled(), "who is told finds the open box");
        };
        let (opened, ()) = tokio::join!(wait(&custody, &mut knocks, &stop), knocking);
        let opened = opened.unwrap();
        // The paper has opened the box: nobody need prove it any more.
        let conn = crate::store::open::open(custody.folder(), &opened.key).unwrap();
        assert!(proved_at(&conn).is_some());
        let last = |conn: &rusqlite::Connection| -> (i64, String) {
            let entry = "SELECT seq, action FROM audit ORDER BY seq DESC LIMIT 1";
            let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?));
            conn.query_row(entry, [], read).unwrap()
        };
        let noted = last(&conn);
        assert_eq!(noted.1, "key.recovery_proved");
        // Proved is proved: opening again adds nothing.
        key::open(&custody, Way::Recovery(paper)).await.unwrap();
        assert_eq!(last(&conn), noted);
    }

    #[tokio::test]
    async fn a_passphrase_proves_nothing_of_the_paper() {
        let folder = tempfile::tempdir().unwrap();
        let (custody, _) = made(folder.path());
        let way = Way::Typed(Secret::from(PASSPHRASE));
        let opened = key::open(&custody, way).await.unwrap();
        let conn = crate::store::open::open(custody.folder(), &opened.key).unwrap();
        assert_eq!(proved_at(&conn), None);
    }

    fn proved_at(conn: &rusqlite::Connection) -> Option<i64> {
        meta::find_number(conn, meta::DRILLED_AT).unwrap()
    }

    #[tokio::test]
    async fn who_knocks_does_not_put_the_tpm_off() {
        let folder = tempfile::tempdir().unwrap();
        let (custody, _) = made(folder.path());
        let (door, mut knocks) = door(4);
        let stop = CancellationToken::new();
        let by_tpm = || key::open(&custody, Way::Passphrase(Secret::from(PASSPHRASE)));
        let soon = Some(Duration::from_millis(100));
        let end = Instant::now() + Duration::from_secs(60);
        let knocking = async {
            while Instant::now() < end {
                let slip = door.offer(Secret::from("12"), Kind::Pin, LONG);
                assert!(slip.await.is_err());
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            opened = wait_asking(&custody, &mut knocks, &stop, soon, by_tpm) => {
                assert!(opened.is_some());
            }
            () = knocking => panic!("the TPM was never asked"),
        }
    }

    #[tokio::test]
    async fn a_tpm_that_never_answers_keeps_nobody_out() {
        let folder = tempfile::tempdir().unwrap();
        let (custody, paper) = made(folder.path());
        let (door, mut knocks) = door(4);
        let stop = CancellationToken::new();
        let asked = tokio::sync::Notify::new();
        let mute = || async {
            asked.notify_one();
            std::future::pending().await
        };
        let knocking = async {
            asked.notified().await;
            offer(&door, &paper.show(), LONG).await.unwrap();
        };
        let soon = Some(Duration::ZERO);
        let waiting = wait_asking(&custody, &mut knocks, &stop, soon, mute);
        let both = async { tokio::join!(waiting, knocking) };
        let both = tokio::time::timeout(Duration::from_secs(60), both).await;
        let (opened, ()) = both.expect("the knock is heard");
        assert!(opened.is_some());
    }

    #[tokio::test]
    async fn who_hangs_up_holds_nobody_up() {
        let folder = tempfile::tempdir().unwrap();
        let (custody, _) = made(folder.path());
        let (door, mut knocks) = door(4);
        let knocking = async {
            {
                let gone = offer(&door, "not this one", LONG);
                tokio::select! {
                    biased;
                    _ = gone => {}
                    // Taken up, and then its bearer leaves.
                    () = tokio::task::yield_now() => {}
                }
            }
            let _ = offer(&door, "nor this one", LONG).await;
            let hasty = offer(&door, PASSPHRASE, Duration::ZERO).await;
            assert!(matches!(hasty, Err(Refusal::TooSoon { .. })), "{hasty:?}");
            offer(&door, PASSPHRASE, LONG).await.unwrap();
        };
        let stop = CancellationToken::new();
        let (opened, ()) = tokio::join!(wait(&custody, &mut knocks, &stop), knocking);
        assert!(opened.is_some());
    }
}

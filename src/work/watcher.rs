//! Watches the line: hears the kernel's news, asks the provider when the plan
//! says so, and tells everybody how the line stands. What follows from what is
//! decided in `watch`; this is the loop around it.
//!
//! It sends no message and never tells of a line that came back before what
//! follows from that is stored.

use crate::core::time::UnixMs;
use crate::ports::{Clock, Echo, Messenger, Moved, SendOutcome, Touch, Uplink};
use crate::store::rest::{self, Rest};
use crate::store::{Writer, outbox};
use crate::work::Bell;
use crate::work::line::Line;
use crate::work::purse::Ask;
use crate::work::refused::Refusals;
use crate::work::seen::Seen;
use crate::work::watch::Plan;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Longest wait for the answer to a probe. What comes later is no good line.
const PROBE_PATIENCE: Duration = Duration::from_secs(20);

/// Everything the watcher works with.
pub struct Watcher<M, U> {
    /// The provider.
    pub messenger: Arc<M>,
    /// The way to it.
    pub uplink: U,
    /// Where the queue lives.
    pub writer: Writer,
    /// The clinic's number or instance there.
    pub our_id: Arc<str>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Waiting time of an uncertain send with the line up, ms.
    pub in_doubt_ms: i64,
    /// What is known of the line.
    pub line: Line,
    /// Wakes the sender when the line is back.
    pub bell: Bell,
}

/// What the loop has seen to already.
struct Noted {
    /// Since when the line is cut, as long as waits are not renewed for it.
    cut_since: Option<UnixMs>,
    /// What is kept for the next start.
    rest: Rest,
}

/// What came of an ask.
enum Answer {
    Probe(SendOutcome),
    Touch(Touch),
    Echo(Echo),
}

impl<M: Messenger, U: Uplink> Watcher<M, U> {
    /// Works until `stop`.
    pub async fn run(self, stop: CancellationToken) {
        let mut noted = Noted {
            cut_since: None,
            rest: self.line.rest(),
        };
        let mut refusals = Refusals::default();
        loop {
            self.tell(&mut noted).await;
            let now = self.line.moment(self.at());
            refusals
                .note(&self.writer, &self.line, now.steady_ms, now.at)
                .await;
            let plan = self.line.plan(self.at());
            let wait = duration(plan.wait_ms);
            tokio::select! {
                () = stop.cancelled() => return,
                moved = self.uplink.moved() => self.see(&Seen::Moved(moved)),
                () = self.line.stirred() => {}
                () = tokio::time::sleep(wait) => {
                    tokio::select! {
                        () = stop.cancelled() => return,
                        () = self.ask(plan, &mut noted) => {}
                    }
                }
            }
        }
    }

    /// Asks. News of the way make the answer worthless: it is asked anew.
    async fn ask(&self, plan: Plan, noted: &mut Noted) {
        self.line.spend(plan, self.at());
        let mut answer = pin!(self.answer(plan.ask));
        loop {
            tokio::select! {
                answer = &mut answer => {
                    match answer {
                        Some(Answer::Probe(outcome)) => self.see(&Seen::Probed(&outcome)),
                        Some(Answer::Touch(touch)) => self.see(&Seen::Touched(touch)),
                        Some(Answer::Echo(echo)) => self.see(&Seen::Echoed(echo)),
                        None => {}
                    }
                    return;
                }
                moved = self.uplink.moved() => {
                    self.see(&Seen::Moved(moved));
                    if moved != Moved::Same {
                        return;
                    }
                }
                () = self.line.stirred() => self.tell(noted).await,
            }
        }
    }

    /// Nobody is asked where the next message tells.
    async fn answer(&self, ask: Ask) -> Option<Answer> {
        Some(match ask {
            Ask::Echo { patience_ms } => {
                Answer::Echo(self.uplink.echo(duration(patience_ms)).await)
            }
            Ask::Touch {
                patience_ms,
                looks_up,
            } => Answer::Touch(self.uplink.touch(duration(patience_ms), looks_up).await),
            Ask::Probe => {
                let probe = tokio::time::timeout(PROBE_PATIENCE, self.messenger.probe());
                Answer::Probe(probe.await.unwrap_or(SendOutcome::Unknown))
            }
            Ask::Message => return None,
        })
    }

    fn see(&self, seen: &Seen<'_>) {
        if self.line.see(seen, self.at()) {
            self.uplink.forget();
        }
    }

    fn at(&self) -> UnixMs {
        self.clock.now().at
    }

    /// Tells what is not told yet. Uncertain sends wait with a working line
    /// only, so their waits are renewed before anybody hears that it works.
    async fn tell(&self, noted: &mut Noted) {
        self.keep(&mut noted.rest).await;
        let (now, cut_since) = (self.at(), &mut noted.cut_since);
        if self.line.state().is_cut() && cut_since.is_none() {
            *cut_since = Some(now);
        }
        while let Some(next) = self.line.untold() {
            if !next.is_cut()
                && let Some(since) = cut_since.take()
            {
                self.renew_waits(now.ms_since(since), now).await;
            }
            self.line.tell(next);
            self.bell.ring();
        }
        if !self.line.state().is_cut() {
            // A cut that was over before it was looked at cost nobody's wait.
            *cut_since = None;
        }
    }

    /// Keeps what a restart must not forget, where it is news. With the end of a
    /// trial goes what the technician was told of it: after a crash between the two
    /// the trial would be forgotten, and the task never end.
    async fn keep(&self, kept: &mut Rest) {
        // In this order: a proof that comes in between is taken the next time.
        let proven = self.line.take_proof();
        let rest = self.line.rest();
        let served = rest.trial.is_none() && (proven || kept.trial.is_some());
        if rest == *kept && !proven {
            return;
        }
        let (our_id, now) = (Arc::clone(&self.our_id), self.at());
        let kept_now = self
            .writer
            .run(move |conn| {
                if served {
                    outbox::account_serves(conn, now)?;
                }
                rest::keep(conn, &our_id, rest)
            })
            .await;
        match kept_now {
            Ok(()) => *kept = rest,
            Err(error) => {
                tracing::warn!(%error, "a pause of the line was not kept");
                if proven {
                    self.line.give_back_proof();
                }
            }
        }
    }

    async fn renew_waits(&self, down_ms: i64, now: UnixMs) {
        let wait = self.in_doubt_ms;
        let renewed = self
            .writer
            .run(move |conn| outbox::line_up(conn, wait, down_ms, now))
            .await;
        if let Err(error) = renewed {
            tracing::warn!(%error, "the waits of uncertain sends were not renewed");
        }
    }
}

fn duration(ms: i64) -> Duration {
    Duration::from_millis(u64::try_from(ms).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::inbound::ProviderError;
    use crate::core::tasks::Kind;
    use crate::core::time::Now;
    use crate::ports::Call;
    use crate::store::tasks;
    use crate::store::tests::db;

    /// Neither asks nor is asked.
    struct Nobody;

    impl Messenger for Nobody {
        async fn send(&self, _call: &Call) -> SendOutcome {
            SendOutcome::Unknown
        }

        async fn probe(&self) -> SendOutcome {
            SendOutcome::Unknown
        }
    }

    impl Uplink for Nobody {
        async fn touch(&self, _patience: Duration, _looks_up: bool) -> Touch {
            Touch::Silent
        }

        async fn echo(&self, _patience: Duration) -> Echo {
            Echo::Silent
        }

        async fn moved(&self) -> Moved {
            Moved::Same
        }

        fn forget(&self) {}
    }

    impl Clock for Nobody {
        fn now(&self) -> Now {
            Now {
                at: UnixMs(9),
                trusted: true,
            }
        }
    }

    #[tokio::test]
    async fn the_task_of_an_account_goes_when_its_trial_ends_well() {
        let (writer, thread) = Writer::start(db(), None).unwrap();
        let watcher = Watcher {
            messenger: Arc::new(Nobody),
            uplink: Nobody,
            writer,
            our_id: "1".into(),
            clock: Arc::new(Nobody),
            in_doubt_ms: 0,
            line: Line::default(),
            bell: Bell::default(),
        };
        let unpaid = ProviderError {
            code: 131_042,
            subcode: None,
        };
        let stands = || async {
            watcher
                .writer
                .run(|conn| tasks::any_open(conn, Kind::AccountRefused))
                .await
                .unwrap()
        };
        let comes_back = |at| {
            watcher.line.gives_back(&unpaid, UnixMs(at));
            let code = unpaid.clone();
            watcher
                .writer
                .run(move |conn| outbox::account_fault(conn, &code, UnixMs(at)).map(|_| ()))
        };
        // The watcher may look only once it is all over.
        for looks_between in [true, false] {
            let mut kept = watcher.line.rest();
            comes_back(1).await.unwrap();
            if looks_between {
                watcher.keep(&mut kept).await;
                assert!(kept.trial.is_some());
            }
            watcher.line.serves(UnixMs(1), UnixMs(2));
            assert!(stands().await, "that one was taken before");
            watcher.line.serves(UnixMs(3), UnixMs(4));
            watcher.keep(&mut kept).await;
            assert!(!stands().await, "looked between: {looks_between}");
            assert_eq!(kept.trial, None);
        }
        // One that arrives before the next comes back proves nothing of it.
        let mut kept = watcher.line.rest();
        comes_back(5).await.unwrap();
        watcher.line.serves(UnixMs(6), UnixMs(7));
        comes_back(8).await.unwrap();
        watcher.keep(&mut kept).await;
        assert!(stands().await);
        drop(watcher);
        thread.stop().unwrap();
    }
}

//! A box whose data key is not there: it refuses webhooks, shows its unlock page
//! and takes a secret from there or from the control socket.

use crate::app::at_the_door;
use crate::app::key::Custody;
use crate::app::lan::{self, Lan, Shown};
use crate::app::listen;
use crate::app::serve::{self, Sockets};
use crate::app::service::SHUTDOWN;
use crate::config::Config;
use crate::core::limits;
use crate::keys::Opened;
use crate::ports::door::{Door, door};
use crate::web::health::Health;
use crate::web::lan as pages;
use crate::web::public;
use crate::web::unlock::{Asked, Unlock};
use crate::work::line::Line;
use crate::work::runner::{Runner, WorkerEnded};
use anyhow::{Context, Result};
use tokio_util::sync::CancellationToken;

/// Serves what a locked box may say until a secret opens it; `None` if it is
/// told to stop before.
///
/// # Errors
/// When a socket cannot be used, or whatever answers at one ends by itself: a
/// box that nobody can open any more is started again.
pub async fn wait_for_key(
    config: &Config,
    custody: &Custody,
    (lan, shown): (&Lan, &Shown),
    sockets: &Sockets,
    asked_to_stop: impl Future<Output = ()>,
) -> Result<Option<Opened>> {
    let stop = CancellationToken::new();
    let mut runner = Runner::new();
    let (door, mut knocks) = door(limits::UNLOCKS_WAITING_MAX);
    let listening = Listening {
        config,
        custody,
        sockets,
        stop: &stop,
    };
    listening.start(&mut runner, shown, door)?;
    let loading = lan::load(lan.clone(), shown.clone(), stop.clone());
    if config.lan.tls {
        runner.start("LAN certificate", loading);
    }
    serve::feed_the_watchdog(&mut runner, None);
    serve::say_ready("locked: waiting for its PIN or passphrase");
    tracing::info!("locked: waiting for healthpost unlock, or the unlock page");
    let opening = at_the_door::wait(custody, &mut knocks, &stop);
    let opened = opened_or_ended(&mut runner, opening, asked_to_stop).await;
    stop.cancel();
    // Who still waits at the door hears that it is no longer one.
    drop(knocks);
    runner.shut_down(SHUTDOWN).await;
    opened.context("the locked appliance stopped; the service manager starts it again")
}

async fn opened_or_ended<T>(
    runner: &mut Runner,
    opening: impl Future<Output = Option<T>>,
    asked_to_stop: impl Future<Output = ()>,
) -> Result<Option<T>, WorkerEnded> {
    tokio::select! {
        // A box that was opened is open, whatever ended in the same moment.
        biased;
        opened = opening => Ok(opened),
        ended = runner.watch(asked_to_stop) => ended.map(|()| None),
    }
}

struct Listening<'a> {
    config: &'a Config,
    custody: &'a Custody,
    sockets: &'a Sockets,
    stop: &'a CancellationToken,
}

impl Listening<'_> {
    fn start(&self, runner: &mut Runner, shown: &Shown, door: Door) -> Result<()> {
        let health = Health {
            store: None,
            line: Line::default(),
        };
        let public = self.sockets.public.try_clone()?;
        let router = public::locked(health.clone());
        let serving = listen::serve(public, router, self.stop.clone());
        runner.start("locked public listener", serving);
        let unlock = Unlock {
            door: door.clone(),
            asked: self.asked(),
            clinic: self.config.clinic.name.as_str().into(),
            authority: serve::authority_shown(self.custody.folder()),
        };
        let router = pages::locked(unlock, health);
        let listener = self.sockets.lan.try_clone()?;
        let serving = listen::serve_lan(
            listener,
            self.config.lan.tls,
            shown,
            router,
            self.stop.clone(),
        )?;
        runner.start("locked LAN listener", serving);
        let answering = self.sockets.control.serve_locked(door, self.stop.clone())?;
        runner.start("control socket", answering);
        Ok(())
    }

    /// What opens this box, for the words on the page.
    fn asked(&self) -> Asked {
        let wanted = self.custody.wants_pin().unwrap_or(false);
        let by_itself = self.custody.opens_by_itself().unwrap_or(false);
        Asked {
            pin: self.custody.may_want_pin().unwrap_or(wanted),
            chip_failed: by_itself && !wanted,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::{pending, ready};

    #[tokio::test]
    async fn a_listener_that_ends_while_nobody_has_opened_the_box_ends_the_wait() {
        let mut runner = Runner::new();
        runner.start("control socket", pending());
        let stopped = opened_or_ended(&mut runner, pending::<Option<()>>(), ready(())).await;
        assert!(matches!(stopped, Ok(None)));
        runner.start("locked LAN listener", ready(()));
        let ended = opened_or_ended(&mut runner, pending::<Option<()>>(), pending()).await;
        assert_eq!(
            ended.unwrap_err().to_string(),
            "the locked LAN listener stopped by itself"
        );
        runner.start("locked public listener", ready(()));
        tokio::task::yield_now().await;
        let opened = opened_or_ended(&mut runner, ready(Some(7)), pending()).await;
        assert!(matches!(opened, Ok(Some(7))));
    }
}

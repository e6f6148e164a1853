//! The certificate's upkeep while the box runs: locked, it is only looked for;
//! unlocked, it is renewed when that is due.

use super::{Lan, Shown, find_authority, keep_authority, read_authority};
use crate::app::complaint::Complaint;
use crate::core::limits::TPM_PAUSE_MS_MAX;
use crate::device::authority::{Authority, Leaf};
use crate::ports::Clock;
use crate::store::Writer;
use anyhow::{Context, Result};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How often it is looked whether a new one is due.
const EVERY: Duration = Duration::from_secs(60);
/// The first pause after a key that did not open; it doubles.
const FIRST_PAUSE: Duration = Duration::from_secs(5);

const TROUBLE: &str = "there is trouble with the certificate in lan/";

/// For a locked box: shows the leaf as it is, expired or not. A TPM that does
/// not open its key is asked again; that costs no try of a PIN.
pub async fn load(lan: Lan, shown: Shown, stop: CancellationToken) {
    let mut pause = FIRST_PAUSE;
    let mut complaint = Complaint::default();
    while shown.is_empty() {
        let lan = lan.clone();
        let loaded = tokio::task::spawn_blocking(move || lan.load()).await;
        let loaded = loaded.map_err(anyhow::Error::from).and_then(|leaf| leaf);
        match loaded.and_then(|leaf| shown.show(&leaf)) {
            Ok(()) => break,
            Err(error) => complaint.say(TROUBLE, &error),
        }
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = stop.cancelled() => return,
        }
        pause = (pause * 2).min(Duration::from_millis(TPM_PAUSE_MS_MAX));
    }
    stop.cancelled().await;
}

/// For an unlocked box: makes and renews, until `stop`.
pub async fn keep(
    lan: Lan,
    shown: Shown,
    writer: Writer,
    clock: Arc<dyn Clock>,
    stop: CancellationToken,
) {
    let mut upkeep = Upkeep {
        lan,
        shown,
        writer,
        clock,
        authority: None,
        present: None,
    };
    let mut complaint = Complaint::default();
    loop {
        match upkeep.turn().await {
            Ok(()) => complaint.end(),
            Err(error) => complaint.say(TROUBLE, &error),
        }
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            () = stop.cancelled() => return,
        }
    }
}

struct Upkeep {
    lan: Lan,
    shown: Shown,
    writer: Writer,
    clock: Arc<dyn Clock>,
    authority: Option<Arc<Authority>>,
    present: Option<Leaf>,
}

impl Upkeep {
    async fn turn(&mut self) -> Result<()> {
        let authority = self.authority().await?;
        let (lan, now) = (self.lan.clone(), self.clock.now());
        let present = self.present.take();
        let renewed = tokio::task::spawn_blocking(move || {
            let present = match present {
                Some(leaf) => Ok(leaf),
                None => lan.load().map_err(Some),
            };
            let before = present.as_ref().ok().map(|leaf| leaf.certificate.clone());
            let leaf = lan.renew(&authority, present, now)?;
            anyhow::Ok((before, leaf))
        });
        let (before, leaf) = renewed.await??;
        if self.shown.is_empty() || before.as_ref() != Some(&leaf.certificate) {
            self.shown.show(&leaf)?;
        }
        self.present = Some(leaf);
        Ok(())
    }

    /// Read once; drawn where the folder is older than this program.
    async fn authority(&mut self) -> Result<Arc<Authority>> {
        if let Some(authority) = &self.authority {
            return Ok(Arc::clone(authority));
        }
        let kept = self.writer.run(find_authority).await;
        let authority = match kept.context("the authority cannot be read")? {
            Some(kept) => Arc::new(read_authority(kept)?),
            None => {
                let drawn = Arc::new(self.lan.draw_authority(self.clock.now().at)?);
                let keeping = Arc::clone(&drawn);
                self.writer
                    .run(move |conn| keep_authority(conn, &keeping))
                    .await
                    .context("the authority cannot be kept")?;
                drawn
            }
        };
        self.authority = Some(Arc::clone(&authority));
        Ok(authority)
    }
}

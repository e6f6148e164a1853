//! What the demo's simulated WhatsApp remembers from run to run, in a file of
//! the demo's folder: the chats of invented patients, and what has not reached
//! the clinic yet. It must never be part of a real box, where all that patients
//! write is encrypted.

use crate::core::inbound::Identity;
use crate::core::private::Private;
use crate::core::time::UnixMs;
use crate::durable;
use crate::simulator::{Kept, NewPerson, Simulator};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const FILE: &str = "simulated-whatsapp.json";
/// Changes that come together are written together.
const PAUSE: Duration = Duration::from_millis(200);

/// The file, and whose memory it is.
#[derive(Clone)]
pub struct Memory {
    path: PathBuf,
    far_side: Arc<Simulator>,
}

impl Memory {
    /// Goes on where the folder's earlier run ended. Phones that only the clinic
    /// knows are added: what waits for them must find them.
    pub fn take_up(
        folder: &Path,
        far_side: Arc<Simulator>,
        phones: Vec<(Identity, UnixMs)>,
    ) -> Self {
        let path = folder.join(FILE);
        match read(&path) {
            Ok(Some(kept)) => far_side.take_up(kept),
            Ok(None) => {}
            Err(error) => tracing::warn!(
                %error,
                "the simulated WhatsApp has forgotten its chats: {FILE} cannot be read"
            ),
        }
        bring_back(&far_side, phones);
        Self { path, far_side }
    }

    /// Whose memory it is.
    pub const fn far_side(&self) -> &Arc<Simulator> {
        &self.far_side
    }

    /// Writes down each change a moment after it, until `stop`.
    pub async fn keep_up(self, stop: CancellationToken) {
        let mut changes = self.far_side.changes();
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                changed = changes.changed() => if changed.is_err() { return },
            }
            self.write().await;
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Writes down how things stand.
    pub async fn write(&self) {
        let (kept, path) = (self.far_side.kept(), self.path.clone());
        let written = tokio::task::spawn_blocking(move || {
            let bytes = serde_json::to_vec(&kept)?;
            durable::write(&path, &bytes)
        });
        if let Err(error) = written.await.unwrap_or_else(|broken| Err(broken.into())) {
            tracing::warn!(%error, "{FILE} cannot be written: a stop of the demo forgets its chats");
        }
    }
}

fn read(path: &Path) -> io::Result<Option<Kept>> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes)?)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn bring_back(far_side: &Simulator, phones: Vec<(Identity, UnixMs)>) {
    let text = |it: Option<Private<String>>| it.map(Private::into_inner);
    // The oldest first, as they were added.
    for (who, stamp) in phones.into_iter().rev() {
        let phone = NewPerson {
            hides_number: who.phone.is_none(),
            number_only: who.bsuid.is_none(),
            number: text(who.phone),
            name: text(who.profile_name),
            username: text(who.username),
            user_id: text(who.bsuid),
            wrote_at: Some(stamp),
        };
        let added = far_side.with_world(|world, _| {
            let names = [&phone.number, &phone.user_id];
            let is_known = |name: &String| world.person(name).is_ok();
            if names.into_iter().flatten().any(is_known) {
                return Ok(());
            }
            world.add_phone(phone).map(drop)
        });
        if let Err(error) = added {
            tracing::debug!(%error, "a phone of an earlier run stays away");
        }
    }
}

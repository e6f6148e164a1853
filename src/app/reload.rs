//! Credentials that change while the box runs: read again from the store and
//! handed to whoever uses them, without a restart.

use crate::config::{Provider as Chosen, UltraMsg, WhatsApp};
use crate::core::credential::{self, WEBHOOK_SECRET};
use crate::core::secret::Secret;
use crate::ports::Clock;
use crate::store::{Error, Readers, secrets};
use crate::web::ultramsg::PathSecret;
use crate::web::webhook::Credentials;
use crate::whatsapp::client::Line as HttpLine;
use crate::whatsapp::cloud::{CloudClient, CloudSettings};
use crate::whatsapp::provider::Provider;
use crate::whatsapp::replaceable::Replaceable;
use crate::whatsapp::ultramsg::{UltraMsgClient, UltraMsgSettings};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

/// How often they are read without a reason.
const EVERY: Duration = Duration::from_secs(3_600);

/// Where the credentials are read, and who is told.
#[derive(Clone)]
pub struct Reload {
    /// The webhook's app secrets and verify token.
    pub webhook: Credentials,
    /// The secret in the path of UltraMsg's webhook.
    pub path_secret: PathSecret,
    /// The client, made anew for a new token.
    pub client: Arc<Replaceable<Provider>>,
    /// Where they are kept.
    pub readers: Readers,
    /// Decides which former app secrets are still accepted.
    pub clock: Arc<dyn Clock>,
    /// The connections, which outlive a token.
    pub http: Arc<HttpLine>,
    /// Which provider it is, where Meta is and who we are there.
    pub whatsapp: WhatsApp,
    /// Where UltraMsg is and who we are there.
    pub ultramsg: UltraMsg,
    /// One reads and hands on at a time.
    pub turn: Arc<Mutex<()>>,
}

impl Reload {
    /// Reads them now.
    ///
    /// # Errors
    /// Whatever the database reports; the old ones stay in use then.
    pub async fn now(&self) -> Result<(), Error> {
        // Whoever read before a change must not hand on after whoever read it.
        let _turn = self.turn.lock().await;
        match self.whatsapp.provider {
            Chosen::Cloud => self.cloud().await,
            Chosen::UltraMsg => self.ultramsg().await,
        }
    }

    /// Whether those are set without which no patient is answered.
    pub fn is_complete(&self) -> bool {
        let takes = match self.whatsapp.provider {
            Chosen::Cloud => self.webhook.has_app_secret(),
            // Without a secret for its webhook it is polled.
            Chosen::UltraMsg => true,
        };
        takes && self.client.is_there()
    }

    async fn cloud(&self) -> Result<(), Error> {
        let now = self.clock.now().at;
        let (app_secrets, verify_token, access_token) = self
            .readers
            .read(move |conn| {
                Ok((
                    secrets::accepted(conn, "whatsapp.app_secret", now)?,
                    secrets::find(conn, "whatsapp.verify_token")?,
                    secrets::find(conn, "whatsapp.access_token")?,
                ))
            })
            .await?;
        if app_secrets.is_empty() {
            tracing::warn!(
                "no app secret is set, so every webhook is refused: \
                 run healthpost secret set whatsapp.app_secret"
            );
        }
        self.webhook.set(app_secrets, verify_token);
        self.client
            .replace(access_token.and_then(|token| self.cloud_client(token)));
        Ok(())
    }

    async fn ultramsg(&self) -> Result<(), Error> {
        let (token, path_secret) = self
            .readers
            .read(|conn| {
                Ok((
                    secrets::find(conn, "ultramsg.token")?,
                    secrets::find(conn, WEBHOOK_SECRET)?,
                ))
            })
            .await?;
        if path_secret.is_none() {
            tracing::info!(
                "no webhook secret is set, so messages come by polling alone: \
                 healthpost secret set ultramsg.webhook_secret opens the webhook"
            );
        }
        let weak = |secret: &Secret| credential::fault(WEBHOOK_SECRET, secret.expose());
        if let Some(why) = path_secret.as_ref().and_then(weak) {
            tracing::warn!("the webhook's address admits nobody, messages come by polling: {why}");
        }
        self.path_secret.set(path_secret);
        self.client
            .replace(token.and_then(|token| self.ultramsg_client(token)));
        Ok(())
    }

    /// Reads them every hour until `stop`: a former app secret does not stay in
    /// memory much longer than it is accepted.
    pub async fn run(self, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = tokio::time::sleep(EVERY) => {}
                () = stop.cancelled() => return,
            }
            if let Err(error) = self.now().await {
                tracing::warn!(%error, "the credentials could not be read again");
            }
        }
    }

    fn cloud_client(&self, token: Secret) -> Option<Provider> {
        let settings = CloudSettings {
            base_url: self.whatsapp.base_url.clone(),
            api_version: self.whatsapp.api_version.clone(),
            phone_number_id: self.whatsapp.phone_number_id.clone(),
            token,
        };
        let client = CloudClient::new(Arc::clone(&self.http), Arc::clone(&self.clock), &settings);
        let client = client.map(Box::new).map(Provider::Cloud);
        client.map_err(cannot_be_made).ok()
    }

    fn ultramsg_client(&self, token: Secret) -> Option<Provider> {
        let settings = UltraMsgSettings {
            base_url: self.ultramsg.base_url.clone(),
            instance_id: self.ultramsg.instance_id.clone(),
            token,
        };
        let client = UltraMsgClient::new(Arc::clone(&self.http), &settings);
        client.map(Provider::UltraMsg).map_err(cannot_be_made).ok()
    }
}

fn cannot_be_made(error: impl std::error::Error) {
    tracing::error!(%error, "the client for WhatsApp cannot be made");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::{by_hand, demo_folder};
    use crate::whatsapp::client::Timing;
    use std::future::poll_fn;
    use std::net::SocketAddr;
    use std::task::Poll;
    use tokio::time::timeout;

    #[tokio::test]
    async fn who_read_before_a_change_does_not_hand_on_after_who_read_it() {
        let place = tempfile::tempdir().unwrap();
        let machine = by_hand::this_machine().unwrap();
        let prepared = demo_folder::prepare(place.path(), &machine).await.unwrap();
        let opened = prepared.opened;
        let nowhere = SocketAddr::from(([127, 0, 0, 1], 1));
        let config = demo_folder::config(&opened.folder, "http://127.0.0.1:1", nowhere).unwrap();
        let http = HttpLine::new(Timing::default(), Arc::clone(&machine.clock)).unwrap();
        let reload = Reload {
            webhook: Credentials::default(),
            path_secret: PathSecret::default(),
            client: Arc::default(),
            readers: opened.readers.clone(),
            clock: machine.clock,
            http: Arc::new(http),
            whatsapp: config.whatsapp,
            ultramsg: config.ultramsg,
            turn: Arc::default(),
        };
        // A read that is over at the first look leaves nobody behind.
        let before = loop {
            let mut reading = Box::pin(reload.now());
            let begun = poll_fn(|context| Poll::Ready(reading.as_mut().poll(context).is_pending()));
            if begun.await {
                break reading;
            }
        };
        // It has read by now, and nobody lets it go on.
        tokio::time::sleep(Duration::from_millis(300)).await;
        let change = |conn: &rusqlite::Connection| secrets::delete(conn, "whatsapp.access_token");
        opened.writer.run(change).await.unwrap();
        let mut after = Box::pin(reload.now());
        let waited = timeout(Duration::from_millis(300), &mut after).await;
        before.await.unwrap();
        if waited.is_err() {
            (&mut after).await.unwrap();
        }
        drop(after);
        assert!(reload.webhook.has_app_secret());
        assert!(!reload.client.is_there());
        opened.close().unwrap();
    }
}

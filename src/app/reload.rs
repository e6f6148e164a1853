//! Credentials that change while the box runs: read again from the store and
//! handed to whoever uses them, without a restart.

use crate::ports::Clock;
use crate::store::{Error, Readers, secrets};
use crate::web::webhook::Credentials;
use crate::whatsapp::cloud::CloudClient;
use std::sync::Arc;

/// Where the credentials are read, and who is told.
#[derive(Clone)]
pub struct Reload {
    /// The webhook's app secrets and verify token.
    pub webhook: Credentials,
    /// The client's access token.
    pub client: Arc<CloudClient>,
    /// Where they are kept.
    pub readers: Readers,
    /// Decides whether the previous app secret is still accepted.
    pub clock: Arc<dyn Clock>,
}

impl Reload {
    /// Reads them now.
    ///
    /// # Errors
    /// Whatever the database reports; the old ones stay in use then.
    pub async fn now(&self) -> Result<(), Error> {
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
                "no app secret is set: every webhook is refused until \
                 healthpost secret set whatsapp.app_secret"
            );
        }
        self.webhook.set(app_secrets, verify_token);
        self.client.set_token(access_token);
        Ok(())
    }
}

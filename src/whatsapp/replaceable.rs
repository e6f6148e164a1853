//! A messenger that can be exchanged while the box runs: a new access token
//! must not need a restart, and none at all must not stop anything else.

use crate::core::id::OutboxKey;
use crate::core::inbound::ProviderError;
use crate::core::private::Private;
use crate::ports::{
    Backlog, Call, Chats, Deliveries, Described, Fetched, Files, History, Messenger, Page,
    Reconciled, SendOutcome, Standing, Unanswered,
};
use std::sync::{Arc, PoisonError, RwLock};

/// What a provider says to a wrong token (Graph API error 190): the channel
/// stops, and no message is to blame.
const NO_CREDENTIALS: ProviderError = ProviderError {
    code: 190,
    subcode: None,
};

/// Holds the messenger in use, if there is one.
pub struct Replaceable<M>(RwLock<Option<Arc<M>>>);

impl<M> Default for Replaceable<M> {
    fn default() -> Self {
        Self(RwLock::new(None))
    }
}

impl<M> Replaceable<M> {
    /// Uses this one from now on; calls in the air end with the old one.
    pub fn replace(&self, messenger: Option<M>) {
        let fresh = messenger.map(Arc::new);
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = fresh;
    }

    /// Whether there is one.
    pub fn is_there(&self) -> bool {
        self.current().is_some()
    }

    fn current(&self) -> Option<Arc<M>> {
        self.0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl<M: Messenger> Messenger for Replaceable<M> {
    async fn send(&self, call: &Call) -> SendOutcome {
        match self.current() {
            Some(messenger) => messenger.send(call).await,
            None => no_credentials(),
        }
    }

    async fn probe(&self) -> SendOutcome {
        match self.current() {
            Some(messenger) => messenger.probe().await,
            None => no_credentials(),
        }
    }

    async fn reconcile(&self, key: &OutboxKey) -> Reconciled {
        match self.current() {
            Some(messenger) => messenger.reconcile(key).await,
            None => Reconciled::NotNow,
        }
    }
}

impl<M: History> History for Replaceable<M> {
    async fn chats(&self) -> Result<Chats, Unanswered> {
        self.current().ok_or(Unanswered::Lost)?.chats().await
    }

    async fn messages(&self, chat: &Private<String>, newest: usize) -> Result<Page, Unanswered> {
        let history = self.current().ok_or(Unanswered::Lost)?;
        history.messages(chat, newest).await
    }

    async fn deliveries(&self, standing: Standing, page: usize) -> Result<Deliveries, Unanswered> {
        let history = self.current().ok_or(Unanswered::Lost)?;
        history.deliveries(standing, page).await
    }

    async fn receipts(&self, key: &OutboxKey, page: usize) -> Result<Deliveries, Unanswered> {
        let history = self.current().ok_or(Unanswered::Lost)?;
        history.receipts(key, page).await
    }

    async fn backlog(&self) -> Result<Backlog, Unanswered> {
        self.current().ok_or(Unanswered::Lost)?.backlog().await
    }
}

impl<M: Files> Files for Replaceable<M> {
    type Pieces = M::Pieces;

    async fn describe(&self, media_id: &str) -> Described {
        match self.current() {
            Some(files) => files.describe(media_id).await,
            None => Described::Later(None),
        }
    }

    async fn fetch(&self, place: &Private<String>, from: u64) -> Fetched<Self::Pieces> {
        match self.current() {
            Some(files) => files.fetch(place, from).await,
            None => Fetched::Later(None),
        }
    }
}

const fn no_credentials() -> SendOutcome {
    SendOutcome::Refused {
        error: NO_CREDENTIALS,
        http: 0,
        wait: None,
    }
}

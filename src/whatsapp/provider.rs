//! Whichever provider the configuration names, as one messenger.
//!
//! It only passes on: what a provider does, its own module knows.

use crate::core::id::OutboxKey;
use crate::core::private::Private;
use crate::ports::{
    Backlog, Call, Chats, Deliveries, Described, Fetched, Files, History, Messenger, Page,
    Reconciled, SendOutcome, Standing, Unanswered,
};
use crate::whatsapp::client::Incoming;
use crate::whatsapp::cloud::CloudClient;
use crate::whatsapp::ultramsg::UltraMsgClient;

/// The provider in use.
#[derive(Debug)]
pub enum Provider {
    /// Meta's Cloud API.
    Cloud(Box<CloudClient>),
    /// UltraMsg.
    UltraMsg(UltraMsgClient),
}

impl Messenger for Provider {
    async fn send(&self, call: &Call) -> SendOutcome {
        match self {
            Self::Cloud(client) => client.send(call).await,
            Self::UltraMsg(client) => client.send(call).await,
        }
    }

    async fn probe(&self) -> SendOutcome {
        match self {
            Self::Cloud(client) => client.probe().await,
            Self::UltraMsg(client) => client.probe().await,
        }
    }

    async fn reconcile(&self, key: &OutboxKey) -> Reconciled {
        match self {
            Self::Cloud(client) => client.reconcile(key).await,
            Self::UltraMsg(client) => client.reconcile(key).await,
        }
    }
}

/// Meta has no history that could be asked for.
impl History for Provider {
    async fn chats(&self) -> Result<Chats, Unanswered> {
        match self {
            Self::Cloud(_) => Err(Unanswered::Odd),
            Self::UltraMsg(client) => client.chats().await,
        }
    }

    async fn messages(&self, chat: &Private<String>, newest: usize) -> Result<Page, Unanswered> {
        match self {
            Self::Cloud(_) => Err(Unanswered::Odd),
            Self::UltraMsg(client) => client.messages(chat, newest).await,
        }
    }

    async fn deliveries(&self, standing: Standing, page: usize) -> Result<Deliveries, Unanswered> {
        match self {
            Self::Cloud(_) => Err(Unanswered::Odd),
            Self::UltraMsg(client) => client.deliveries(standing, page).await,
        }
    }

    async fn receipts(&self, key: &OutboxKey, page: usize) -> Result<Deliveries, Unanswered> {
        match self {
            Self::Cloud(_) => Err(Unanswered::Odd),
            Self::UltraMsg(client) => client.receipts(key, page).await,
        }
    }

    async fn backlog(&self) -> Result<Backlog, Unanswered> {
        match self {
            Self::Cloud(_) => Err(Unanswered::Odd),
            Self::UltraMsg(client) => client.backlog().await,
        }
    }
}

/// UltraMsg keeps files at addresses of others, where nothing is fetched from;
/// the phone linked to it has them too.
impl Files for Provider {
    type Pieces = Incoming;

    async fn describe(&self, media_id: &str) -> Described {
        match self {
            Self::Cloud(client) => client.describe(media_id).await,
            Self::UltraMsg(_) => Described::OnPhone,
        }
    }

    async fn fetch(&self, place: &Private<String>, from: u64) -> Fetched<Self::Pieces> {
        match self {
            Self::Cloud(client) => client.fetch(place, from).await,
            Self::UltraMsg(_) => Fetched::Stale,
        }
    }
}

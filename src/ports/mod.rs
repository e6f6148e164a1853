//! The few outside things the program is written against, as small traits.
//! There is none for the database: tests use a real SQLCipher file.

pub mod door;
mod files;
mod meter;
mod seal_error;
mod seal_report;
pub mod sealer;
mod uplink;

use crate::core::id::OutboxKey;
use crate::core::inbound::{Identity, ReceivedItem};

pub use files::{Described, Fetched, Files, Offered, Pieces};
pub use meter::Meter;

pub use crate::core::delivery::{LineFault, SendOutcome};
pub use sealer::Sealer;
pub use uplink::{Echo, Moved, Touch, Uplink};

use crate::core::outgoing::Outgoing;
use crate::core::private::Private;
use crate::core::time::{Now, UnixMs};
use std::future::Future;

/// Tells the time. Only `device::clock` reads the machine's.
pub trait Clock: Send + Sync {
    /// The instant, and whether it can be trusted.
    fn now(&self) -> Now;

    /// Notes that it is at least `known`, a stamp in a webhook whose signature
    /// held. A board without a battery may have woken up in 1970.
    fn learn(&self, known: UnixMs) {
        let _ = known;
    }

    /// Notes that the last commit was at `known`, by this box's own clock, which
    /// may have been ahead: one that is kept right now knows better.
    fn recall(&self, known: UnixMs) {
        let _ = known;
    }
}

/// Randomness. Only `device::chance` asks the kernel for it.
pub trait Chance: Send + Sync {
    /// Fills `bytes` with unpredictable bytes.
    fn fill(&self, bytes: &mut [u8]);
}

/// A message ready to leave, with everything the provider needs to know.
#[derive(Clone, Debug)]
pub struct Call {
    /// Our own name for it; travels along and comes back in statuses.
    pub key: OutboxKey,
    /// Where it goes.
    pub to: Identity,
    /// What is said.
    pub message: Outgoing,
}

/// A messaging provider.
pub trait Messenger: Send + Sync + 'static {
    /// Hands one message over. Never retries by itself.
    fn send(&self, call: &Call) -> impl Future<Output = SendOutcome> + Send;

    /// A cheap question that tells whether line and credentials work.
    fn probe(&self) -> impl Future<Output = SendOutcome> + Send;

    /// Asks what became of an earlier hand-over whose result was lost. Most
    /// providers have no way to be asked.
    fn reconcile(&self, key: &OutboxKey) -> impl Future<Output = Reconciled> + Send {
        let _ = key;
        std::future::ready(Reconciled::Cannot)
    }
}

/// What a provider says of a hand-over whose result was lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reconciled {
    /// It has no way to be asked.
    Cannot,
    /// It has the message.
    There {
        /// The provider's id of it.
        wamid: Private<String>,
        /// How many times it has it: more than once is a double.
        copies: usize,
    },
    /// It does not have it.
    Absent,
    /// It was asked, and what it says does not tell.
    Unsure,
    /// It could not be asked just now.
    NotNow,
}

/// A provider that can be asked for what its webhooks may have missed. Nothing
/// in here is stored or decided; the worker that polls does both.
pub trait History: Send + Sync + 'static {
    /// Every chat the provider knows of with one person.
    fn chats(&self) -> impl Future<Output = Result<Chats, Unanswered>> + Send;

    /// The newest messages of a chat, at most `newest`.
    fn messages(
        &self,
        chat: &Private<String>,
        newest: usize,
    ) -> impl Future<Output = Result<Page, Unanswered>> + Send;

    /// News of our own messages: one page of those that stand like this, the
    /// newest first, from page 1.
    fn deliveries(
        &self,
        standing: Standing,
        page: usize,
    ) -> impl Future<Output = Result<Deliveries, Unanswered>> + Send;

    /// News of one message of ours: one page, from page 1, of a list that holds
    /// it and may hold others, the newest first.
    fn receipts(
        &self,
        key: &OutboxKey,
        page: usize,
    ) -> impl Future<Output = Result<Deliveries, Unanswered>> + Send;

    /// How many messages the provider took and has not sent yet.
    fn backlog(&self) -> impl Future<Output = Result<Backlog, Unanswered>> + Send;
}

/// Why a question about the provider's memory came to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unanswered {
    /// No whole answer came.
    #[error("the provider gave no whole answer")]
    Lost,
    /// The provider refused it, with this code of the one table.
    #[error("the provider refused to tell (error {0})")]
    Refused(i64),
    /// The answer is longer than what is read.
    #[error("the provider's list is longer than what is read")]
    TooLong,
    /// What came back is not what was asked for.
    #[error("what came back is no list of the provider's")]
    Odd,
    /// What was told could not be stored.
    #[error("what the provider told could not be stored")]
    NotStored,
}

/// The chats of the clinic's number.
#[derive(Clone, Debug, Default)]
pub struct Chats {
    /// One for each person.
    pub list: Vec<Chat>,
    /// How large the answer was, bytes: what asking again costs.
    pub bytes: usize,
}

/// A chat with one person.
#[derive(Clone, Debug)]
pub struct Chat {
    /// The provider's name for it.
    pub id: Private<String>,
    /// The person.
    pub who: Identity,
    /// The stamp of its latest message, by either side; absent if it is not told.
    pub last: Option<UnixMs>,
}

/// The newest messages of a chat.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// What the person wrote, oldest first.
    pub told: Vec<Told>,
    /// How many messages there were in all, our own among them.
    pub messages: usize,
    /// The earliest and the latest stamp among them all, where any tells one.
    pub span: Option<(UnixMs, UnixMs)>,
    /// How large the answer was, bytes.
    pub bytes: usize,
}

/// One message out of a provider's history.
#[derive(Clone, Debug)]
pub struct Told {
    /// Its JSON as it came.
    pub raw: Private<Vec<u8>>,
    /// What it is.
    pub item: ReceivedItem,
}

/// One page of news of our own messages.
#[derive(Clone, Debug, Default)]
pub struct Deliveries {
    /// The news; a message that still waits at the provider has none.
    pub items: Vec<ReceivedItem>,
    /// Which of our own messages stand on the page, with news or without.
    pub keys: Vec<OutboxKey>,
    /// Rows of the page, whatever they hold.
    pub rows: usize,
    /// When the earliest of them was taken, by the provider's stamp, where one
    /// tells.
    pub earliest: Option<UnixMs>,
    /// How large the answer was, bytes.
    pub bytes: usize,
}

/// What waits in the provider's own queue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backlog {
    /// Messages.
    pub messages: u64,
    /// How large the answer was, bytes.
    pub bytes: usize,
}

/// How messages of ours stand at the provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// In any way.
    Any,
    /// Given up because they waited too long.
    Expired,
    /// For a number that WhatsApp does not have.
    Invalid,
    /// Tried in vain.
    Unsent,
}

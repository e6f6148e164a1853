//! What was heard of a message that stands in no queue: a test message's
//! statuses wait with those that overtook the answer to their send.

use crate::core::delivery::CODE_MISSING;
use crate::core::inbound::{ProviderError, Receipt, Status};
use crate::store::Result;
use rusqlite::Connection;

/// News of one message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct News {
    /// It left the provider.
    pub sent: bool,
    /// It reached the phone.
    pub arrived: bool,
    /// It will not arrive, and why.
    pub failed: Option<ProviderError>,
}

impl News {
    /// Whether nothing more is worth waiting for.
    pub const fn is_final(&self) -> bool {
        self.arrived || self.failed.is_some()
    }
}

/// What was heard of the message whose id hashes to this.
///
/// # Errors
/// Whatever the database reports.
pub fn news(conn: &Connection, wamid_key: &[u8; 16]) -> Result<News> {
    let mut query = conn.prepare_cached("SELECT status FROM parked_status WHERE wamid_key = ?1")?;
    let texts = query.query_map([wamid_key], |row| row.get::<_, String>(0))?;
    let mut news = News::default();
    for text in texts {
        let status: Status = serde_json::from_str(&text?)?;
        match status.receipt {
            Receipt::Sent => news.sent = true,
            Receipt::Delivered | Receipt::Read | Receipt::Played => news.arrived = true,
            Receipt::Failed => {
                let unnamed = ProviderError {
                    code: CODE_MISSING,
                    subcode: None,
                };
                news.failed = Some(status.errors.into_iter().next().unwrap_or(unnamed));
            }
        }
    }
    Ok(news)
}

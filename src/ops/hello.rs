//! A test message: it stands in no queue, and nothing keeps the number.

use super::Context;
use super::whatsapp::deed;
use crate::core::id::OutboxKey;
use crate::core::inbound::Identity;
use crate::core::outgoing::{Body, Outgoing, Purpose};
use crate::core::private::Private;
use crate::ports::{Call, Messenger, SendOutcome};
use crate::store::{Error, audit, meta, parked};
use std::time::Duration;

/// How long the statuses of a test message are waited for.
const NEWS_WAIT: Duration = Duration::from_secs(15);
/// How often it is looked for them.
const NEWS_LOOK: Duration = Duration::from_millis(250);

/// Sends the test message; how that ended, and what was heard of it since.
pub(super) async fn say(
    context: &Context,
    client: &impl Messenger,
    to: Private<String>,
) -> Result<(SendOutcome, parked::News), Error> {
    let at = context.clock.now().at;
    let mut random = [0; 10];
    context.chance.fill(&mut random);
    let call = Call {
        key: OutboxKey::new(at, random),
        to: Identity {
            phone: Some(to),
            ..Identity::default()
        },
        message: Outgoing {
            purpose: Purpose::Staff,
            body: Body::text("hello"),
        },
    };
    context
        .writer
        .run(move |conn| audit::append(conn, &deed(at, "whatsapp.test", "whatsapp")))
        .await?;
    let outcome = client.send(&call).await;
    let news = match &outcome {
        SendOutcome::Accepted { wamid } => hear_of(context, wamid).await?,
        SendOutcome::Refused { .. } | SendOutcome::NotSent(_) | SendOutcome::Unknown => {
            parked::News::default()
        }
    };
    Ok((outcome, news))
}

/// The statuses of a message that stands in no queue, as long as they come:
/// only a running service hears any.
async fn hear_of(context: &Context, wamid: &Private<String>) -> Result<parked::News, Error> {
    let key = context.readers.read(meta::load_box_key).await?;
    let hashed = key.keyed_hash(wamid.expose());
    let mut news = parked::News::default();
    if context.on_change.is_none() {
        return Ok(news);
    }
    let looks = NEWS_WAIT.as_millis() / NEWS_LOOK.as_millis().max(1);
    for _ in 0..looks {
        tokio::time::sleep(NEWS_LOOK).await;
        news = context
            .readers
            .read(move |conn| parked::news(conn, &hashed))
            .await?;
        if news.is_final() {
            break;
        }
    }
    Ok(news)
}

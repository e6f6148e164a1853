//! What messages cost this month, and the bytes of the last days.

use super::provider_wire::{UsageFacts, WireDay};
use super::{Context, Response};
use crate::config::WhatsApp;
use crate::core::time::UnixMs;
use crate::core::usage::{Quota, day, month, quota};
use crate::store::{Error, usage};
use jiff::tz::TimeZone;

/// Days of bytes that are listed.
const DAYS_LISTED: i64 = 7;

/// What this month's messages cost, and the bytes of the last days.
pub(super) async fn usage(context: &Context) -> Result<Response, Error> {
    let Some(configured) = context.configured.clone() else {
        let hint = "name the configuration with --config FILE";
        return Ok(Response::refused("this needs the configuration", hint));
    };
    let now = context.clock.now().at;
    let whatsapp = configured.whatsapp.clone();
    let zone = configured.zone.clone();
    let facts = context
        .readers
        .read(move |conn| facts(conn, &whatsapp, &zone, now))
        .await?;
    Ok(Response::Usage(facts))
}

/// The same facts, for `doctor`.
///
/// # Errors
/// Whatever the database reports.
pub(super) fn facts(
    conn: &rusqlite::Connection,
    whatsapp: &WhatsApp,
    zone: &TimeZone,
    now: UnixMs,
) -> Result<UsageFacts, Error> {
    let this = month(now, zone);
    let sums = usage::sums(conn, this.from, this.until)?;
    let free = whatsapp.free_messages_per_month;
    let service = sums.get(usage::SERVICE).copied().unwrap_or(0);
    let delivered = sums
        .iter()
        .filter_map(|(kind, count)| Some((kind.strip_prefix("delivered.")?.to_owned(), *count)))
        .collect();
    let today = day(now, 0, zone);
    let mut wire = Vec::new();
    for back in 0..DAYS_LISTED {
        let day = day(now, back, zone);
        let sums = usage::sums(conn, day.from, day.until)?;
        let of = |kind| sums.get(kind).copied().unwrap_or(0);
        wire.push(WireDay {
            sent: of(usage::SENT),
            received: of(usage::RECEIVED),
            day: day.name,
        });
    }
    Ok(UsageFacts {
        month: this.name,
        delivered,
        free,
        quota: match quota(service, free) {
            Quota::Fine => "fine",
            Quota::Low => "low",
            Quota::Used => "used",
        }
        .to_owned(),
        taken_today: usage::sum(conn, usage::ACCEPTED, today.from, today.until)?,
        daily_ceiling: whatsapp.daily_ceiling,
        wire,
    })
}

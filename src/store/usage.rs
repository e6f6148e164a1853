//! What was used: messages that arrived, by the provider's category; messages
//! the provider took; bytes on the wire. Counted by quarters of an hour, which
//! every time zone's days and months are made of, so that whoever counts needs
//! to know no zone.

use crate::core::time::{MINUTE_MS, UnixMs};
use crate::store::Result;
use rusqlite::{Connection, params};
use std::collections::BTreeMap;

/// Messages the provider took.
pub const ACCEPTED: &str = "accepted";
/// Bytes that left towards the provider.
pub const SENT: &str = "bytes.sent";
/// Bytes that came from it as answers.
pub const RECEIVED: &str = "bytes.received";
/// Messages that arrived and count against the free ones of a month.
pub const SERVICE: &str = "delivered.service";

const QUARTER_MS: i64 = 15 * MINUTE_MS;

/// The provider's categories that are counted by name.
const CATEGORIES: [(&str, &str); 5] = [
    ("service", SERVICE),
    ("utility", "delivered.utility"),
    ("marketing", "delivered.marketing"),
    ("authentication", "delivered.authentication"),
    ("referral_conversion", "delivered.referral_conversion"),
];

/// Adds to what was used at this time.
///
/// # Errors
/// Whatever the database reports.
pub fn add(conn: &Connection, at: UnixMs, kind: &'static str, by: u64) -> Result<()> {
    conn.prepare_cached(
        "INSERT INTO usage (quarter, kind, count) VALUES (?1, ?2, ?3)
         ON CONFLICT (quarter, kind) DO UPDATE SET count = count + excluded.count",
    )?
    .execute(params![
        at.0.div_euclid(QUARTER_MS),
        kind,
        i64::try_from(by).unwrap_or(i64::MAX)
    ])?;
    Ok(())
}

/// Counts a message that arrived, under the provider's own category.
///
/// # Errors
/// Whatever the database reports.
pub fn add_delivered(conn: &Connection, at: UnixMs, category: Option<&str>) -> Result<()> {
    let named = category.map(|word| {
        let known = CATEGORIES.iter().find(|(name, _)| *name == word);
        known.map_or("delivered.other", |(_, kind)| *kind)
    });
    add(conn, at, named.unwrap_or("delivered.unpriced"), 1)
}

/// What was used from one instant on and before another, by kind.
///
/// # Errors
/// Whatever the database reports.
pub fn sums(conn: &Connection, from: UnixMs, until: UnixMs) -> Result<BTreeMap<String, u64>> {
    let mut query = conn.prepare_cached(
        "SELECT kind, sum(count) FROM usage WHERE quarter >= ?1 AND quarter < ?2 GROUP BY kind",
    )?;
    let bounds = [
        from.0.div_euclid(QUARTER_MS),
        until.0.div_euclid(QUARTER_MS),
    ];
    let rows = query.query_map(bounds, |row| {
        Ok((
            row.get(0)?,
            u64::try_from(row.get::<_, i64>(1)?).unwrap_or(0),
        ))
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// One kind out of [`sums`].
///
/// # Errors
/// Whatever the database reports.
pub fn sum(conn: &Connection, kind: &str, from: UnixMs, until: UnixMs) -> Result<u64> {
    Ok(sums(conn, from, until)?.remove(kind).unwrap_or(0))
}

/// What a clock that was ahead has counted beyond `ahead` was used by `now` at the
/// latest. Messages taken then count for no day: a ceiling reached by those of
/// several would leave patients without answers.
///
/// # Errors
/// Whatever the database reports.
pub(super) fn count_back(conn: &Connection, ahead: UnixMs, now: UnixMs) -> Result<usize> {
    conn.prepare_cached(COUNT_BACK)?.execute(params![
        now.0.div_euclid(QUARTER_MS),
        ahead.0.div_euclid(QUARTER_MS),
        ACCEPTED
    ])?;
    Ok(conn
        .prepare_cached("DELETE FROM usage WHERE quarter > ?1")?
        .execute([ahead.0.div_euclid(QUARTER_MS)])?)
}

const COUNT_BACK: &str = "INSERT INTO usage (quarter, kind, count)
     SELECT ?1, kind, sum(count) FROM usage WHERE quarter > ?2 AND kind != ?3 GROUP BY kind
     ON CONFLICT (quarter, kind) DO UPDATE SET count = count + excluded.count";

/// Drops what was counted before an instant.
///
/// # Errors
/// Whatever the database reports.
pub fn drop_before(conn: &Connection, before: UnixMs) -> Result<usize> {
    Ok(conn
        .prepare_cached("DELETE FROM usage WHERE quarter < ?1")?
        .execute([before.0.div_euclid(QUARTER_MS)])?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::time::HOUR_MS;
    use crate::store::tests::{db, plan};

    #[test]
    fn what_was_used_is_summed_between_two_instants() {
        let conn = db();
        for (at, kind, by) in [(0, SENT, 5), (HOUR_MS, SENT, 7), (HOUR_MS, ACCEPTED, 1)] {
            add(&conn, UnixMs(at), kind, by).unwrap();
        }
        add(&conn, UnixMs(HOUR_MS + 1), SENT, 3).unwrap();
        for category in [Some("service"), Some("service"), Some("unheard_of"), None] {
            add_delivered(&conn, UnixMs(HOUR_MS), category).unwrap();
        }
        let hour = sums(&conn, UnixMs(HOUR_MS), UnixMs(2 * HOUR_MS)).unwrap();
        let expected = [
            (ACCEPTED, 1),
            (SENT, 10),
            ("delivered.other", 1),
            (SERVICE, 2),
            ("delivered.unpriced", 1),
        ];
        assert_eq!(hour.len(), expected.len());
        for (kind, count) in expected {
            assert_eq!(hour.get(kind), Some(&count), "{kind}");
        }
        assert_eq!(sum(&conn, SENT, UnixMs(0), UnixMs(HOUR_MS)).unwrap(), 5);
        assert_eq!(drop_before(&conn, UnixMs(HOUR_MS)).unwrap(), 1);
    }

    #[test]
    fn what_a_clock_that_was_ahead_counted_was_used_by_now() {
        let conn = db();
        let (now, ahead) = (UnixMs(HOUR_MS), UnixMs(2 * HOUR_MS));
        for at in [
            now,
            ahead,
            ahead.plus_ms(HOUR_MS),
            ahead.plus_ms(9 * HOUR_MS),
        ] {
            add(&conn, at, SENT, 5).unwrap();
            add(&conn, at, ACCEPTED, 1).unwrap();
        }
        assert_eq!(count_back(&conn, ahead, now).unwrap(), 4);
        let quarter = sums(&conn, now, now.plus_ms(QUARTER_MS)).unwrap();
        assert_eq!((quarter[SENT], quarter[ACCEPTED]), (15, 1));
        let rest = sums(&conn, now.plus_ms(QUARTER_MS), UnixMs(100 * HOUR_MS)).unwrap();
        assert_eq!(
            (rest[SENT], rest[ACCEPTED]),
            (5, 1),
            "an hour ahead is nothing"
        );
        assert_eq!(count_back(&conn, ahead, now).unwrap(), 0);
    }

    #[test]
    fn a_sum_reads_only_its_own_quarters() {
        let conn = db();
        let sql =
            "SELECT kind, sum(count) FROM usage WHERE quarter >= 1 AND quarter < 9 GROUP BY kind";
        assert!(
            plan(&conn, sql).contains("SEARCH usage"),
            "{}",
            plan(&conn, sql)
        );
    }
}

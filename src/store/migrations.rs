//! The schema's versions, built into the program and only ever moved forward.
//!
//! A migration that was released is never edited: a fixture of each release
//! must stay readable. Each writes `meta.schema` and `meta.oldest_reader`
//! itself, so that both change in the same transaction as the tables.

use crate::store::error::Error;
use crate::store::meta;
use rusqlite::Connection;
use rusqlite_migration::{M, Migrations};
use std::sync::Arc;

const STEPS: &[M<'static>] = &[
    M::up(include_str!("migrations/0001_first.sql")),
    M::up(include_str!("migrations/0002_found_by_index.sql")),
    M::up(include_str!("migrations/0003_whose_words.sql")),
    M::up(include_str!("migrations/0004_read_from_three.sql")),
    M::up(include_str!("migrations/0005_each_state_by_itself.sql")),
];

/// The newest schema this program knows: how many migrations there are.
pub const SCHEMA: i64 = STEPS.len() as i64;

/// Brings the database to the newest schema, or leaves a newer one alone when
/// that says that this program still reads it.
///
/// # Errors
/// [`Error::NewerSchema`] when the file is beyond this program.
pub fn migrate(conn: &mut Connection) -> Result<(), Error> {
    let schema = schema_of(conn)?;
    if schema > SCHEMA {
        let oldest_reader = meta::find_number(conn, "oldest_reader")?.unwrap_or(schema);
        if oldest_reader > SCHEMA {
            return Err(Error::NewerSchema {
                schema,
                ours: SCHEMA,
            });
        }
        return Ok(());
    }
    if schema == SCHEMA {
        return Ok(());
    }
    Migrations::from_slice(STEPS)
        .to_latest(conn)
        .map_err(|error| {
            if let rusqlite_migration::Error::RusqliteError { err, .. } = error {
                return err.into();
            }
            let cause = rusqlite::Error::ToSqlConversionFailure(Box::new(error));
            Error::Sql(Arc::new(cause))
        })
}

/// The file's schema: what `meta` says, or what the migrations counted. The
/// higher one holds, so that a newer program may number them apart.
fn schema_of(conn: &Connection) -> Result<i64, Error> {
    let counted: i64 = conn.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    if counted == 0 {
        return Ok(0);
    }
    let said = meta::find_number(conn, "schema")?;
    Ok(said.map_or(counted, |said| said.max(counted)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fresh() -> Connection {
        let mut conn = Connection::open_in_memory().unwrap();
        migrate(&mut conn).unwrap();
        conn
    }

    #[test]
    fn the_migrations_are_well_formed() {
        Migrations::from_slice(STEPS).validate().unwrap();
    }

    #[test]
    fn the_database_says_which_schema_it_has() {
        let conn = fresh();
        assert_eq!(meta::find_number(&conn, "schema").unwrap(), Some(SCHEMA));
        assert!(meta::find_number(&conn, "oldest_reader").unwrap() <= Some(SCHEMA));
    }

    #[test]
    fn a_program_whose_statements_name_other_indexes_does_not_open_it() {
        let oldest = meta::find_number(&fresh(), "oldest_reader").unwrap();
        assert_eq!(oldest, Some(5));
    }

    #[test]
    fn every_table_is_strict() {
        let conn = fresh();
        let loose: i64 = conn
            .query_row(
                "SELECT count(*) FROM pragma_table_list
                 WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND NOT strict",
                [],
                |row| row.get(0),
            )
            .unwrap();
        assert_eq!(loose, 0);
    }

    #[test]
    fn a_newer_schema_opens_only_if_it_says_so() {
        let mut conn = fresh();
        conn.pragma_update(None, "user_version", SCHEMA + 2)
            .unwrap();
        migrate(&mut conn).unwrap();
        meta::set(&conn, "oldest_reader", (SCHEMA + 1).to_string().as_bytes()).unwrap();
        let refused = migrate(&mut conn).unwrap_err();
        assert!(matches!(refused, Error::NewerSchema { .. }));
        assert!(refused.to_string().contains("newer version"), "{refused}");
        conn.pragma_update(None, "user_version", SCHEMA).unwrap();
        meta::set(&conn, "schema", b"99").unwrap();
        let refused = migrate(&mut conn).unwrap_err();
        assert!(refused.to_string().contains("99"), "{refused}");
    }
}

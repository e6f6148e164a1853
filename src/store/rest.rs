//! What keeps the whole number silent for hours, and outlives a restart: a pause
//! that the provider asked for, and a trial of an account that gives back what
//! it takes. Whether a pause still holds is judged by the line, never here.

use crate::core::time::UnixMs;
use crate::store::{Result, meta};
use rusqlite::Connection;

/// Under which name it is kept until when the provider asked for a pause.
const PAUSED_UNTIL: &str = "paused_until";
/// Under which name it is kept since when what is taken comes back.
const TRIAL_SINCE: &str = "trial_since";
/// Under which name it is kept which number or instance both are about.
const REST_OF: &str = "rest_of";

/// What keeps the number silent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rest {
    /// Until when the provider asked for a pause, as long as no message was
    /// taken after it.
    pub until: Option<UnixMs>,
    /// Since when what is taken comes back because of the account.
    pub trial: Option<UnixMs>,
}

/// What was kept last of this number or instance; nothing of another's.
///
/// # Errors
/// Whatever the database reports.
pub fn load(conn: &Connection, our_id: &str) -> Result<Rest> {
    // An earlier program kept what there is, and named nobody.
    let of = meta::find(conn, REST_OF)?;
    if of.is_some_and(|of| of != our_id.as_bytes()) {
        return Ok(Rest::default());
    }
    let find = |name| Ok::<_, crate::store::Error>(meta::find_number(conn, name)?.map(UnixMs));
    Ok(Rest {
        until: find(PAUSED_UNTIL)?,
        trial: find(TRIAL_SINCE)?,
    })
}

/// Keeps it in place of what was kept before, where it is something else.
///
/// # Errors
/// Whatever the database reports.
pub fn keep(conn: &Connection, our_id: &str, rest: Rest) -> Result<()> {
    let named = rest == Rest::default() || meta::find(conn, REST_OF)?.is_some();
    if named && load(conn, our_id)? == rest {
        return Ok(());
    }
    meta::set(conn, REST_OF, our_id.as_bytes())?;
    for (name, at) in [(PAUSED_UNTIL, rest.until), (TRIAL_SINCE, rest.trial)] {
        match at {
            Some(at) => meta::set(conn, name, at.0.to_string().as_bytes())?,
            None => meta::remove(conn, name)?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::tests::db;

    #[test]
    fn it_is_read_as_it_was_kept() {
        let conn = db();
        let both = Rest {
            until: Some(UnixMs(7)),
            trial: Some(UnixMs(-1)),
        };
        for rest in [
            Rest::default(),
            both,
            Rest {
                trial: None,
                ..both
            },
        ] {
            keep(&conn, "1", rest).unwrap();
            assert_eq!(load(&conn, "1").unwrap(), rest);
        }
    }

    #[test]
    fn another_number_is_not_kept_silent() {
        let conn = db();
        let rest = Rest {
            until: Some(UnixMs(7)),
            trial: None,
        };
        keep(&conn, "1", rest).unwrap();
        assert_eq!(load(&conn, "2").unwrap(), Rest::default());
        assert_eq!(load(&conn, "1").unwrap(), rest);
        keep(&conn, "2", Rest::default()).unwrap();
        assert_eq!(
            load(&conn, "1").unwrap(),
            rest,
            "nothing was to be said of it"
        );
    }
}

//! Files that patients sent, as the provider hands them out: first where a file
//! lies, then its bytes, piece by piece.

use super::LineFault;
use crate::core::private::Private;
use std::future::Future;
use std::time::Duration;

/// What the provider says of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Described {
    /// It can be fetched.
    Found(Offered),
    /// The provider has it no more.
    Gone,
    /// The provider knows no such file, or our token may not see it: it does not
    /// say which.
    Unknown,
    /// Its bytes are said to lie where the token must not be sent.
    Elsewhere,
    /// It lies on the clinic's own phone: this provider hands out no files.
    OnPhone,
    /// Not now.
    Later(Option<Duration>),
    /// The provider was not reached.
    NotReached(LineFault),
}

/// A file that can be fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offered {
    /// Where its bytes lie, for some minutes. Whoever holds the address and the
    /// token can read them.
    pub place: Private<String>,
    /// Its type.
    pub mime: Option<String>,
    /// How large it is, bytes.
    pub bytes: Option<u64>,
    /// Its digest, in the provider's writing.
    pub sha256: Option<String>,
}

/// The answer to a wish for a file's bytes.
#[derive(Debug)]
pub enum Fetched<P> {
    /// They are coming.
    Coming {
        /// From this byte on; 0 if a wish for the rest was not heard.
        from: u64,
        /// The pieces.
        pieces: P,
    },
    /// The address is no longer good: ask again where the file lies.
    Stale,
    /// The wish for the rest goes past the end: what is here is not of it.
    PastEnd,
    /// Not now.
    Later(Option<Duration>),
    /// The provider was not reached.
    NotReached(LineFault),
}

/// A file's bytes as they come.
pub trait Pieces: Send {
    /// The next ones; `Ok(None)` at the end, an error if they broke off.
    fn next(&mut self) -> impl Future<Output = Result<Option<Vec<u8>>, LineFault>> + Send;
}

/// Where patients' files are.
pub trait Files: Send + Sync + 'static {
    /// The bytes of one file.
    type Pieces: Pieces;

    /// Asks where a file lies. Never retries by itself.
    fn describe(&self, media_id: &str) -> impl Future<Output = Described> + Send;

    /// Asks for its bytes from one on. Never retries by itself.
    fn fetch(
        &self,
        place: &Private<String>,
        from: u64,
    ) -> impl Future<Output = Fetched<Self::Pieces>> + Send;
}

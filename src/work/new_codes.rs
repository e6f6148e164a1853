//! Codes of the provider's that no table of ours has: each was judged by its
//! HTTP status alone, so somebody has to hear of it. Never says more of the
//! message than the code.

use crate::core::delivery::{CODE_MISSING, is_known};
use crate::core::inbound::ProviderError;

/// Warns the technician if the code is a new one. `http` is 0 where it came in
/// a status.
pub(super) fn warn_of(error: &ProviderError, http: u16) {
    if error.code != CODE_MISSING && !is_known(error) {
        let code = error.code;
        tracing::warn!(
            code,
            http,
            "a message was refused with a code that is not known here"
        );
    }
}

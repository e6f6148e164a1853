//! Whether a service has the data folder open: somebody answers at its control
//! socket. The socket's file alone tells nothing, since a killed service leaves it.

use super::finding::{Findings, Verdict};
use crate::ops::client::Client;
use std::io;
use std::path::Path;

/// Why something was not looked at.
pub(super) const UNSEEN: &str = "the data folder is not open to this user";
/// What to do about that.
pub(super) const AS_WHOM: &str = "run healthpost doctor as the service's user, or as root";

/// Whether there is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Running {
    /// It answers.
    Yes,
    /// Nobody does.
    No,
    /// This user may not look.
    Unseen,
}

/// Asks at the socket.
pub(super) async fn look_at_service(folder: &Path, findings: &mut Findings) -> Running {
    match Client::connect(folder).await {
        Ok(_) => {
            findings.add("service", Verdict::Ok, "it is running", "");
            Running::Yes
        }
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Running::Unseen,
        Err(_) => {
            let said = "the service is not running: nobody answers patients";
            let how = "start it: systemctl start healthpost, or healthpost serve";
            findings.add("service", Verdict::Warning, said, how);
            Running::No
        }
    }
}

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
        Err(error) if !is_nobody(&error) => {
            let said = format!("nothing tells whether the service is running: {error}");
            let how = "look at it: systemctl status healthpost";
            findings.add("service", Verdict::NotChecked, &said, how);
            Running::Unseen
        }
        Err(_) => {
            let said = "the service is not running: nobody answers patients";
            let how = "start it: systemctl start healthpost, or healthpost serve";
            findings.add("service", Verdict::Warning, said, how);
            Running::No
        }
    }
}

/// Whether that is how it looks where nobody listens.
fn is_nobody(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::control::{Control, FILE};

    #[tokio::test]
    async fn only_where_nobody_listens_is_the_service_said_not_to_run() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("d".repeat(150));
        std::fs::create_dir(&folder).unwrap();
        let look = async || look_at_service(&folder, &mut Findings::default()).await;
        assert_eq!(look().await, Running::No);
        let control = Control::bind(&folder).unwrap();
        assert_eq!(look().await, Running::Yes);
        drop(control);
        let socket = folder.join(FILE);
        crate::durable::write(&socket, b"").unwrap();
        assert_eq!(look().await, Running::No);
        std::fs::remove_file(&socket).unwrap();
        std::os::unix::fs::symlink(FILE, &socket).unwrap();
        assert_eq!(look().await, Running::Unseen);
    }
}

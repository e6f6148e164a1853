//! Which folder the slots were written for. A copy of a data folder on the same
//! board shares the TPM's half of the key with the original: what is changed in
//! the copy would shut the original out. Both the path and the folder's own
//! number must differ before a folder counts as a copy: moved, renamed and put
//! back from a backup it still is the same.

use serde::{Deserialize, Serialize};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// A folder, as it can be recognised.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Home {
    path: String,
    inode: u64,
}

impl Home {
    /// The folder `at`, which is, or will be, known as `path`.
    ///
    /// # Errors
    /// When it cannot be seen.
    pub fn new(at: &Path, path: &Path) -> io::Result<Self> {
        let inode = std::fs::metadata(at)?.ino();
        let path = whole(path).display().to_string();
        Ok(Self { path, inode })
    }

    /// Whether `folder` is it, by its path or by its number.
    pub fn is(&self, folder: &Path) -> bool {
        Self::new(folder, folder).is_ok_and(|it| it.path == self.path || it.inode == self.inode)
    }

    /// Where it was, for people.
    pub fn path(&self) -> &str {
        &self.path
    }
}

/// The path from the root, links followed as far as the folder is there.
fn whole(path: &Path) -> std::path::PathBuf {
    let followed = path.canonicalize();
    followed.unwrap_or_else(|_| match (path.parent(), path.file_name()) {
        (Some(parent), Some(name)) => {
            let parent = if parent.as_os_str().is_empty() {
                Path::new(".")
            } else {
                parent
            };
            parent
                .canonicalize()
                .map_or_else(|_| path.to_owned(), |parent| parent.join(name))
        }
        (Some(_) | None, _) => path.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moved_or_put_back_it_is_the_same_and_copied_it_is_not() {
        let parent = tempfile::tempdir().unwrap();
        let at = |name: &str| parent.path().join(name);
        std::fs::create_dir(at(".data.new")).unwrap();
        let home = Home::new(&at(".data.new"), &at("data")).unwrap();
        assert!(home.path().ends_with("/data"));
        std::fs::rename(at(".data.new"), at("data")).unwrap();
        std::fs::create_dir(at("copy")).unwrap();
        assert!(home.is(&at("data")) && !home.is(&at("copy")));
        std::fs::rename(at("data"), at("moved")).unwrap();
        assert!(home.is(&at("moved")) && !home.is(&at("data")));
        std::fs::create_dir(at("data")).unwrap();
        assert!(home.is(&at("data")));
    }
}

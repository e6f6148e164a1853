//! Writing a file so that a power cut leaves the old one or the new one, never
//! half of either. It must never leave its unfinished file behind on an error
//! it can see.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Writes `path` through a file beside it: written by `fill`, flushed to the
/// disk, renamed over `path`, and the rename flushed too. Mode 0600.
///
/// # Errors
/// What `fill` says, or what the disk says; `path` is then untouched.
pub fn write<E: From<io::Error>>(
    path: &Path,
    fill: impl FnOnce(&mut File) -> Result<(), E>,
) -> Result<(), E> {
    let draft = beside(path)?;
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let mut file = options.open(&draft)?;
    let written = fill(&mut file).and_then(|()| settle(&file, &draft, path).map_err(E::from));
    if written.is_err() {
        // The reason to report is the first one; a draft that cannot be
        // removed is overwritten by the next try.
        let _ = fs::remove_file(&draft);
    }
    written
}

fn settle(file: &File, draft: &Path, path: &Path) -> io::Result<()> {
    file.sync_all()?;
    fs::rename(draft, path)?;
    sync_folder(path)
}

/// Flushes the folder that holds `path`, so that a rename in it survives.
///
/// # Errors
/// What the disk says.
pub fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(folder(path))?.sync_all()
}

fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        Some(_) | None => Path::new("."),
    }
}

fn beside(path: &Path) -> io::Result<PathBuf> {
    let name = path
        .file_name()
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "the path names no file"))?;
    let mut draft = std::ffi::OsString::from(".");
    draft.push(name);
    draft.push(".part");
    Ok(folder(path).join(draft))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn a_failed_write_leaves_the_old_file_and_no_draft() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.txt");
        write::<io::Error>(&path, |f| f.write_all(b"old")).unwrap();
        let failed = write::<io::Error>(&path, |f| {
            f.write_all(b"ne")?;
            Err(io::Error::other("power"))
        });
        assert!(failed.is_err());
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        write::<io::Error>(&path, |f| f.write_all(b"new")).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
    }
}

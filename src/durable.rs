//! Writing a small file so that a power cut leaves the old or the new one,
//! whole. Nothing else in the program writes files it means to keep.

use rustix::fs::OFlags;
use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, fchown};
use std::path::{Path, PathBuf};

/// Replaces `path` by `bytes`: a temporary file in the same folder is written
/// and synced, renamed over the old one, and the folder is synced. The file is
/// readable by its owner only, who is the folder's where root writes it.
///
/// # Errors
/// What the disk says. One whole file stands there then, the old one, or, if it
/// was the folder that could not be synced, perhaps the new one.
pub fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let (folder, _) = parts(path)?;
    write_with(path, |file| {
        give_to_owner_of(folder, file)?;
        file.write_all(bytes)
    })
}

/// Gives what root has just made in a folder to the folder's owner. A service
/// that is not root has to read what a command of root's wrote, after a power cut
/// in the middle of it too: so each file is given away before it has its name.
///
/// # Errors
/// What the disk says.
pub fn give_to_owner_of(folder: &Path, made: &File) -> io::Result<()> {
    if !rustix::process::geteuid().is_root() {
        return Ok(());
    }
    let (owner, its) = (fs::metadata(folder)?, made.metadata()?);
    if (owner.uid(), owner.gid()) == (its.uid(), its.gid()) {
        return Ok(());
    }
    fchown(made, Some(owner.uid()), Some(owner.gid()))
}

/// Makes a folder, and those above it, if it is not there. Where root makes it, it
/// goes to the owner of the folder `as_owned`.
///
/// # Errors
/// What the disk says.
pub fn make_folder(path: &Path, mode: u32, as_owned: &Path) -> io::Result<()> {
    if path.try_exists()? {
        return Ok(());
    }
    DirBuilder::new().recursive(true).mode(mode).create(path)?;
    // Whoever owns the folder above may have put something else in its place.
    let itself = OFlags::DIRECTORY | OFlags::NOFOLLOW;
    let made = OpenOptions::new()
        .read(true)
        .custom_flags(itself.bits().cast_signed())
        .open(path)?;
    give_to_owner_of(as_owned, &made)
}

/// As [`write`](fn@write), for what is too large to be held in memory, or is for
/// whoever writes it and not for the folder's owner: `fill` writes it into the
/// temporary file.
///
/// # Errors
/// What `fill` or the disk says; as for [`write`](fn@write), one whole file
/// stands there then.
pub fn write_with<E: From<io::Error>>(
    path: &Path,
    fill: impl FnOnce(&mut File) -> Result<(), E>,
) -> Result<(), E> {
    let (folder, _) = parts(path)?;
    let mut temporary = Temporary {
        path: unfinished(path)?,
        in_place: false,
    };
    write_synced(&temporary.path, fill)?;
    fs::rename(&temporary.path, path)?;
    temporary.in_place = true;
    sync_folder(folder).map_err(E::from)
}

/// Where a file is while it is being written, until it is whole.
///
/// # Errors
/// When `path` names no file.
pub fn unfinished(path: &Path) -> io::Result<PathBuf> {
    let (folder, name) = parts(path)?;
    let mut unfinished = OsString::from(".");
    unfinished.push(name);
    unfinished.push(".new");
    Ok(folder.join(unfinished))
}

/// As [`write`](fn@write), but keeps the file that was there as `NAME.old`.
///
/// # Errors
/// What the disk says, also of a file that is there and cannot be read, or is a
/// link: what cannot be kept is not replaced, and what lies elsewhere is not given
/// to the folder's owner.
pub fn write_keeping_old(path: &Path, bytes: &[u8]) -> io::Result<()> {
    match read_itself(path) {
        Ok(before) => {
            let (folder, name) = parts(path)?;
            let mut old = name.to_owned();
            old.push(".old");
            write(&folder.join(old), &before)?;
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    write(path, bytes)
}

/// What a file holds, and not what it links to.
fn read_itself(path: &Path) -> io::Result<Vec<u8>> {
    let mut file = OpenOptions::new()
        .read(true)
        .custom_flags(OFlags::NOFOLLOW.bits().cast_signed())
        .open(path)?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Makes renames and removals in `folder` survive a power cut.
///
/// # Errors
/// What the disk says.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Makes the name of `path` itself survive a power cut, in the folder it is in.
///
/// # Errors
/// What the disk says.
pub fn sync_name(path: &Path) -> io::Result<()> {
    let (folder, _) = parts(path)?;
    sync_folder(folder)
}

/// A file that is gone with whoever writes it, unless it was put in place.
struct Temporary {
    path: PathBuf,
    in_place: bool,
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if !self.in_place {
            // Best effort: the next write replaces a leftover in any case.
            drop(fs::remove_file(&self.path));
        }
    }
}

fn parts(path: &Path) -> io::Result<(&Path, &std::ffi::OsStr)> {
    let name = path
        .file_name()
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "a file needs a name"))?;
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        Some(_) | None => Path::new("."),
    };
    Ok((folder, name))
}

fn write_synced<E: From<io::Error>>(
    path: &Path,
    fill: impl FnOnce(&mut File) -> Result<(), E>,
) -> Result<(), E> {
    // A leftover of an earlier power cut may have other permissions or be a link.
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
        Ok(()) | Err(_) => {}
    }
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    fill(&mut file)?;
    file.sync_all().map_err(E::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_file_is_replaced_whole_and_private() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("slots.json");
        write(&path, b"one").unwrap();
        write(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_name_without_a_folder_is_in_the_one_we_are_in() {
        let (folder, name) = parts(Path::new("data")).unwrap();
        assert_eq!((folder, name), (Path::new("."), "data".as_ref()));
        sync_name(Path::new("data")).unwrap();
        assert!(sync_name(Path::new("/")).is_err());
    }

    #[test]
    fn a_leftover_of_a_power_cut_is_no_obstacle() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("slots.json");
        write(&folder.path().join(".slots.json.new"), b"torn").unwrap();
        write(&path, b"whole").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"whole");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn the_old_file_is_kept_when_asked() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("slots.json");
        write_keeping_old(&path, b"one").unwrap();
        write_keeping_old(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(
            fs::read(folder.path().join("slots.json.old")).unwrap(),
            b"one"
        );
    }

    #[test]
    fn what_a_link_leads_to_is_not_copied_into_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("leaf.key");
        let elsewhere = folder.path().join("elsewhere");
        write(&elsewhere, b"a secret").unwrap();
        std::os::unix::fs::symlink(&elsewhere, &path).unwrap();
        assert!(write_keeping_old(&path, b"two").is_err());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
        assert_eq!(fs::read(&elsewhere).unwrap(), b"a secret");
    }

    #[test]
    fn a_missing_folder_is_an_error_and_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        assert!(write(&folder.path().join("none/slots.json"), b"x").is_err());
        assert!(write(Path::new("/"), b"x").is_err());
    }
}

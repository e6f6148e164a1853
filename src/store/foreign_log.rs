//! Whether the write-ahead log beside a database was written for it.
//!
//! SQLite believes any log that lies there: one of an older key, put back by
//! hand, would be copied page by page over the file, and be its end. So its
//! first page is checked against the key before SQLite sees it. Nothing is ever
//! changed in here.

use crate::core::data_key::DataKey;
use crate::store::error::Error;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha512;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use zeroize::Zeroizing;

/// SQLCipher 4's page.
pub(super) const PAGE: usize = 4096;
/// Its salt, at the start of the first page.
const SALT: usize = 16;
/// At the end of each page: HMAC-SHA-512 over what is before it and the number.
const TAG: usize = 64;
/// The log's own head, and the one of each page in it.
const LOG_HEAD: usize = 32;
const FRAME_HEAD: usize = 24;
/// First word of a log whose checksums are of little-endian words, or of
/// big-endian ones.
const LITTLE: u32 = 0x377F_0682;
const BIG: u32 = 0x377F_0683;

/// The databases that were looked at, for as long as they have a name: of a folder
/// one, or while its key is changed two.
static LOOKED_AT: Mutex<Vec<File>> = Mutex::new(Vec::new());

/// Refuses a log that is not the file's own.
///
/// # Errors
/// [`Error::ForeignLog`]; [`Error::WrongKey`] when the key opens neither, so that
/// SQLite does not get to copy one over the other; or what the disk says.
pub(super) fn refuse(file: &Path, key: &DataKey) -> Result<(), Error> {
    let mut log = file.as_os_str().to_owned();
    log.push("-wal");
    let Some(log) = head_of_log(Path::new(&log))? else {
        return Ok(());
    };
    let Some((number, logged)) = first_page(&log) else {
        // SQLite does not believe it either.
        return Ok(());
    };
    let Some(first) = first_page_of(file)? else {
        return Ok(());
    };
    let Some(tags) = Tags::new(key, &first) else {
        return Ok(());
    };
    if tags.hold(logged, number) {
        Ok(())
    } else if tags.hold(first.get(SALT..).unwrap_or_default(), 1) {
        Err(Error::ForeignLog)
    } else {
        Err(Error::WrongKey)
    }
}

/// The log as far as its first page; `None` if it is shorter or not there.
fn head_of_log(path: &Path) -> Result<Option<Vec<u8>>, Error> {
    let mut head = vec![0; LOG_HEAD + FRAME_HEAD + PAGE];
    let read = File::open(path).and_then(|mut log| log.read_exact(&mut head));
    whole(read.map(|()| head))
}

/// The database's first page; `None` if it is shorter or not there.
fn first_page_of(path: &Path) -> Result<Option<Vec<u8>>, Error> {
    let mut page = vec![0; PAGE];
    let read = look_at(path, |file| file.read_exact_at(&mut page, 0));
    whole(read.map(|()| page))
}

/// Looks at a database through the one descriptor that is kept of it.
fn look_at<T>(path: &Path, look: impl FnOnce(&File) -> io::Result<T>) -> io::Result<T> {
    let mut kept = LOOKED_AT.lock().unwrap_or_else(PoisonError::into_inner);
    // Nobody else can open it any more, and its room is wanted.
    kept.retain(|file| file.metadata().is_ok_and(|facts| facts.nlink() > 0));
    let there = fs::metadata(path)?;
    let is_it = |file: &&File| {
        file.metadata()
            .is_ok_and(|facts| (facts.dev(), facts.ino()) == (there.dev(), there.ino()))
    };
    if let Some(file) = kept.iter().find(is_it) {
        return look(file);
    }
    let file = File::open(path)?;
    let seen = look(&file);
    kept.push(file);
    seen
}

fn whole(read: io::Result<Vec<u8>>) -> Result<Option<Vec<u8>>, Error> {
    let is_none = |kind| matches!(kind, io::ErrorKind::NotFound | io::ErrorKind::UnexpectedEof);
    match read {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if is_none(error.kind()) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The log's first page without its salt, and its number, if SQLite would
/// believe it: salts and checksums fit, as after a torn write they do not.
fn first_page(log: &[u8]) -> Option<(u32, &[u8])> {
    let (head, frame) = log.split_at_checked(LOG_HEAD)?;
    let (frame_head, page) = frame.split_at_checked(FRAME_HEAD)?;
    let word = |bytes: &[u8], place: usize| -> Option<u32> {
        let word = bytes.get(place..place + 4)?;
        Some(u32::from_be_bytes(word.try_into().ok()?))
    };
    let big = match word(head, 0)? {
        BIG => true,
        LITTLE => false,
        _ => return None,
    };
    let sums = |at: &[u8], place| Some((word(at, place)?, word(at, place + 4)?));
    let begun = add(big, (0, 0), head.get(..24)?);
    let of_frame = add(big, begun, frame_head.get(..8)?);
    let believed = usize::try_from(word(head, 8)?) == Ok(PAGE)
        && begun == sums(head, 24)?
        && head.get(16..24) == frame_head.get(8..16)
        && add(big, of_frame, page) == sums(frame_head, 16)?;
    let number = word(frame_head, 0)?;
    let page = if number == 1 { page.get(SALT..)? } else { page };
    believed.then_some((number, page))
}

/// SQLite's checksum of a log, going on from `sums`.
fn add(big: bool, mut sums: (u32, u32), bytes: &[u8]) -> (u32, u32) {
    for pair in bytes.as_chunks::<8>().0 {
        let [a, b, c, d, e, f, g, h] = *pair;
        let words = [[a, b, c, d], [e, f, g, h]];
        let [first, second] = words.map(|word| {
            if big {
                u32::from_be_bytes(word)
            } else {
                u32::from_le_bytes(word)
            }
        });
        sums.0 = sums.0.wrapping_add(first).wrapping_add(sums.1);
        sums.1 = sums.1.wrapping_add(second).wrapping_add(sums.0);
    }
    sums
}

/// The key of the pages' tags: PBKDF2-HMAC-SHA-512 of the raw key, two rounds,
/// under the file's salt with each byte turned by 0x3a.
struct Tags(Zeroizing<[u8; 32]>);

impl Tags {
    fn new(key: &DataKey, first: &[u8]) -> Option<Self> {
        let salt: Vec<u8> = first.get(..SALT)?.iter().map(|byte| byte ^ 0x3A).collect();
        let one = mac(key.expose(), &[&salt, &1_u32.to_be_bytes()]);
        let two = mac(key.expose(), &[one.as_slice()]);
        let mut derived = Zeroizing::new([0; 32]);
        for ((to, one), two) in derived.iter_mut().zip(one.iter()).zip(two.iter()) {
            *to = one ^ two;
        }
        Some(Self(derived))
    }

    /// Whether a page, without the salt, is one of the key's.
    fn hold(&self, page: &[u8], number: u32) -> bool {
        let Some(place) = page.len().checked_sub(TAG) else {
            return false;
        };
        let (body, tag) = page.split_at(place);
        mac(self.0.as_slice(), &[body, &number.to_le_bytes()]).as_slice() == tag
    }
}

fn mac(key: &[u8], parts: &[&[u8]]) -> Zeroizing<[u8; TAG]> {
    let mut mac = Hmac::<Sha512>::new_from_slice(key).expect("HMAC takes keys of any length");
    for part in parts {
        mac.update(part);
    }
    Zeroizing::new(mac.finalize().into_bytes().into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{BoxKey, meta, open};

    #[test]
    fn one_descriptor_is_kept_of_a_database_and_none_of_one_that_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let key = DataKey::take(&mut [1; 32]);
        open::create(folder.path(), &key, &BoxKey::new([2; 32])).unwrap();
        let file = open::path(folder.path());
        let number = fs::metadata(&file).unwrap().ino();
        let kept = || {
            let kept = LOOKED_AT.lock().unwrap();
            let number_of = |file: &File| file.metadata().unwrap().ino();
            kept.iter().filter(|file| number_of(file) == number).count()
        };
        for _ in 0..3 {
            open::open(folder.path(), &key).unwrap().close().unwrap();
            first_page_of(&file).unwrap();
        }
        assert_eq!(kept(), 1);
        fs::remove_file(&file).unwrap();
        assert!(first_page_of(&file).unwrap().is_none());
        assert_eq!(kept(), 0);
    }

    #[test]
    fn a_files_own_log_is_believed_and_a_torn_one_left_to_sqlite() {
        let folder = tempfile::tempdir().unwrap();
        let key = DataKey::take(&mut [1; 32]);
        open::create(folder.path(), &key, &BoxKey::new([2; 32])).unwrap();
        let conn = open::open(folder.path(), &key).unwrap();
        meta::set(&conn, "kept", b"yes").unwrap();
        let file = open::path(folder.path());
        refuse(&file, &key).unwrap();
        let other = DataKey::take(&mut [3; 32]);
        assert!(matches!(refuse(&file, &other), Err(Error::WrongKey)));
        let log = open::beside(folder.path(), open::FILE, "-wal");
        let whole = std::fs::read(&log).unwrap();
        assert!(first_page(&whole[..LOG_HEAD + FRAME_HEAD + PAGE]).is_some());
        // One flipped bit anywhere in it, and SQLite does not read it.
        for place in (0..LOG_HEAD + FRAME_HEAD + PAGE).step_by(7) {
            let mut torn = whole[..LOG_HEAD + FRAME_HEAD + PAGE].to_vec();
            torn[place] ^= 1;
            // The numbers of a checkpoint and of the format stand in the head
            // and are covered; nothing is outside the checksums.
            assert!(first_page(&torn).is_none(), "byte {place}");
        }
    }
}

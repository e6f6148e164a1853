//! What the system shows of a running process: its memory, its open files, its
//! surroundings.

use super::canaries::Canaries;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

/// Most bytes of one piece of memory that are read at once.
const PIECE: u64 = 16 * 1024 * 1024;

/// Searches all of a process's memory that can be written; tells how many bytes
/// there were.
///
/// # Errors
/// When the system does not let us.
pub fn search(id: u32, canaries: &Canaries) -> io::Result<(u64, Vec<String>)> {
    let memory = File::open(format!("/proc/{id}/mem"))?;
    let (mut looked_at, mut found) = (0, Vec::new());
    for line in fs::read_to_string(format!("/proc/{id}/maps"))?.lines() {
        let mut words = line.split_whitespace();
        let (Some(range), Some(mode)) = (words.next(), words.next()) else {
            continue;
        };
        let Some((from, to)) = range.split_once('-').filter(|_| mode.starts_with("rw")) else {
            continue;
        };
        let number = |text| u64::from_str_radix(text, 16).unwrap();
        let (mut from, to) = (number(from), number(to));
        while from < to {
            let mut piece = vec![0; usize::try_from(PIECE.min(to - from)).unwrap()];
            // Reserved and never used: nothing to read.
            if memory.read_exact_at(&mut piece, from).is_ok() {
                looked_at += piece.len() as u64;
                let place = words.clone().last().unwrap_or("");
                let here = canaries.find(&piece);
                found.extend(
                    here.into_iter()
                        .map(|what| format!("memory {place}: {what}")),
                );
            }
            from += piece.len() as u64;
        }
    }
    Ok((looked_at, found))
}

/// The regular files a process has open, those that were deleted too.
///
/// # Errors
/// When the system does not let us.
pub fn open_files(id: u32) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(format!("/proc/{id}/fd"))? {
        let path = entry?.path();
        if fs::metadata(&path).is_ok_and(|facts| facts.is_file()) {
            files.push(path);
        }
    }
    Ok(files)
}

/// A number of `/proc/ID/status`, in KiB.
pub fn status_kib(id: u32, name: &str) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with(name))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

//! Lines off the control socket, which may hold passphrases: read into one
//! buffer that never grows, because growing leaves a copy behind, and that is
//! wiped.

use std::io;
use tokio::io::{AsyncRead, AsyncReadExt};
use zeroize::{Zeroize, Zeroizing};

/// What comes in, cut at its newlines.
pub(super) struct Lines<R> {
    from: R,
    buffer: Zeroizing<Vec<u8>>,
    filled: usize,
}

impl<R: AsyncRead + Unpin> Lines<R> {
    /// Lines of at most `bound` bytes.
    pub(super) fn new(from: R, bound: usize) -> Self {
        Self {
            from,
            buffer: Zeroizing::new(vec![0; bound]),
            filled: 0,
        }
    }

    /// The next line with its newline; `None` at the end, or when it is too long.
    /// Nothing is lost when the wait is given up.
    ///
    /// # Errors
    /// What the socket says.
    pub(super) async fn next(&mut self) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
        loop {
            let read = self.buffer.get(..self.filled).unwrap_or_default();
            if let Some(end) = read.iter().position(|byte| *byte == b'\n') {
                return Ok(Some(self.take(end + 1)));
            }
            let room = self.buffer.get_mut(self.filled..).unwrap_or_default();
            if room.is_empty() {
                return Ok(None);
            }
            match self.from.read(room).await? {
                0 => return Ok(None),
                some => self.filled += some,
            }
        }
    }

    fn take(&mut self, bytes: usize) -> Zeroizing<Vec<u8>> {
        let line = self.buffer.get(..bytes).unwrap_or_default();
        let line = Zeroizing::new(line.to_vec());
        self.buffer.copy_within(bytes..self.filled, 0);
        let left = self.filled.saturating_sub(bytes);
        if let Some(used) = self.buffer.get_mut(left..self.filled) {
            used.zeroize();
        }
        self.filled = left;
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn lines_come_one_by_one_and_nothing_of_them_stays() {
        let mut lines = Lines::new(&b"one\ntwo\nthe rest"[..], 32);
        assert_eq!(lines.next().await.unwrap().unwrap().as_slice(), b"one\n");
        assert_eq!(lines.next().await.unwrap().unwrap().as_slice(), b"two\n");
        assert!(lines.next().await.unwrap().is_none());
        let left = lines.buffer.iter().filter(|byte| **byte != 0).count();
        assert_eq!(left, b"the rest".len());
    }

    #[tokio::test]
    async fn a_line_that_is_too_long_ends_the_talk() {
        let mut lines = Lines::new(&b"123456789\n"[..], 8);
        assert!(lines.next().await.unwrap().is_none());
    }
}

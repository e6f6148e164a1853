//! Faults of a flow file: where they are and what to do about them.
//!
//! Never a guess at what was meant beyond the nearest known name.

use std::ops::Range;

/// One fault of a flow file and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
#[error("line {line}: {message}")]
pub struct FlowFault {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong and what to do.
    pub message: String,
}

/// Collects faults while a file is read.
pub(super) struct Faults<'a> {
    source: &'a str,
    /// Where in the source, and what.
    found: Vec<(usize, String)>,
}

impl<'a> Faults<'a> {
    pub(super) const fn new(source: &'a str) -> Self {
        Self {
            source,
            found: Vec::new(),
        }
    }

    /// Notes a fault at a place of the file.
    pub(super) fn note(&mut self, at: &Range<usize>, message: impl Into<String>) {
        self.found.push((at.start, message.into()));
    }

    /// As [`Self::note`], at the first `words` within a place of many lines.
    pub(super) fn note_within(
        &mut self,
        at: &Range<usize>,
        words: &str,
        message: impl Into<String>,
    ) {
        let within = self.source.get(at.clone());
        let offset = within.and_then(|text| text.find(words)).unwrap_or(0);
        self.found.push((at.start + offset, message.into()));
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// All of them, by line. The lines are counted once for all of them: a
    /// broken file has many faults.
    pub(super) fn into_sorted(mut self) -> Vec<FlowFault> {
        self.found.sort();
        let mut rest = self.source.as_bytes();
        let (mut line, mut counted) = (1, 0);
        let mut faults: Vec<FlowFault> = Vec::with_capacity(self.found.len());
        for (at, message) in self.found {
            let (before, after) = rest
                .split_at_checked(at.saturating_sub(counted))
                .unwrap_or((rest, &[]));
            line += before.iter().filter(|byte| **byte == b'\n').count();
            (rest, counted) = (after, at);
            faults.push(FlowFault { line, message });
        }
        faults.sort();
        faults.dedup();
        faults
    }
}

/// ` (did you mean "x"?)`, if a known name is near.
pub(super) fn nearest<'k>(unknown: &str, known: impl Iterator<Item = &'k str>) -> String {
    // Distances of very long names would only cost time.
    if unknown.len() > 64 {
        return String::new();
    }
    known
        .map(|name| (strsim::damerau_levenshtein(unknown, name), name))
        .filter(|(distance, name)| *distance <= 1 + name.len() / 4)
        .min()
        .map_or_else(String::new, |(_, name)| {
            format!(" (did you mean \"{name}\"?)")
        })
}

//! The stretches in which the line carried, and the cuts between them, as the
//! sender needs them: a line that has just come back is heard first.

use crate::core::time::UnixMs;
use crate::work::line::LineState;

/// How long a box that has just started counts as cut off, ms.
const AWAY_AT_START_MS: i64 = 20_000;

/// Since when the line carries, and for how long it was cut before.
pub(super) struct Stretch {
    /// Since when it carries, if it does.
    pub(super) up_since: Option<UnixMs>,
    cut_since: Option<UnixMs>,
    /// For how long it was cut before that, ms.
    pub(super) away_ms: i64,
}

impl Stretch {
    /// Nobody knows how long a box was off that has just started: what waits at
    /// the other end is given a moment.
    pub(super) const fn at_start(now: UnixMs) -> Self {
        Self {
            up_since: None,
            cut_since: Some(now.plus_ms(-AWAY_AT_START_MS)),
            away_ms: 0,
        }
    }

    /// Takes in how the line stands. A pause that the provider asked for is no outage.
    pub(super) fn see(&mut self, state: LineState, now: UnixMs) {
        if !state.carries(now) {
            self.up_since = None;
            if state.is_cut() {
                self.cut_since.get_or_insert(now);
            }
        } else if self.up_since.is_none() {
            self.up_since = Some(now);
            self.away_ms = self.cut_since.take().map_or(0, |since| now.ms_since(since));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_cut_counts_as_an_outage() {
        let mut stretch = Stretch::at_start(UnixMs(100_000));
        stretch.see(LineState::Up, UnixMs(100_001));
        assert_eq!(stretch.away_ms, 20_001);
        stretch.see(LineState::Paused(UnixMs(103_000)), UnixMs(101_000));
        assert_eq!(stretch.up_since, None);
        stretch.see(LineState::Up, UnixMs(103_000));
        assert_eq!(
            (stretch.up_since, stretch.away_ms),
            (Some(UnixMs(103_000)), 0)
        );
        stretch.see(LineState::Down, UnixMs(104_000));
        stretch.see(LineState::Portal, UnixMs(105_000));
        stretch.see(LineState::Up, UnixMs(164_000));
        assert_eq!(stretch.away_ms, 60_000);
    }
}

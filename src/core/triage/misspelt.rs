//! Listed words by what letters left out leave of them. It is by far the
//! largest table of the word lists, and so the plainest: sorted pairs, and
//! where each range of hashes begins.

/// The leading bits of a hash that name its range: a few dozen pairs are in one.
const RANGE_BITS: u32 = 13;

/// The table. It is closed once all is added, and only then asked.
#[derive(Default)]
pub(super) struct Misspelt {
    /// Hashes and the terms they may stand for.
    pairs: Vec<(u32, u16)>,
    /// Where each range begins, and the end of the last.
    starts: Vec<u32>,
}

impl Misspelt {
    /// Adds a term under a hash.
    pub(super) fn add(&mut self, hash: u32, term: u16) {
        self.pairs.push((hash, term));
    }

    /// Brings everything into its order.
    pub(super) fn close(&mut self) {
        self.pairs.sort_unstable();
        self.pairs.dedup();
        self.pairs.shrink_to_fit();
        let mut begun = 0;
        self.starts = (0..=1_usize << RANGE_BITS)
            .map(|range| {
                let ahead = self.pairs.get(begun..).unwrap_or_default();
                begun += ahead.partition_point(|(hash, _)| range_of(*hash) < range);
                u32::try_from(begun).unwrap_or(u32::MAX)
            })
            .collect();
    }

    /// The terms under a hash.
    pub(super) fn with(&self, hash: u32) -> impl Iterator<Item = u16> {
        let range = range_of(hash);
        let start = |range: usize| self.starts.get(range).map_or(0, |at| *at as usize);
        let near = self.pairs.get(start(range)..start(range + 1));
        let near = near.unwrap_or_default();
        let first = near.partition_point(|(other, _)| *other < hash);
        let same = near.iter().skip(first);
        same.take_while(move |(other, _)| *other == hash)
            .map(|(_, term)| *term)
    }
}

const fn range_of(hash: u32) -> usize {
    (hash >> (u32::BITS - RANGE_BITS)) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_term_is_found_under_its_hash_and_no_other(
            added in prop::collection::vec((any::<u32>(), 0_u16..9), 0..200),
            other: u32,
        ) {
            let mut table = Misspelt::default();
            let width = 1 << (u32::BITS - RANGE_BITS);
            let edges = [0, width - 1, width, u32::MAX].map(|hash| (hash, 1));
            let all = [added, edges.to_vec()].concat();
            for (hash, term) in &all {
                table.add(*hash, *term);
            }
            table.close();
            for hash in all.iter().map(|(hash, _)| *hash).chain([other]) {
                let mut want: Vec<u16> = all
                    .iter()
                    .filter(|(added, _)| *added == hash)
                    .map(|(_, term)| *term)
                    .collect();
                want.sort_unstable();
                want.dedup();
                prop_assert_eq!(table.with(hash).collect::<Vec<_>>(), want);
            }
        }
    }
}

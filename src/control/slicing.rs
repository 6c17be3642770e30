//! Owns into which slices a range is cut: how many rows of each page every slice takes, from what the pages look like. Pure.
//! Must not pace: how long a range is belongs to `pace`.
//!
//! The first slice moves its rows elsewhere and leaves their room behind; each later one should take just as many as find
//! room on their own page, where no index is touched. Rows grow by what is filled in, so that each slice leaves less room
//! than it took: the slices get smaller. Cut evenly, a fifth of the rows moves; cut so, an eighth (measured: 1,000,000 rows of
//! 170 bytes and four indexes, table ×1.13 instead of ×1.22, indexes ×1.00 instead of ×1.10).

/// A run of fewer blocks is filled in one pass: there is nothing worth saving.
const SMALL_BLOCKS: u64 = 64;

/// More slices save nothing that a simulation or a measurement would show.
const MOST: usize = 24;

/// Rows that a slice should have: those of fewer pay little else than their transaction.
const LEAST_ROWS: f64 = 32.0;

/// Bytes of a page behind its header, of its size.
const PAGE: f64 = 8192.0 - 24.0;
/// A line pointer: it stays where the row was, as a redirection or dead, until a VACUUM.
const LINE_POINTER: f64 = 4.0;
/// What a row has before its columns, rounded up to where they may begin.
const ROW_HEADER: f64 = 24.0;
/// Rows begin at multiples of this.
const ALIGNED: f64 = 8.0;
/// A page has no more line pointers (`MaxHeapTuplesPerPage`).
const MOST_LINES: f64 = 291.0;
/// A new index page is left so empty. One slice that moves more than that of rows which are neighbours in an index splits its
/// pages, which grows it for good; what the next slice moves can take the place of entries that are dead by then (measured:
/// indexes ×1.40 after a first slice of 7 rows of 49, ×1.00 after one of 5).
const INDEX_ROOM: f64 = 0.105;
/// The statistics know a row's bytes but not its padding. Room that is less than this share of the page counts as none: slices
/// that rely on room which is not there move all that finds none.
const SURE_ROOM: f64 = 0.1;

/// What the pages of a range look like, as far as it is known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pages {
    /// How many the range has.
    pub blocks: u64,
    /// Rows a page.
    pub rows: f64,
    /// Bytes of a row's columns; `None`: pages count as full.
    pub width: Option<f64>,
    /// Bytes that filling adds to a row, padding included.
    pub growth: f64,
    pub indexes: u32,
}

/// The share of a page's rows that is filled when each slice has ended: rising, the last one 1.
pub fn slices(pages: &Pages) -> Vec<f64> {
    let rows = pages.rows.round();
    let most = MOST.min((pages.rows * pages.blocks as f64 / LEAST_ROWS) as usize);
    if rows < 2.0 || most < 2 || !rows.is_finite() {
        return vec![1.0];
    }
    let page = Page::of(pages);
    let firsts = 1..=rows as u32;
    let best = firsts
        .flat_map(|first| (1..=most).map(move |most| (first, most)))
        .map(|(first, most)| page.cut(f64::from(first), most))
        .min_by(|a, b| page.cost(a, pages.indexes).total_cmp(&page.cost(b, pages.indexes)))
        .expect("a page has rows");
    let mut filled = 0.0;
    let mut shares: Vec<f64> = best
        .sizes
        .iter()
        .map(|size| {
            filled += size;
            filled / rows
        })
        .collect();
    *shares.last_mut().expect("a page has rows") = 1.0;
    shares
}

/// Whether slicing may be worth anything in a run of so many blocks.
pub fn is_worthwhile(blocks: u64) -> bool {
    blocks >= SMALL_BLOCKS
}

/// Below which line of its page a row belongs to the slices so far, one bound a slice but for the last, which takes what is
/// left. `lines`: how many rows were seen at each line, in order. Slices without a row are left out.
pub fn bounds(shares: &[f64], lines: &[(u16, u64)]) -> Vec<u16> {
    let all = lines.iter().map(|(_, rows)| rows).sum::<u64>() as f64;
    let mut bounds: Vec<u16> = Vec::new();
    let Some((_, before_last)) = shares.split_last() else { return bounds };
    for share in before_last {
        let mut below = 0.0;
        // The first line at which as many rows are below as this share asks for, give or take half a line's.
        let bound = lines.iter().find_map(|(line, rows)| {
            let enough = below + *rows as f64 / 2.0 > share * all;
            below += *rows as f64;
            enough.then_some(*line)
        });
        let Some(bound) = bound else { break };
        let first = lines.first().map_or(0, |(line, _)| *line);
        if bound > bounds.last().copied().unwrap_or(first) {
            bounds.push(bound);
        }
    }
    bounds
}

/// One page, in bytes.
struct Page {
    rows: f64,
    old: f64,
    new: f64,
    free: f64,
}

/// A way of cutting it.
struct Cut {
    sizes: Vec<f64>,
    moved: f64,
    /// Of them, those that no index has room for.
    splitting: f64,
}

impl Page {
    fn of(pages: &Pages) -> Page {
        let rows = pages.rows.round();
        let aligned = |bytes: f64| (bytes / ALIGNED).ceil() * ALIGNED;
        let full = PAGE / rows - LINE_POINTER;
        let old = pages.width.map_or(full, |width| aligned(ROW_HEADER + width.max(0.0)).min(full));
        let old = if rows * (full - old) < SURE_ROOM * PAGE { full } else { old };
        Page {
            rows,
            old,
            new: old + pages.growth.max(1.0) + LINE_POINTER,
            free: PAGE - rows * (old + LINE_POINTER),
        }
    }

    /// Rows that find room, of so many, and so many line pointers.
    fn staying(&self, wanted: f64, free: f64, stayed: f64) -> f64 {
        let lines = (MOST_LINES - self.rows - stayed).max(0.0);
        wanted.min((free / self.new).floor().max(0.0)).min(lines)
    }

    /// With a first slice of so many rows, then as many as find room, or as must be to end after so many slices.
    fn cut(&self, first: f64, most: usize) -> Cut {
        let mut cut = Cut { sizes: Vec::new(), moved: 0.0, splitting: 0.0 };
        let (mut left, mut free, mut stayed) = (self.rows, self.free, 0.0);
        while left > 0.0 {
            let room = self.staying(left, free, stayed);
            let even = (left / most.saturating_sub(cut.sizes.len()).max(1) as f64).ceil();
            let size = if cut.sizes.is_empty() { first } else { even }.max(room).min(left);
            let stays = self.staying(size, free, stayed);
            cut.moved += size - stays;
            cut.splitting += (size - stays - INDEX_ROOM * self.rows).max(0.0);
            stayed += stays;
            free += size * self.old - stays * self.new;
            left -= size;
            cut.sizes.push(size);
        }
        cut
    }

    /// About what it costs in µs, as measured: a row that moves has an entry made in each index; a slice reads all of the page.
    fn cost(&self, cut: &Cut, indexes: u32) -> f64 {
        let indexes = f64::from(indexes);
        cut.moved * (3.0 + 2.0 * indexes)
            + cut.splitting * 20.0 * indexes
            + cut.sizes.len() as f64 * (1.0 + self.rows / 30.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const USUAL: Pages = Pages { blocks: 500, rows: 49.0, width: Some(132.0), growth: 16.0, indexes: 4 };

    fn rows_a_slice(pages: &Pages) -> Vec<u32> {
        let mut before = 0.0;
        slices(pages)
            .into_iter()
            .map(|share| ((share - std::mem::replace(&mut before, share)) * pages.rows).round() as u32)
            .collect()
    }

    #[test]
    fn few_rows_move_and_no_slice_splits_indexes() {
        let seen = rows_a_slice(&USUAL);
        assert_eq!(seen.iter().sum::<u32>(), 49);
        assert!(seen[0] == 5 && seen[seen.len() - 1] <= 2 && seen.len() >= 14, "{seen:?}");
        // Without indexes to spare there is less to win.
        let bare = rows_a_slice(&Pages { indexes: 0, ..USUAL });
        assert!(bare.len() < seen.len() && bare[0] > 5, "{bare:?}");
        assert!(rows_a_slice(&Pages { indexes: 12, ..USUAL }).len() >= seen.len());
    }

    #[test]
    fn pages_that_have_room_need_fewer() {
        let half = Pages { rows: 20.0, ..USUAL };
        assert_eq!(rows_a_slice(&half), [20]);
        let some = rows_a_slice(&Pages { rows: 40.0, ..USUAL });
        assert!(some.len() < 12 && some[0] >= 7, "{some:?}");
        // What may be padding is not room.
        assert_eq!(slices(&Pages { width: Some(125.0), ..USUAL }), slices(&Pages { width: None, ..USUAL }));
        // Nothing is known of the width: they count as full.
        assert!(slices(&Pages { rows: 24.0, width: None, ..USUAL }).len() > 6);
    }

    #[test]
    fn wide_and_narrow_rows() {
        assert_eq!(
            rows_a_slice(&Pages { rows: 5.0, width: Some(1560.0), blocks: 400, ..USUAL }),
            [1, 1, 1, 1, 1]
        );
        // 185 line pointers of 291 are taken: most of the rows move however they are cut.
        let narrow = Pages { rows: 185.0, width: Some(16.0), indexes: 1, ..USUAL };
        let page = Page::of(&narrow);
        assert!((1..=24).all(|most| page.cut(16.0, most).moved >= 72.0));
        assert!(rows_a_slice(&narrow)[0] <= 20, "{:?}", rows_a_slice(&narrow));
    }

    #[test]
    fn little_to_fill_is_filled_at_once() {
        assert_eq!(slices(&Pages { blocks: 1, ..USUAL }), [1.0]);
        assert_eq!(slices(&Pages { rows: 1.0, ..USUAL }), [1.0]);
        assert_eq!(slices(&Pages { rows: 0.0, ..USUAL }), [1.0]);
        assert_eq!(slices(&Pages { rows: f64::NAN, ..USUAL }), [1.0]);
        assert!(slices(&Pages { blocks: 16, ..USUAL }).len() <= 16 * 49 / 32);
        assert!(!is_worthwhile(63) && is_worthwhile(64));
    }

    #[test]
    fn bounds_follow_the_rows() {
        let even: Vec<(u16, u64)> = (1..=40).map(|line| (line, 16)).collect();
        assert_eq!(bounds(&[0.25, 0.5, 0.75, 1.0], &even), [11, 21, 31]);
        // Half of the lines are gone, as on a page that has seen updates.
        let upper: Vec<(u16, u64)> = (21..=40).map(|line| (line, 16)).collect();
        assert_eq!(bounds(&[0.5, 1.0], &upper), [31]);
        assert_eq!(bounds(&[0.25, 0.5, 1.0], &[(1, 5)]), [] as [u16; 0]);
        assert_eq!(bounds(&[0.5, 1.0], &[]), [] as [u16; 0]);
        assert_eq!(bounds(&[1.0], &even), [] as [u16; 0]);
    }

    proptest! {
        #[test]
        fn ends_with_all_and_rises(blocks in 0u64..5000, rows in 0.0f64..291.0, width in prop::option::of(0.0f64..8000.0),
                                   growth in 0.0f64..3000.0, indexes in 0u32..30) {
            let shares = slices(&Pages { blocks, rows, width, growth, indexes });
            prop_assert!(shares.len() <= MOST && shares.last() == Some(&1.0), "{:?}", shares);
            prop_assert!(shares.is_sorted_by(|a, b| a < b) && shares[0] > 0.0, "{:?}", shares);
        }

        #[test]
        fn bounds_rise_and_each_slice_has_a_line(shares in prop::collection::vec(0.01f64..1.0, 0..24),
                                                 lines in prop::collection::btree_map(1u16..292, 1u64..100, 0..60)) {
            let mut shares = shares;
            shares.sort_by(f64::total_cmp);
            shares.push(1.0);
            let lines: Vec<(u16, u64)> = lines.into_iter().collect();
            let bounds = bounds(&shares, &lines);
            prop_assert!(bounds.is_sorted_by(|a, b| a < b));
            let first = lines.first().map_or(0, |(line, _)| *line);
            prop_assert!(bounds.iter().all(|bound| *bound > first && lines.iter().any(|(line, _)| line == bound)));
        }
    }
}

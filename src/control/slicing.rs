//! Owns into how many slices a range is cut, from the table's figures. Pure. Must not pace: how
//! long a range is belongs to `pace`.

/// A table of fewer blocks is filled in one pass: there is nothing worth saving.
const SMALL_BLOCKS: u64 = 64;

/// More slices save no space worth their reads (measured by the prototype in the design: 16).
const MOST: u32 = 16;

/// Slices a range: a power of two, so that `hashtid(ctid) & (k - 1)` deals rows out evenly.
///
/// Slice 0 moves one k-th of each page's rows elsewhere; the room they leave takes the rest in
/// place. So k need not be more than a page has rows.
pub fn slices(rows: Option<f64>, blocks: u64) -> u32 {
    if blocks < SMALL_BLOCKS {
        return 1;
    }
    let per_page = match rows {
        Some(rows) if rows > 0.0 => rows / blocks as f64,
        // Never analysed: the usual case is many rows to a page.
        _ => f64::from(MOST),
    };
    let mut k = 1;
    while k < MOST && f64::from(k * 2) <= per_page {
        k *= 2;
    }
    k
}

#[cfg(test)]
mod tests {
    use super::slices;

    #[test]
    fn follows_rows_a_page() {
        assert_eq!(slices(Some(1_000_000.0), 25_000), 16);
        assert_eq!(slices(Some(5_000.0), 1_000), 4);
        assert_eq!(slices(Some(1_000.0), 1_000), 1);
        assert_eq!(slices(Some(1_000.0), 20), 1);
        assert_eq!(slices(None, 1_000), 16);
    }
}

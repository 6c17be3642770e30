//! Owns what is looked at before a range is cut into slices: how many rows its pages have, and where; how wide they are and what
//! filling adds. Must not cut: that is `control::slicing`.

use crate::compile::program::BackfillSpec;
use crate::control::slicing::Pages;
use crate::execute::Halt;
use crate::execute::slice::LINE;
use crate::ident::Ident;
use crate::pg::{Limits, RowExt, Session};
use std::ops::Range;

/// Blocks looked at.
const BLOCKS: u64 = 16;
/// A value that can be expected to be stored out of line, and what is left of it in its row.
const OUT_OF_LINE: f64 = 2000.0;
const POINTER: f64 = 18.0;
/// A column of which nothing is known.
const GUESSED: f64 = 32.0;

/// What is the same all over the table.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    width: Option<f64>,
    growth: f64,
    indexes: u32,
}

/// Bytes of a row, by the planner's statistics; what filling adds, by some rows at the head of these blocks.
pub async fn shape(
    session: &mut Session,
    spec: &BackfillSpec,
    leaf: &str,
    blocks: &Range<u64>,
) -> Result<Shape, Halt> {
    let doing = "looking at a table's rows";
    let sql = "SELECT (SELECT sum(s.avg_width * (1 - s.null_frac))::float8 FROM pg_catalog.pg_stats s
                        WHERE s.schemaname = n.nspname AND s.tablename = c.relname AND NOT s.inherited),
                      (SELECT count(*) FROM pg_catalog.pg_index i WHERE i.indrelid = c.oid)
                 FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
                WHERE c.oid = $1::text::regclass";
    let row = session.query_one(doing, sql, &[&leaf]).await?;
    let (width, indexes) = (row.cell::<Option<f64>>(0)?, row.cell::<i64>(1)?);
    let growth = match spec.marker {
        Some(_) => growth(session, spec, leaf, blocks).await?,
        // Values take the place of values.
        None => 0.0,
    };
    Ok(Shape { width, growth, indexes: u32::try_from(indexes).unwrap_or(u32::MAX) })
}

/// Bytes that filling adds to a row, on the average of some.
async fn growth(
    session: &mut Session,
    spec: &BackfillSpec,
    leaf: &str,
    blocks: &Range<u64>,
) -> Result<f64, Halt> {
    let doing = "looking at a table's columns";
    // Values out of line would be read to be measured; there the padding is left to chance.
    let sql = "SELECT a.attname::text, a.attlen, a.attalign::text,
                      a.attstorage = 'p' OR coalesce(pg_catalog.pg_relation_size(nullif(c.reltoastrelid, 0)), 0) = 0
                 FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
                WHERE a.attrelid = $1::text::regclass AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum";
    let (mut before, mut added) = (Vec::new(), vec![Added { bytes: 1.0, align: 1.0 }]);
    for row in session.query(doing, sql, &[&leaf]).await? {
        let (name, length, align): (String, i16, String) = (row.cell(0)?, row.cell(1)?, row.cell(2)?);
        let column = Ident::from(name.as_str());
        let Some((_, expression)) = spec.set.iter().find(|(set, _)| *set == column) else {
            if row.cell(3)? && spec.marker.as_ref() != Some(&column) {
                before.push(column.to_string());
            }
            continue;
        };
        added.push(match (length, align.as_str()) {
            (1.., align) => Added { bytes: f64::from(length), align: alignment(align) },
            _ => {
                let bytes = value_width(session, spec, leaf, expression, blocks).await?.unwrap_or(GUESSED);
                Added { bytes: if bytes > OUT_OF_LINE { POINTER } else { bytes }, align: 1.0 }
            }
        });
    }
    let sql = format!(
        "SELECT pg_catalog.pg_column_size(ROW({})) % 8, count(*) FROM ONLY {leaf} AS {} WHERE {} GROUP BY 1",
        before.join(", "),
        spec.table.name,
        within(blocks)
    );
    let (mut rows, mut bytes) = (0.0, 0.0);
    for row in session.query("looking at what filling adds to a row", &sql, &[]).await? {
        let (end, count) = (row.cell::<i32>(0)?, row.cell::<i64>(1)? as f64);
        rows += count;
        bytes += count * grown(f64::from(end), &added);
    }
    Ok(if rows > 0.0 { bytes / rows } else { added.iter().map(|one| one.bytes).sum() })
}

/// A column that every row gets.
#[derive(Clone, Copy, Debug)]
struct Added {
    bytes: f64,
    /// Where it may begin: at multiples of this.
    align: f64,
}

fn alignment(code: &str) -> f64 {
    match code {
        "d" => 8.0,
        "i" => 4.0,
        "s" => 2.0,
        _ => 1.0,
    }
}

/// By how much a row grows whose columns end so far behind a multiple of eight, where the next row may begin.
fn grown(end: f64, added: &[Added]) -> f64 {
    let aligned = |at: f64, to: f64| (at / to).ceil() * to;
    let last = added.iter().fold(end, |at, one| aligned(at, one.align) + one.bytes);
    aligned(last, 8.0) - aligned(end, 8.0)
}

/// Bytes of the expression's values. `None` where it fails on one of these rows, or there are none: the slice will tell. It is
/// only looked at: what writes, such as a sequence's next number, counts as failing.
async fn value_width(
    session: &mut Session,
    spec: &BackfillSpec,
    leaf: &str,
    expression: &str,
    blocks: &Range<u64>,
) -> Result<Option<f64>, Halt> {
    let doing = "looking at what filling adds to a row";
    let sql = format!(
        "SELECT avg(pg_catalog.pg_column_size({expression}))::float8 FROM ONLY {leaf} AS {} WHERE {}",
        spec.table.name,
        within(blocks)
    );
    let tx = session.snapshot(doing, &Limits::READ).await?;
    let seen = tx.query_one(doing, &sql, &[]).await;
    tx.rollback(doing).await?;
    Ok(seen.ok().and_then(|row| row.cell(0).ok()?))
}

/// The pages of a range, by those at its head, and how many rows to be filled they have at which line, in order.
pub async fn pages(
    session: &Session,
    spec: &BackfillSpec,
    leaf: &str,
    blocks: &Range<u64>,
    shape: Shape,
) -> Result<(Pages, Vec<(u16, u64)>), Halt> {
    let sql = format!(
        "SELECT {LINE} AS line, count(*) FILTER (WHERE {}), count(*) FROM ONLY {leaf} AS {} WHERE {} GROUP BY 1 ORDER BY 1",
        spec.pending(),
        spec.table.name,
        within(blocks)
    );
    let (mut lines, mut rows) = (Vec::new(), 0);
    for row in session.query("looking at a range's rows", &sql, &[]).await? {
        let (line, pending) = (row.cell::<i32>(0)?, row.cell::<i64>(1)?);
        rows += row.cell::<i64>(2)?;
        if let (Ok(line), Ok(pending @ 1..)) = (u16::try_from(line), u64::try_from(pending)) {
            lines.push((line, pending));
        }
    }
    let seen = head(blocks).count().max(1);
    let pages = Pages {
        blocks: blocks.end - blocks.start,
        rows: rows as f64 / seen as f64,
        width: shape.width,
        growth: shape.growth,
        indexes: shape.indexes,
    };
    Ok((pages, lines))
}

fn head(blocks: &Range<u64>) -> Range<u64> {
    blocks.start..blocks.end.min(blocks.start + BLOCKS)
}

fn within(blocks: &Range<u64>) -> String {
    let Range { start, end } = head(blocks);
    format!("ctid >= '({start},0)'::tid AND ctid < '({end},0)'::tid")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_grows_by_what_its_padding_does_not_take() {
        let (marker, bigint) = (Added { bytes: 1.0, align: 1.0 }, Added { bytes: 8.0, align: 8.0 });
        // Behind a date there is room for the marker; behind a bigint it takes eight bytes.
        assert_eq!(grown(4.0, &[marker, bigint]), 8.0);
        assert_eq!(grown(0.0, &[marker, bigint]), 16.0);
        assert_eq!(grown(4.0, &[bigint, marker]), 16.0);
        let (int, text) = (Added { bytes: 4.0, align: 4.0 }, Added { bytes: 11.0, align: 1.0 });
        assert_eq!(grown(4.0, &[marker]), 0.0);
        assert_eq!(grown(4.0, &[marker, int]), 8.0);
        assert_eq!(grown(5.0, &[marker, text]), 16.0);
    }
}

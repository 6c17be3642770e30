//! Owns the trigger function and triggers that keep two versions of a table in step, and the SQL by
//! which the server first qualifies the expressions in them. Must not run anything.
//!
//! The function runs inside applications' sessions, under their `search_path`, so it names nothing
//! that a path could change, and it is paid for by every row they write, so it evaluates little.

mod decide;
mod mend;
mod shed;

use super::expr::{self, Expression, ExpressionError, QUALIFIED_COLUMN};
use super::program::{Pair, PairExpression, SyncSpec};
use crate::catalog::Table;
use crate::ident::{Ident, QualifiedName, literal};
use decide::{Decision, decisions, interest};
pub use shed::{marking, whole};

/// The variable that says whether the writer's path comes to the new version first.
const WRITER: &str = "_segue_new_writer";

/// Whether an expression gives the new version's value or the old one's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    Up,
    Down,
    /// Which rows `up` is for, asked of the row as it was.
    Only,
}

/// The expressions of one pair as they go into the function: every name qualified, the row's columns
/// as `NEW."column"`, or `OLD."column"` in `only`. Made by [`qualified`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QualifiedPair {
    pub up: Option<String>,
    pub down: Option<String>,
    pub only: Option<String>,
}

/// How the server is asked to qualify one expression. All of it runs in one transaction, in order:
/// `statements`, `query` (one row, one text, for [`qualified`]), `cleanup`. Leaves the transaction's
/// `search_path` empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Qualification {
    /// Index in `SyncSpec::pairs`; from their number on, an expression of what is mended.
    pub pair: usize,
    pub direction: Direction,
    pub statements: Vec<String>,
    pub query: String,
    pub cleanup: Vec<String>,
}

/// Columns of the row with their types: the table's, then the hidden ones it does not have yet.
pub fn row_columns(table: &Table, spec: &SyncSpec) -> Vec<(Ident, String)> {
    let mut columns: Vec<(Ident, String)> =
        table.columns.iter().map(|column| (column.name.clone(), column.type_name.clone())).collect();
    for hidden in &spec.hidden_columns {
        if table.column(&hidden.0).is_none() {
            columns.push(hidden.clone());
        }
    }
    columns
}

/// One question for each expression of the spec.
pub fn qualifications(spec: &SyncSpec, columns: &[(Ident, String)]) -> Vec<Qualification> {
    let mut asked = Vec::new();
    for (pair, expressions) in spec.pairs.iter().enumerate() {
        let sql = |expression: &Option<PairExpression>| expression.as_ref().map(|e| e.sql.clone());
        let only = expressions.up.as_ref().and_then(|up| up.only.clone());
        let all = [
            (Direction::Up, sql(&expressions.up)),
            (Direction::Down, sql(&expressions.down)),
            (Direction::Only, only),
        ];
        for (direction, sql) in all {
            if let Some(sql) = sql {
                asked.push(qualification(spec, columns, pair, direction, &sql));
            }
        }
    }
    for (at, sql) in mended(spec).enumerate() {
        asked.push(qualification(spec, columns, spec.pairs.len() + at, Direction::Up, sql));
    }
    asked
}

/// How many answers [`statements`] takes: one for each pair, then one for each expression of what is mended.
pub fn slots(spec: &SyncSpec) -> usize {
    spec.pairs.len() + mended(spec).count()
}

/// Every expression of what is mended: of each constraint its violation, then its values.
fn mended(spec: &SyncSpec) -> impl Iterator<Item = &str> {
    let mends = spec.mending.iter().flat_map(|mending| &mending.mends);
    mends.flat_map(|mend| {
        std::iter::once(mend.violates.as_str()).chain(mend.set.iter().map(|(_, value)| value.as_str()))
    })
}

fn qualification(
    spec: &SyncSpec,
    columns: &[(Ident, String)],
    pair: usize,
    direction: Direction,
    sql: &str,
) -> Qualification {
    // Beside the function, so that the role needs no right to temporary objects; the transaction drops it again.
    let view = QualifiedName::new(&spec.function.schema, &Ident::new("_segue_qualify"));
    let row: Vec<String> =
        columns.iter().map(|(name, type_name)| format!("NULL::{type_name} AS {name}")).collect();
    // No cast to the column's type: an explicit cast would cut off what an assignment refuses.
    let create = format!(
        "CREATE VIEW {view} AS SELECT ({sql}\n) AS \"{QUALIFIED_COLUMN}\" FROM (SELECT {}) AS {}",
        row.join(", "),
        spec.table.name,
    );
    Qualification {
        pair,
        direction,
        // pg_temp last, or the session's temporary objects would go before the schema's.
        statements: vec![
            format!("SET LOCAL search_path = {}, pg_temp", spec.table.schema),
            create,
            "SET LOCAL search_path = ''".to_owned(),
        ],
        query: format!(
            "SELECT pg_catalog.pg_get_viewdef({}::pg_catalog.regclass)",
            literal(&view.to_string())
        ),
        cleanup: vec![format!("DROP VIEW {view}")],
    }
}

/// The answer to a [`Qualification`] as it goes into the function.
pub fn qualified(definition: &str, table: &Ident, direction: Direction) -> Result<String, ExpressionError> {
    let expression = Expression::parse_printed(&expr::unqualify_view(definition)?, table)?;
    for taken in ["new", "old"] {
        if expression.names_relation(taken) {
            let message = format!(
                "a subquery reads something named {taken}, which means the row inside a trigger; give it another alias"
            );
            return Err(ExpressionError { message, offset: None });
        }
    }
    let row = if direction == Direction::Only { "OLD" } else { "NEW" };
    Ok(expression.substitute(&mut |column| format!("{row}.{column}")))
}

/// The statements as they will be, but with the expressions as given: for people to read.
pub fn preview(spec: &SyncSpec) -> Vec<String> {
    let given = |expression: &Option<PairExpression>| expression.as_ref().map(|e| format!("({})", e.sql));
    let pairs = spec.pairs.iter().map(|pair| QualifiedPair {
        up: given(&pair.up),
        down: given(&pair.down),
        only: pair.up.as_ref().and_then(|up| up.only.clone()),
    });
    let mended =
        mended(spec).map(|sql| QualifiedPair { up: Some(format!("({sql})")), ..QualifiedPair::default() });
    let pairs: Vec<QualifiedPair> = pairs.chain(mended).collect();
    statements(spec, &pairs)
}

/// CREATE FUNCTION and CREATE TRIGGERs. `qualified` has one entry for each of the [`slots`].
pub fn statements(spec: &SyncSpec, qualified: &[QualifiedPair]) -> Vec<String> {
    assert_eq!(slots(spec), qualified.len(), "each expression is qualified");
    let (qualified, mended) = qualified.split_at(spec.pairs.len());
    let mending = spec.mending.iter().flat_map(|mending| mend::statements(spec, mending, mended));
    if spec.pairs.is_empty() {
        return mending.collect();
    }
    let on_update = update_condition(spec);
    let mut statements = vec![function(&spec.function, &body(spec, qualified, on_update.is_some()))];
    statements.extend(mending);
    // A row with a marker of false is no newcomer: it moves in from another partition, or comes from
    // a dump, and has both versions' values.
    let newcomer =
        spec.marker.as_ref().map(|marker| format!(" WHEN (NEW.{marker} IS NOT FALSE)")).unwrap_or_default();
    statements.push(format!(
        "CREATE TRIGGER {} BEFORE INSERT ON {} FOR EACH ROW{newcomer} EXECUTE FUNCTION {}()",
        spec.trigger_insert, spec.table, spec.function
    ));
    if let Some(condition) = on_update {
        statements.push(format!(
            "CREATE TRIGGER {} BEFORE UPDATE ON {} FOR EACH ROW WHEN ({condition}) EXECUTE FUNCTION {}()",
            spec.trigger_update, spec.table, spec.function
        ));
    }
    statements
}

/// The names of the triggers that [`statements`] makes.
pub fn triggers(spec: &SyncSpec) -> Vec<Ident> {
    let pairs = !spec.pairs.is_empty();
    let on_insert = pairs.then(|| spec.trigger_insert.clone());
    let on_update = update_condition(spec).filter(|_| pairs).map(|_| spec.trigger_update.clone());
    let mending = spec.mending.as_ref().map(|mending| mending.trigger.clone());
    on_insert.into_iter().chain(on_update).chain(mending).collect()
}

fn function(name: &QualifiedName, body: &str) -> String {
    let mut tag = "$segue$".to_owned();
    while body.contains(&tag) {
        tag.insert(tag.len() - 1, '_');
    }
    format!("CREATE FUNCTION {name}() RETURNS pg_catalog.trigger LANGUAGE plpgsql AS {tag}\n{body}{tag}")
}

/// Takes away what [`statements`] makes, as far as it is there.
pub fn drop_statements(spec: &SyncSpec) -> Vec<String> {
    let trigger = |name: &Ident| format!("DROP TRIGGER IF EXISTS {name} ON {}", spec.table);
    let function = |name: &QualifiedName| format!("DROP FUNCTION IF EXISTS {name}()");
    let mut statements = Vec::new();
    if !spec.pairs.is_empty() {
        statements.extend([trigger(&spec.trigger_insert), trigger(&spec.trigger_update)]);
        statements.push(function(&spec.function));
    }
    if let Some(mending) = &spec.mending {
        statements.extend([trigger(&mending.trigger), function(&mending.function)]);
    }
    statements
}

/// Whether any of the columns differs between OLD and NEW. Compared as stored, so that it works for
/// types without equality (json), for NaN, and for text that a collation or citext calls equal.
fn changed<'a>(columns: impl IntoIterator<Item = &'a Ident>) -> Option<String> {
    let mut distinct: Vec<&Ident> = Vec::new();
    for column in columns {
        if !distinct.contains(&column) {
            distinct.push(column);
        }
    }
    if distinct.is_empty() {
        return None;
    }
    let row = |side: &str| {
        let columns: Vec<String> = distinct.iter().map(|column| format!("{side}.{column}")).collect();
        // Without the cast, PostgreSQL would look for the operator on each column's own type.
        format!("ROW({})::pg_catalog.record", columns.join(", "))
    };
    Some(format!("{} OPERATOR(pg_catalog.*<>) {}", row("OLD"), row("NEW")))
}

/// When the update trigger fires; `None`: never, so there is none. Paid for by every updated row, and read anew by every statement:
/// short, the marker first, and columns that need no record before those that do.
///
/// The operators of IS DISTINCT FROM are looked up when the trigger is made, in pg_catalog; in the function they would be looked
/// up under each client's search_path, so there [`changed`] compares all columns.
fn update_condition(spec: &SyncSpec) -> Option<String> {
    let (plain, others): (Vec<Ident>, Vec<Ident>) =
        interest(spec).into_iter().partition(|column| spec.plain.contains(column));
    let mut ways: Vec<String> =
        plain.iter().map(|column| format!("OLD.{column} IS DISTINCT FROM NEW.{column}")).collect();
    ways.extend(changed(&others));
    let touched = (!ways.is_empty()).then(|| ways.join(" OR "));
    let Some(marker) = &spec.marker else { return touched };
    // A pending row whose marker stays is an application's write; where it goes, the backfill's own.
    Some(match touched {
        Some(touched) => format!("CASE WHEN OLD.{marker} THEN NEW.{marker} ELSE {touched} END"),
        None => format!("OLD.{marker} AND NEW.{marker}"),
    })
}

/// Whether the writer's path comes to the new version first: true, false, or NULL where it has neither.
fn new_writer(spec: &SyncSpec) -> String {
    let position = |schema: &Ident| {
        format!(
            "pg_catalog.array_position(pg_catalog.current_schemas(false), {}::pg_catalog.name)",
            literal(schema.as_str())
        )
    };
    let new = match &spec.published_with {
        None => position(&spec.version_schema),
        Some(view) => {
            let new = position(&spec.version_schema);
            let view = literal(&view.to_string());
            format!(
                "CASE WHEN {new} IS NOT NULL THEN CASE WHEN pg_catalog.to_regclass({view}) IS NOT NULL THEN {new} END END"
            )
        }
    };
    match &spec.previous_version_schema {
        None => format!("CASE WHEN {new} IS NOT NULL THEN true END"),
        Some(previous) => {
            let old = position(previous);
            const LAST: i32 = i32::MAX;
            format!(
                "CASE WHEN {new} IS NOT NULL OR {old} IS NOT NULL \
                 THEN COALESCE({new}, {LAST}) OPERATOR(pg_catalog.<) COALESCE({old}, {LAST}) END"
            )
        }
    }
}

/// Tells the writer where the path does not: a value that only the new version can give, or a NULL
/// that the old one cannot have given.
fn new_writer_by_values(spec: &SyncSpec) -> String {
    let given = spec
        .pairs
        .iter()
        .filter_map(|pair| pair.new.as_ref())
        .map(|new| format!("NEW.{} IS NOT NULL", new.column));
    let missing = spec
        .pairs
        .iter()
        .filter_map(|pair| pair.old.as_ref())
        .filter(|old| old.not_null)
        .map(|old| format!("NEW.{} IS NULL", old.column));
    let signs: Vec<String> = given.chain(missing).collect();
    if signs.is_empty() { "false".to_owned() } else { signs.join(" OR ") }
}

fn assignment(direction: Direction, pair: &Pair, qualified: &QualifiedPair) -> Option<String> {
    let (side, value) = match direction {
        Direction::Up => (&pair.new, &qualified.up),
        Direction::Down => (&pair.old, &qualified.down),
        Direction::Only => return None,
    };
    Some(format!("NEW.{} := {};", side.as_ref()?.column, value.as_ref()?))
}

fn body(spec: &SyncSpec, qualified: &[QualifiedPair], on_update: bool) -> String {
    let assign = |direction| -> Vec<Option<String>> {
        spec.pairs.iter().zip(qualified).map(|(pair, q)| assignment(direction, pair, q)).collect()
    };
    let (ups, downs) = (assign(Direction::Up), assign(Direction::Down));
    let mut out = Lines::default();
    let decide = |writer: &str| {
        if on_update { decisions(spec, qualified, (&ups, &downs), writer) } else { Vec::new() }
    };
    let mut decisions = decide(WRITER);
    let several = decisions.len() > 1;
    let mut by_path = decisions.iter().map(Decision::uses_path).sum::<usize>();
    if !several && by_path == 1 {
        // Asked once and last of all, it needs no variable.
        decisions = decide(&format!("({})", new_writer(spec)));
        by_path = 0;
    }
    out.line(0, "#variable_conflict use_column");
    if several || by_path > 0 {
        out.line(0, "DECLARE");
    }
    if by_path > 0 {
        out.line(1, &format!("{WRITER} boolean;"));
    }
    if several {
        for decision in &decisions {
            for (name, condition) in decision.variables() {
                if condition.is_some() {
                    out.line(1, &format!("{name} boolean;"));
                }
            }
        }
    }
    out.line(0, "BEGIN");
    insert_part(&mut out, spec, &ups, &downs, on_update);
    if on_update {
        resets(&mut out, spec);
        if by_path > 0 {
            let shared = decide::shared(spec);
            let condition = changed(&shared).expect("a decision by path has a shared column");
            out.line(1, &format!("IF {condition} THEN"));
            out.line(2, &format!("{WRITER} := {};", new_writer(spec)));
            out.line(1, "END IF;");
        }
        update_part(&mut out, spec, &decisions, several);
        if let Some(marker) = &spec.marker {
            // It is so already, or has to be: to ask would cost more.
            out.line(1, &format!("NEW.{marker} := false;"));
        }
        out.line(1, "RETURN NEW;");
    }
    out.line(0, "END");
    out.0
}

fn insert_part(
    out: &mut Lines,
    spec: &SyncSpec,
    ups: &[Option<String>],
    downs: &[Option<String>],
    on_update: bool,
) {
    let depth = if on_update { 2 } else { 1 };
    if on_update {
        out.line(1, "IF TG_OP OPERATOR(pg_catalog.=) 'INSERT' THEN");
    }
    let is_new = format!("COALESCE({}, {})", new_writer(spec), new_writer_by_values(spec));
    let (has_up, has_down) = (ups.iter().any(Option::is_some), downs.iter().any(Option::is_some));
    match (has_down, has_up) {
        (true, _) => {
            out.line(depth, &format!("IF {is_new} THEN"));
            out.lines(depth + 1, downs.iter().flatten());
            if has_up {
                out.line(depth, "ELSE");
                out.lines(depth + 1, ups.iter().flatten());
            }
            out.line(depth, "END IF;");
        }
        (false, true) => {
            out.line(depth, &format!("IF NOT {is_new} THEN"));
            out.lines(depth + 1, ups.iter().flatten());
            out.line(depth, "END IF;");
        }
        (false, false) => {}
    }
    if let Some(marker) = &spec.marker {
        out.line(depth, &format!("NEW.{marker} := false;"));
    }
    out.line(depth, "RETURN NEW;");
    if on_update {
        out.line(1, "END IF;");
    }
}

/// A foreign key's action is an UPDATE by a trigger, and sets NULL where a column has no default.
fn resets(out: &mut Lines, spec: &SyncSpec) {
    for pair in &spec.pairs {
        let (Some(new), Some(default)) = (&pair.new, &pair.reset) else { continue };
        let column = &new.column;
        out.line(
            1,
            &format!(
                "IF NEW.{column} IS NULL AND OLD.{column} IS NOT NULL AND pg_catalog.pg_trigger_depth() OPERATOR(pg_catalog.>) 1 \
                 THEN NEW.{column} := {default}; END IF;"
            ),
        );
    }
}

/// All decisions are taken on the row as it came in, then all ups are carried out, then all downs.
fn update_part(out: &mut Lines, spec: &SyncSpec, decisions: &[Decision], several: bool) {
    if several {
        for decision in decisions {
            for (name, condition) in decision.variables() {
                if let Some(condition) = condition {
                    out.line(1, &format!("{name} := {condition};"));
                }
            }
        }
        for decision in decisions {
            if let Some(up) = &decision.up {
                out.line(1, &format!("IF {} THEN {} END IF;", decision.up_variable(), up.assignment));
            }
        }
        for decision in decisions {
            if let Some(down) = &decision.down {
                out.line(1, &format!("IF {} THEN {} END IF;", decision.down_variable(), down.assignment));
            }
        }
        return;
    }
    let Some(decision) = decisions.first() else { return };
    match (&decision.up, &decision.down) {
        (Some(one), None) | (None, Some(one)) => {
            out.line(1, &format!("IF {} THEN", one.condition));
            out.line(2, &one.assignment);
        }
        (Some(up), Some(down)) => {
            out.line(1, &format!("IF {} THEN", down.condition));
            if let (Some(pending), true) = (&decision.pending, spec.marker.is_some()) {
                out.line(2, &format!("IF {pending} THEN {} END IF;", up.assignment));
            }
            out.line(2, &down.assignment);
            out.line(1, &format!("ELSIF {} THEN", up.condition));
            out.line(2, &up.assignment);
        }
        (None, None) => return,
    }
    out.line(1, "END IF;");
}

/// Lines of a program text. Only the first line is indented: what is inside may hold string literals.
#[derive(Default)]
struct Lines(String);

impl Lines {
    fn line(&mut self, depth: usize, text: &str) {
        self.0.push_str(&"  ".repeat(depth));
        self.0.push_str(text);
        self.0.push('\n');
    }

    fn lines<'a>(&mut self, depth: usize, texts: impl Iterator<Item = &'a String>) {
        texts.for_each(|text| self.line(depth, text));
    }
}

//! Owns the trigger that mends what the old version writes where it would violate a constraint that is in place.
//! Must not decide which rows those are: that is in the program.

use super::{Lines, QualifiedPair, function, new_writer};
use crate::compile::program::{Mending, SyncSpec};

/// `qualified`: of each constraint its violation, then its values.
pub fn statements(spec: &SyncSpec, mending: &Mending, qualified: &[QualifiedPair]) -> Vec<String> {
    let mut expressions = qualified.iter().map(|one| one.up.as_deref().unwrap_or("NULL"));
    let mut out = Lines::default();
    // Only what all of them allow to be asked before the function is called.
    let mut before = Vec::new();
    out.line(0, "#variable_conflict use_column");
    out.line(0, "BEGIN");
    // The new version is held to them: its mistakes are its own.
    out.line(1, &format!("IF ({}) IS TRUE THEN RETURN NEW; END IF;", new_writer(spec)));
    for mend in &mending.mends {
        let violates = expressions.next().expect("each has its violation");
        before.push(violates);
        out.line(1, &format!("IF {violates} THEN"));
        // All of them from the row as it came in.
        let values: Vec<&str> = expressions.by_ref().take(mend.set.len()).collect();
        let columns: Vec<String> = mend.set.iter().map(|(column, _)| format!("NEW.{column}")).collect();
        match (columns.as_slice(), values.as_slice()) {
            ([column], [value]) => out.line(2, &format!("{column} := {value};")),
            _ => out.line(2, &format!("SELECT {} INTO {};", values.join(", "), columns.join(", "))),
        }
        out.line(1, "END IF;");
    }
    out.line(1, "RETURN NEW;");
    out.line(0, "END");
    let when = match mending.mends.iter().all(|mend| mend.plain) {
        true => format!(" WHEN ({})", before.join(" OR ")),
        false => String::new(),
    };
    vec![
        function(&mending.function, &out.0),
        format!(
            "CREATE TRIGGER {} BEFORE INSERT OR UPDATE ON {} FOR EACH ROW{when} EXECUTE FUNCTION {}()",
            mending.trigger, spec.table, mending.function
        ),
    ]
}

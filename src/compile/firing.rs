//! Owns which of a table's own triggers a backfill fires, and about how often: told before anything
//! starts. Must not refuse.

use super::explain::grouped;
use super::hazard::partitions;
use super::program::{Action, BackfillSpec, Program};
use crate::catalog::{Catalog, Table, TableKind, Trigger};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::plan::settings::UserTriggers;

/// A warning for each table whose triggers the program's backfills fire.
pub fn warnings(program: &Program, catalog: &Catalog, policy: UserTriggers) -> Diagnostics {
    let mut found = Diagnostics::default();
    for step in &program.steps {
        let Action::Backfill(spec) = &step.action else { continue };
        // The copy has none yet.
        if spec.copy.is_some() {
            continue;
        }
        let Some(table) = catalog.tables.get(&spec.table.name) else { continue };
        found.0.extend(warning(spec, table, catalog, policy));
    }
    found
}

/// A trigger that fires, and what it fires for.
struct Firing<'a> {
    trigger: &'a Trigger,
    /// Where it is not on the table itself.
    partition: Option<&'a Table>,
    rows: Option<f64>,
}

fn warning(
    spec: &BackfillSpec,
    table: &Table,
    catalog: &Catalog,
    policy: UserTriggers,
) -> Option<Diagnostic> {
    let firing = firing(spec, table, catalog, policy);
    if firing.is_empty() {
        return None;
    }
    let name = table.name.as_str();
    let each: Vec<String> = firing.iter().map(Firing::told).collect();
    let always = firing.iter().any(|one| one.trigger.enabled == 'A');
    let (message, help) = match policy {
        UserTriggers::Fire => {
            let but = if always { ", but for those that are ENABLE ALWAYS" } else { "" };
            let help = format!(
                "`backfill: {{user_triggers: skip}}` keeps them silent for Segue's own writes{but}. The role must be a \
                 superuser, or from PostgreSQL 15 have SET on the parameter session_replication_role. Foreign keys are \
                 not checked by those writes then, which is harmless: they change hidden columns alone"
            );
            (format!("filling `{name}` fires its triggers: {}", each.join("; ")), help)
        }
        UserTriggers::Skip => (
            format!("filling `{name}` fires triggers that `user_triggers: skip` does not silence: {}", each.join("; ")),
            "to skip is to write with session_replication_role = replica, in which these fire; disable them for the \
             time of the backfill, or let them"
                .to_owned(),
        ),
    };
    Some(Diagnostic::warning("compile.user_triggers", message).help(help))
}

/// The backfill is `UPDATE ONLY` of each leaf: row triggers of a partitioned table fire on its leaves,
/// its statement triggers do not.
fn firing<'a>(
    spec: &BackfillSpec,
    table: &'a Table,
    catalog: &'a Catalog,
    policy: UserTriggers,
) -> Vec<Firing<'a>> {
    let fires = |trigger: &&Trigger| fires(trigger, policy);
    if !spec.partitioned {
        let rows = table.estimate.rows;
        let all = table.triggers.iter().filter(fires);
        return all.map(|trigger| Firing { trigger, partition: None, rows }).collect();
    }
    let leaves: Vec<&Table> =
        partitions(catalog, table).into_iter().filter(|leaf| leaf.kind == TableKind::Ordinary).collect();
    let rows: Option<f64> = leaves.iter().map(|leaf| leaf.estimate.rows).sum();
    let own = table.triggers.iter().filter(|trigger| trigger.row).filter(fires);
    let mut all: Vec<Firing<'a>> = own.map(|trigger| Firing { trigger, partition: None, rows }).collect();
    for leaf in leaves {
        let own = leaf.triggers.iter().filter(|trigger| !trigger.inherited).filter(fires);
        all.extend(own.map(|trigger| Firing { trigger, partition: Some(leaf), rows: leaf.estimate.rows }));
    }
    all
}

/// The columns that a backfill sets are new, so that no `UPDATE OF` can name one.
fn fires(trigger: &Trigger, policy: UserTriggers) -> bool {
    let enabled = match policy {
        UserTriggers::Fire => ['O', 'A'],
        UserTriggers::Skip => ['R', 'A'],
    };
    trigger.on_update && trigger.update_of.is_empty() && enabled.contains(&trigger.enabled)
}

impl Firing<'_> {
    fn told(&self) -> String {
        let of = self.partition.map(|leaf| format!(" of partition `{}`", leaf.name.as_str()));
        let mut text = format!("`{}`{}, ", self.trigger.name.as_str(), of.unwrap_or_default());
        text.push_str(match (self.trigger.row, self.trigger.conditional) {
            (true, false) => "once a row",
            (true, true) => "once a row that meets its WHEN",
            (false, false) => "once a slice",
            (false, true) => "once a slice, if its WHEN is met",
        });
        if self.trigger.row {
            let most = if self.trigger.conditional { "at most" } else { "about" };
            text.push_str(&match self.rows {
                Some(rows) => format!(" ({most} {} times)", grouped(rows)),
                None => " (how many there are is not known: never analysed)".to_owned(),
            });
        }
        if self.trigger.enabled != 'O' {
            text.push_str(if self.trigger.enabled == 'A' { ", ENABLE ALWAYS" } else { ", ENABLE REPLICA" });
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Estimate;
    use crate::compile::program::{Cost, FORMAT, Phase, Step, Undo};
    use crate::ident::{Ident, QualifiedName};

    fn trigger(name: &str, enabled: char, row: bool) -> Trigger {
        Trigger {
            name: name.into(),
            definition: String::new(),
            enabled,
            before_row: row,
            row,
            on_update: true,
            on_insert: false,
            columns: vec![],
            update_of: vec![],
            conditional: false,
            inherited: false,
            comment: None,
        }
    }

    fn table(name: &str, rows: Option<f64>, triggers: Vec<Trigger>) -> Table {
        let estimate = Estimate { rows, ..Estimate::default() };
        Table { name: name.into(), estimate, triggers, ..Table::default() }
    }

    fn told(tables: Vec<Table>, partitioned: bool, policy: UserTriggers) -> String {
        let spec = BackfillSpec {
            table: QualifiedName::new(&"public".into(), &tables[0].name),
            marker: Some("_segue_pending".into()),
            only: None,
            set: vec![],
            shown: vec![],
            key: vec![],
            partitioned,
            copy: None,
        };
        let program = Program {
            format: FORMAT,
            plan: "plan".into(),
            description: None,
            schema: "public".into(),
            version_schema: "public_plan".into(),
            previous_version_schema: None,
            checks: vec![],
            views: vec![],
            objects: Vec::new(),
            types: Default::default(),
            owned: Default::default(),
            steps: vec![Step {
                title: "fill".into(),
                phase: Phase::Backfill,
                action: Action::Backfill(spec),
                locks: vec![],
                cost: Cost::Fill,
                undo: Undo::Nothing,
            }],
        };
        let tables = tables.into_iter().map(|table| (table.name.clone(), table)).collect();
        let catalog = Catalog { schema: Ident::new("public"), tables, ..Catalog::default() };
        let found = warnings(&program, &catalog, policy);
        assert!(!found.has_errors());
        found.0.iter().map(|one| one.render(false)).collect()
    }

    #[test]
    fn each_trigger_that_fires_is_named_with_how_often() {
        let users = table(
            "users",
            Some(1_000_000.0),
            vec![
                trigger("audit", 'O', true),
                Trigger { conditional: true, ..trigger("changed", 'A', true) },
                trigger("notify", 'O', false),
                trigger("off", 'D', true),
                trigger("replica", 'R', true),
                Trigger { on_update: false, ..trigger("inserts", 'O', true) },
                Trigger { update_of: vec!["name".into()], ..trigger("of_name", 'O', true) },
            ],
        );
        insta::assert_snapshot!(told(vec![users.clone()], false, UserTriggers::Fire));
        insta::assert_snapshot!(told(vec![users], false, UserTriggers::Skip));
    }

    #[test]
    fn leaves_have_triggers_of_their_own() {
        let parent = Table {
            kind: TableKind::Partitioned,
            ..table("events", None, vec![trigger("audit", 'O', true), trigger("statement", 'O', false)])
        };
        let of = |mut leaf: Table| {
            leaf.partition_of = Some(("events".into(), "DEFAULT".into()));
            leaf
        };
        let clone = Trigger { inherited: true, ..trigger("audit", 'O', true) };
        let first = of(table("events_1", Some(1000.0), vec![clone.clone(), trigger("own", 'O', false)]));
        let second = of(table("events_2", Some(500.0), vec![clone, trigger("guard", 'O', true)]));
        insta::assert_snapshot!(told(
            vec![parent.clone(), first.clone(), second.clone()],
            true,
            UserTriggers::Fire
        ));
        // One leaf never analysed: then nobody knows of the whole.
        let unknown = Table { estimate: Estimate::default(), ..second };
        let text = told(vec![parent, first, unknown], true, UserTriggers::Fire);
        assert!(text.contains("`audit`, once a row (how many there are is not known"), "{text}");
    }

    #[test]
    fn nothing_fires_nothing_is_said() {
        let quiet = table("users", Some(7.0), vec![trigger("off", 'D', true)]);
        assert_eq!(told(vec![quiet], false, UserTriggers::Fire), "");
    }
}

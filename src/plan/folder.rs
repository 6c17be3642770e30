//! Owns the order of a folder's plans: which files are plans, and which plan comes after which.
//! Must not read the folder: names and plans in, order out.

use super::decode::MAX_DIAGNOSTICS;
use super::{PROJECT_FILE, Plan};
use crate::diagnostic::{Diagnostic, Diagnostics, clip, nearest};
use std::collections::{BTreeSet, HashMap};

/// A file that is a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanFile {
    /// The plan's name: the file's without its extension.
    pub name: String,
    pub file: String,
}

/// A plan's name from its file's, where the file is a plan: `.yaml`, `.yml` or `.json`, neither hidden nor
/// `segue.yaml`.
pub fn plan_name(file: &str) -> Option<&str> {
    if file.starts_with('.') || file == PROJECT_FILE {
        return None;
    }
    [".yaml", ".yml", ".json"].iter().find_map(|extension| file.strip_suffix(extension))
}

/// The file in which a folder may say its order, a plan a line: by its name or its file's.
pub const LEDGER: &str = ".ledger";

/// The plans among a folder's file names (no paths): those of the ledger in its order, then in pgroll's order, by the
/// bytes of the file name, extension included.
pub fn plan_files<S: AsRef<str>>(files: &[S], ledger: Option<&str>) -> (Vec<PlanFile>, Diagnostics) {
    let mut found: Vec<PlanFile> = files
        .iter()
        .filter_map(|file| {
            let file = file.as_ref();
            plan_name(file).map(|name| PlanFile { name: name.to_owned(), file: file.to_owned() })
        })
        .collect();
    found.sort_by(|a, b| a.file.cmp(&b.file));
    let mut diagnostics = Diagnostics::default();
    let mut seen: HashMap<&str, &str> = HashMap::new();
    for plan in &found {
        if let Some(other) = seen.insert(&plan.name, &plan.file) {
            let message = format!("{other} and {} are two plans of one name", plan.file);
            diagnostics
                .push(Diagnostic::error("plan.duplicate_plan", message).help("rename or remove one of them"));
        }
    }
    if let Some(ledger) = ledger {
        let lines: Vec<&str> = ledger.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        let is = |plan: &PlanFile, line: &str| plan.file == line || plan.name == line;
        for line in lines.iter().filter(|line| !found.iter().any(|plan| is(plan, line))) {
            let message = format!("{LEDGER} names `{}`, and the folder has no such plan", clip(line));
            diagnostics
                .push(Diagnostic::warning("plan.ledger", message).help("add the file, or remove the line"));
        }
        let place = |plan: &PlanFile| lines.iter().position(|line| is(plan, line)).unwrap_or(lines.len());
        found.sort_by_cached_key(place);
    }
    (found, diagnostics)
}

/// A plan's place: its index in the list that was given, and its parents' indexes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed {
    pub index: usize,
    pub parents: Vec<usize>,
}

/// The order in which plans given in name order are applied: parents first, else by name. A plan without
/// `after` follows the one before it in name order.
pub fn order(plans: &[Plan]) -> (Option<Vec<Placed>>, Diagnostics) {
    let mut diagnostics = Diagnostics::default();
    let by_name: HashMap<&str, usize> =
        plans.iter().enumerate().map(|(index, plan)| (plan.name.as_str(), index)).collect();
    let mut parents: Vec<Vec<usize>> = Vec::with_capacity(plans.len());
    for (index, plan) in plans.iter().enumerate() {
        if plan.after.is_empty() {
            parents.push(index.checked_sub(1).into_iter().collect());
            continue;
        }
        let mut own = Vec::new();
        for parent in &plan.after {
            match by_name.get(parent.as_str()) {
                Some(found) if !own.contains(found) => own.push(*found),
                Some(_) => {}
                None if diagnostics.0.len() >= MAX_DIAGNOSTICS => {}
                None => {
                    let message = format!(
                        "`{}` comes after `{}`, and there is no such plan",
                        clip(&plan.name),
                        clip(parent.as_str())
                    );
                    let help = match nearest(parent.as_str(), by_name.keys().copied()) {
                        Some(near) => format!("did you mean `{near}`?"),
                        None => "name a plan of the same folder, without its extension".to_owned(),
                    };
                    diagnostics.push(
                        Diagnostic::error("plan.unknown_parent", message).at(parent.span.clone()).help(help),
                    );
                }
            }
        }
        parents.push(own);
    }
    if diagnostics.has_errors() {
        return (None, diagnostics);
    }

    let mut waiting_for: Vec<usize> = parents.iter().map(Vec::len).collect();
    let mut children: Vec<Vec<usize>> = vec![Vec::new(); plans.len()];
    for (index, own) in parents.iter().enumerate() {
        for parent in own {
            children[*parent].push(index);
        }
    }
    let mut ready: BTreeSet<usize> = (0..plans.len()).filter(|index| waiting_for[*index] == 0).collect();
    let mut placed = Vec::with_capacity(plans.len());
    while let Some(index) = ready.pop_first() {
        for child in &children[index] {
            waiting_for[*child] -= 1;
            if waiting_for[*child] == 0 {
                ready.insert(*child);
            }
        }
        placed.push(Placed { index, parents: parents[index].clone() });
    }
    if placed.len() < plans.len() {
        diagnostics.push(cycle(plans, &parents, &waiting_for));
        return (None, diagnostics);
    }
    (Some(placed), diagnostics)
}

/// One cycle among the plans that could not be placed.
fn cycle(plans: &[Plan], parents: &[Vec<usize>], waiting_for: &[usize]) -> Diagnostic {
    // Every plan left has a parent left, so going from parent to parent must come back.
    let next = |index: usize| {
        parents[index].iter().copied().find(|p| waiting_for[*p] > 0).expect("a plan waits for one not placed")
    };
    let mut at = waiting_for.iter().position(|count| *count > 0).expect("a plan is not placed");
    let mut seen = BTreeSet::new();
    while seen.insert(at) {
        at = next(at);
    }
    let mut members = vec![at];
    let mut member = next(at);
    while member != at {
        members.push(member);
        member = next(member);
    }
    // At least one member says `after`: by name order alone nothing comes after itself.
    let blamed =
        members.iter().find(|index| !plans[**index].after.is_empty()).expect("a cycle needs an `after`");
    let parent = next(*blamed);
    let span = plans[*blamed].after.iter().find(|after| after.value == plans[parent].name);
    members.push(at);
    let chain: Vec<String> =
        members.iter().take(20).map(|index| format!("`{}`", clip(&plans[*index].name))).collect();
    let by_default = members.iter().any(|index| plans[*index].after.is_empty());
    Diagnostic::error(
        "plan.cycle",
        format!("plans come after each other in a circle: {}", chain.join(" after ")),
    )
    .at(span.and_then(|span| span.span.clone()))
    .help(if by_default {
        "a plan without `after` follows the one before it in name order; give it an `after`"
    } else {
        "remove one of the `after`"
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Source;
    use crate::plan::parse;
    use std::sync::Arc;

    fn plan(name: &str, after: &str) -> Plan {
        let text = format!("{after}\noperations: [{{drop_index: {{name: i}}}}]\n");
        let (plan, diagnostics) = parse(name, Arc::new(Source { name: format!("{name}.yaml"), text }));
        plan.unwrap_or_else(|| panic!("{:?}", diagnostics))
    }

    fn ordered(plans: &[Plan]) -> Result<Vec<(&str, Vec<&str>)>, Diagnostic> {
        let (placed, mut diagnostics) = order(plans);
        let name = |index: usize| plans[index].name.as_str();
        match placed {
            Some(placed) => Ok(placed
                .iter()
                .map(|p| (name(p.index), p.parents.iter().map(|i| name(*i)).collect()))
                .collect()),
            None => Err(diagnostics.0.remove(0)),
        }
    }

    #[test]
    fn files_are_in_byte_order_with_their_extensions() {
        let files = [
            "b.yml",
            "a_b.yaml",
            "a.yaml",
            "Z.json",
            ".hidden.yaml",
            "segue.yaml",
            "README.md",
            "a.YAML",
            "c.sql",
        ];
        let (found, diagnostics) = plan_files(&files, None);
        assert_eq!(diagnostics, Diagnostics::default());
        assert_eq!(
            found.iter().map(|p| p.file.as_str()).collect::<Vec<_>>(),
            ["Z.json", "a.yaml", "a_b.yaml", "b.yml"]
        );
        assert_eq!(found[2].name, "a_b");
        let (_, diagnostics) = plan_files(&["a.yaml", "a.json"], None);
        assert_eq!(diagnostics.0[0].code, "plan.duplicate_plan");
    }

    #[test]
    fn a_ledger_says_the_order_of_those_it_names() {
        let files = ["a.yaml", "b.json", "c.yml", "d.yaml"];
        let (found, diagnostics) = plan_files(&files, Some("c\r\nb.json\n\n  x.json\n"));
        assert_eq!(
            found.iter().map(|p| p.file.as_str()).collect::<Vec<_>>(),
            ["c.yml", "b.json", "a.yaml", "d.yaml"]
        );
        assert!(!diagnostics.has_errors());
        assert!(diagnostics.0[0].message.contains("`x.json`"), "{diagnostics:?}");
    }

    #[test]
    fn parents_come_first_and_the_rest_by_name() {
        let plans = [plan("a", ""), plan("b", ""), plan("c", "after: a"), plan("d", "after: [c, b, c]")];
        assert_eq!(
            ordered(&plans),
            Ok(vec![("a", vec![]), ("b", vec!["a"]), ("c", vec!["a"]), ("d", vec!["c", "b"])])
        );
        let plans = [plan("a", ""), plan("b", "after: c"), plan("c", "after: a")];
        assert_eq!(ordered(&plans), Ok(vec![("a", vec![]), ("c", vec!["a"]), ("b", vec!["c"])]));
    }

    #[test]
    fn unknown_parents_and_circles_have_a_place() {
        let unknown =
            ordered(&[plan("orders", ""), plan("users", "after: order")]).expect_err("no such plan");
        assert_eq!(
            (unknown.code, unknown.help.as_deref()),
            ("plan.unknown_parent", Some("did you mean `orders`?"))
        );
        assert_eq!(unknown.span.map(|span| span.line_column()), Some((1, 8)));
        let circle = ordered(&[plan("a", "after: b"), plan("b", "")]).expect_err("b follows a by name");
        assert_eq!((circle.code, circle.span.map(|s| s.line_column())), ("plan.cycle", Some((1, 8))));
        assert!(circle.message.ends_with("`a` after `b` after `a`"), "{}", circle.message);
        let own = ordered(&[plan("a", "after: [a]")]).expect_err("itself");
        assert_eq!((own.code, own.span.map(|s| s.line_column())), ("plan.cycle", Some((1, 9))));
    }
}

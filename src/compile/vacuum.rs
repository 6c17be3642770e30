//! Owns the VACUUM of a table after its fill, where it is asked for. Must not decide whether it is.

use super::assemble::{locks, step};
use super::program::{Action, Cost, LockMode, Phase, Program, Step, Undo};

impl Program {
    /// With a VACUUM right after each fill: before the indexes on what was filled are built, so that
    /// those have nothing dead in them, and the visibility map is there for the proofs.
    pub fn with_vacuum(mut self) -> Program {
        let all = std::mem::take(&mut self.steps);
        for one in all {
            let vacuum = vacuum_after(&one);
            self.steps.push(one);
            self.steps.extend(vacuum);
        }
        self
    }
}

fn vacuum_after(fill: &Step) -> Option<Step> {
    let Action::Backfill(spec) = &fill.action else { return None };
    // A copy that was only inserted into has nothing dead in it.
    if spec.copy.is_some() {
        return None;
    }
    let action = Action::Vacuum { table: spec.table.clone(), partitioned: spec.partitioned };
    let held = locks([(spec.table.clone(), LockMode::ShareUpdateExclusive)]);
    let title = format!("vacuum {}", spec.table.name.as_str());
    Some(step(title, Phase::Backfill, action, held, Cost::Scan, Undo::Nothing))
}

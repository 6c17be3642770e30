//! Owns the fields of `sql`. Must not read the SQL itself.

use super::Text;
use super::decode::Fields;
use crate::diagnostic::Diagnostic;

#[derive(Clone, Debug, PartialEq)]
pub struct Sql {
    pub up: Text,
    pub down: Option<Text>,
    pub on_complete: bool,
}

impl Sql {
    pub(crate) fn decode(mut f: Fields<'_>) -> Option<Sql> {
        let up = f.required_filled("up");
        let down = f.optional_filled("down");
        // pgroll's only key in camel case; ours beside it.
        let theirs = f.keyed("onComplete");
        let ours = f.keyed("on_complete");
        if let (Some((theirs, _)), Some((ours, _))) = (theirs, ours) {
            let (first, second) = (theirs.start.min(ours.start), theirs.start.max(ours.start));
            f.cx.duplicate_key("onComplete", &(second..second + 1), first);
        }
        let key = if ours.is_some() { "on_complete" } else { "onComplete" };
        let on_complete = f.flag(key);
        if let (true, Some(down)) = (on_complete, &down) {
            f.cx.report(
                Diagnostic::error("plan.invalid_value", "`down` does not go with `onComplete`")
                    .at(down.span.clone())
                    .help(
                        "what runs at completion can no longer be rolled back; remove `down` or `onComplete`",
                    ),
            );
        }
        f.finish();
        Some(Sql { up: up?, down, on_complete })
    }
}

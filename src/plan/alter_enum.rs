//! Owns the fields of `alter_enum`. Must not know a catalog.

use super::Text;
use super::decode::{Context, Fields};
use super::node::Node;
use crate::diagnostic::{Diagnostic, clip};
use crate::ident::MAX_BYTES;

#[derive(Clone, Debug, PartialEq)]
pub struct AlterEnum {
    /// The type's name.
    pub name: Text,
    pub add: Vec<AddValue>,
    pub rename: Vec<RenameValue>,
    pub remove: Vec<RemoveValue>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct AddValue {
    pub value: Text,
    /// `None`: the last one.
    pub place: Option<Place>,
    /// What the old version sees for it; `None`: there is none before the contract.
    pub down: Option<Text>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Place {
    Before(Text),
    After(Text),
}

#[derive(Clone, Debug, PartialEq)]
pub struct RenameValue {
    pub from: Text,
    pub to: Text,
}

#[derive(Clone, Debug, PartialEq)]
pub struct RemoveValue {
    pub value: Text,
    /// What the new version sees for it.
    pub to: Text,
}

impl AlterEnum {
    pub(crate) fn decode(mut f: Fields<'_>) -> Option<AlterEnum> {
        let name = f.required_name("type");
        let add = each(&mut f, "add", AddValue::decode);
        let rename = each(&mut f, "rename", RenameValue::decode);
        let remove = each(&mut f, "remove", RemoveValue::decode);
        let given = ["add", "rename", "remove"].map(|key| f.optional(key).is_some());
        if given == [false; 3] {
            f.cx.report(
                Diagnostic::error("plan.no_change", format!("{} changes nothing", f.what))
                    .at(f.cx.span(&f.at))
                    .help("give `add`, `rename` or `remove`"),
            );
        }
        f.finish();
        Some(AlterEnum { name: name?, add: add?, rename: rename?, remove: remove? })
    }
}

/// The items of a list of mappings; `None` where one is wrong.
fn each<T>(
    f: &mut Fields<'_>,
    key: &'static str,
    decode: impl Fn(Fields<'_>) -> Option<T>,
) -> Option<Vec<T>> {
    let Some(node) = f.optional(key) else { return Some(Vec::new()) };
    let items = f.optional_list(key)?;
    if items.is_empty() {
        f.cx.error("plan.invalid_value", &node.bytes, format!("{} is empty", f.named(key)));
    }
    let what = format!("an item of {}", f.named(key));
    let decode = |item: &Node| decode(Fields::of(f.cx, item, &what, None)?);
    // Every fault is told at once.
    items.iter().map(|item| decode(item)).collect::<Vec<_>>().into_iter().collect()
}

impl AddValue {
    fn decode(mut f: Fields<'_>) -> Option<AddValue> {
        let value = f.new_label("value");
        let before = f.label("before");
        let after = f.label("after");
        let down = f.label("down");
        let place = match (before, after) {
            (Some(_), Some(after)) => {
                let message = format!("{} has both `before` and `after`", f.what);
                f.cx.report(
                    Diagnostic::error("plan.invalid_value", message)
                        .at(after.span)
                        .help("remove one of the two"),
                );
                return None;
            }
            (Some(before), None) => Some(Place::Before(before)),
            (None, after) => after.map(Place::After),
        };
        f.finish();
        Some(AddValue { value: value?, place, down })
    }
}

impl RenameValue {
    fn decode(mut f: Fields<'_>) -> Option<RenameValue> {
        let from = f.required_label("from");
        let to = f.new_label("to");
        f.rename_changes(&from, &to);
        f.finish();
        Some(RenameValue { from: from?, to: to? })
    }
}

impl RemoveValue {
    fn decode(mut f: Fields<'_>) -> Option<RemoveValue> {
        let value = f.required_label("value");
        let to = f.required_label("to");
        f.finish();
        Some(RemoveValue { value: value?, to: to? })
    }
}

impl Fields<'_> {
    fn label(&mut self, key: &'static str) -> Option<Text> {
        self.optional_text(key)
    }

    fn required_label(&mut self, key: &'static str) -> Option<Text> {
        let node = self.required(key)?;
        self.cx.text(node, &self.named(key))
    }

    /// One that PostgreSQL could keep.
    fn new_label(&mut self, key: &'static str) -> Option<Text> {
        let label = self.required_label(key)?;
        fits(self.cx, &label, &self.named(key)).then_some(label)
    }
}

fn fits(cx: &Context, label: &Text, what: &str) -> bool {
    let long = label.value.len();
    let fault = if long > MAX_BYTES {
        format!("{what} is {long} bytes long; PostgreSQL keeps values of an enum of up to {MAX_BYTES}")
    } else if label.value.contains('\0') {
        format!("{what} has a NUL character in it: {}", clip(&label.value))
    } else {
        return true;
    };
    cx.report(Diagnostic::error("plan.invalid_name", fault).at(label.span.clone()));
    false
}

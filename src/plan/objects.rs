//! Owns the fields of the operations on views and functions. Must not know a catalog, nor read the SQL.

use super::Text;
use super::decode::Fields;

#[derive(Clone, Debug, PartialEq)]
pub struct CreateOrReplaceView {
    pub name: Text,
    pub query: Text,
    /// Names of its columns; empty: the query's.
    pub columns: Vec<Text>,
    /// What stands in WITH (…).
    pub options: Option<Text>,
    pub comment: Option<Text>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct DropView {
    pub name: Text,
}

#[derive(Clone, Debug, PartialEq)]
pub struct CreateOrReplaceFunction {
    pub name: Text,
    /// What stands between the brackets after its name.
    pub arguments: Option<Text>,
    /// What stands after RETURNS; `None`: by its OUT arguments, or a procedure.
    pub returns: Option<Text>,
    pub procedure: bool,
    pub language: Option<Text>,
    /// Such as `STABLE SECURITY DEFINER SET search_path = app`.
    pub options: Option<Text>,
    pub body: Text,
}

#[derive(Clone, Debug, PartialEq)]
pub struct DropFunction {
    pub name: Text,
    /// Types, where several functions have the name.
    pub arguments: Option<Text>,
}

impl CreateOrReplaceView {
    pub(crate) fn decode(mut f: Fields<'_>) -> Option<CreateOrReplaceView> {
        let name = f.required_name("name");
        let query = f.required_filled("query");
        let columns = f.names("columns");
        let options = f.optional_filled("options");
        let comment = f.optional_text("comment");
        f.finish();
        Some(CreateOrReplaceView { name: name?, query: query?, columns, options, comment })
    }
}

impl DropView {
    pub(crate) fn decode(mut f: Fields<'_>) -> Option<DropView> {
        let name = f.required_name("name");
        f.finish();
        Some(DropView { name: name? })
    }
}

impl CreateOrReplaceFunction {
    pub(crate) fn decode(mut f: Fields<'_>) -> Option<CreateOrReplaceFunction> {
        let name = f.required_name("name");
        let arguments = f.optional_text("arguments");
        let returns = f.optional_filled("returns");
        let kind = f.one_of("kind", &["function", "procedure"]);
        let language = f.optional_name("language");
        let options = f.optional_filled("options");
        let body = f.required_filled("body");
        let procedure = kind.is_some_and(|kind| kind.value == "procedure");
        f.finish();
        Some(CreateOrReplaceFunction {
            name: name?,
            arguments,
            returns,
            procedure,
            language,
            options,
            body: body?,
        })
    }
}

impl DropFunction {
    pub(crate) fn decode(mut f: Fields<'_>) -> Option<DropFunction> {
        let name = f.required_name("name");
        let arguments = f.optional_text("arguments");
        f.finish();
        Some(DropFunction { name: name?, arguments })
    }
}

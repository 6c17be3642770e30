//! The house's rules, held by reading the sources as text: imports go down the list only, the core stays pure, one module
//! speaks to PostgreSQL, every file says what it owns and stays short.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// From the bottom up; a module may import its own group and those above it here. DESIGN.md's list.
const LAYERS: [&[&str]; 16] = [
    &["ident", "lsn", "diagnostic"],
    &["plan"],
    &["catalog"],
    &["compile"],
    &["control"],
    &["journal"],
    &["clock", "failpoint", "telemetry"],
    &["pg"],
    &["store"],
    &["monitor"],
    &["execute"],
    &["supervise"],
    &["sandbox"],
    &["ui"],
    &["http"],
    &["cli"],
];

/// Everything up to the journal: no clock, no I/O, no async.
const PURE: usize = 6;

/// What a pure module does not mention.
const IMPURE: [&str; 13] = [
    "Instant::now",
    "SystemTime",
    "Timestamp::now",
    "Zoned::now",
    "tokio",
    "async fn",
    "async move",
    ".await",
    "std::fs",
    "std::net",
    "std::process",
    "std::env",
    "println!",
];

/// Only `pg` may know which driver there is.
const DRIVER: [&str; 5] = ["tokio_postgres", "deadpool", "rustls", "postgres_types", "postgres_protocol"];

const MAX_LINES: usize = 600;

struct Source {
    /// Relative to `src`.
    path: PathBuf,
    text: String,
    /// Without comments and without modules that are compiled for tests only.
    code: String,
}

impl Source {
    /// The top-level module this file belongs to.
    fn module(&self) -> String {
        let first = self.path.components().next().expect("a file has a path");
        first.as_os_str().to_string_lossy().trim_end_matches(".rs").to_owned()
    }

    /// How many modules deep the file is: `ident.rs` and `pg/mod.rs` are one.
    fn depth(&self) -> usize {
        let depth = self.path.components().count();
        if self.path.file_name().is_some_and(|name| name == "mod.rs") { depth - 1 } else { depth }
    }

    fn at(&self, needle: &str) -> String {
        let line = self.text.lines().position(|line| line.contains(needle)).map_or(0, |at| at + 1);
        format!("src/{}:{line}", self.path.display())
    }
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (mut found, mut folders, mut tests) = (Vec::new(), vec![root.clone()], BTreeSet::new());
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("the sources are there") {
            let path = entry.expect("it can be read").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).expect("sources are UTF-8");
                let (code, test_modules) = without_tests(&without_comments(&text));
                let home = if ["mod.rs", "lib.rs", "main.rs"].iter().any(|name| path.ends_with(name)) {
                    folder.clone()
                } else {
                    path.with_extension("")
                };
                for module in test_modules {
                    tests.insert(home.join(format!("{module}.rs")));
                    tests.insert(home.join(module));
                }
                found.push((path, text, code));
            }
        }
    }
    let is_test = |path: &Path| path.ancestors().any(|ancestor| tests.contains(ancestor));
    let mut sources: Vec<Source> = found
        .into_iter()
        .map(|(path, text, code)| {
            let code = if is_test(&path) { String::new() } else { code };
            Source { path: path.strip_prefix(&root).expect("it is below").to_owned(), text, code }
        })
        .collect();
    sources.sort_by(|a, b| a.path.cmp(&b.path));
    assert!(sources.len() > 50, "the sources were not found");
    sources
}

/// Cuts `//` comments that begin a line or follow a blank: a link in a comment is not an import, a URL in a text no comment.
fn without_comments(text: &str) -> String {
    let cut = |line: &str| {
        let at = if line.trim_start().starts_with("//") { Some(0) } else { line.find(" // ") };
        at.map_or(line, |at| &line[..at]).to_owned()
    };
    text.lines().map(cut).collect::<Vec<_>>().join("\n")
}

/// Cuts inline test modules (they end with a brace in the first column), and names those that are files of their own.
fn without_tests(code: &str) -> (String, Vec<String>) {
    let (mut kept, mut files) = (Vec::new(), Vec::new());
    let mut lines = code.lines();
    while let Some(line) = lines.next() {
        if line.trim() != "#[cfg(test)]" {
            kept.push(line);
            continue;
        }
        let Some(next) = lines.find(|line| !line.trim_start().starts_with("#[")) else { break };
        match next.trim().trim_start_matches("pub(crate) ").strip_prefix("mod ") {
            Some(module) if module.ends_with(';') => files.push(module.trim_end_matches(';').to_owned()),
            Some(_) => {
                lines.find(|line| *line == "}");
            }
            None => kept.push(next),
        }
    }
    (kept.join("\n"), files)
}

/// The top-level modules that a file names: `crate::a::b`, `crate::{a, b::{c, d}}`, and `super::` chains up to the root.
fn imports(source: &Source) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let code = &source.code;
    let mut after = |rest: &str| {
        if let Some(group) = rest.strip_prefix('{') {
            let (mut depth, mut item) = (1, String::new());
            for c in group.chars() {
                match c {
                    '{' => depth += 1,
                    '}' => depth -= 1,
                    _ => {}
                }
                if depth == 0 || depth == 1 && c == ',' {
                    found.extend(first_word(&item));
                    item.clear();
                    if depth == 0 {
                        break;
                    }
                } else {
                    item.push(c);
                }
            }
        } else {
            found.extend(first_word(rest));
        }
    };
    for (at, _) in code.match_indices("crate::") {
        if !code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':' || c == '$') {
            after(&code[at + "crate::".len()..]);
        }
    }
    let to_root = "super::".repeat(source.depth());
    for (at, _) in code.match_indices(&to_root) {
        if !code[..at].ends_with("::") {
            after(code[at..].trim_start_matches("super::"));
        }
    }
    found
}

fn first_word(path: &str) -> Option<String> {
    let word: String = path.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    // Macros live at the root under their own names.
    let is_module = !word.is_empty() && !path.trim_start()[word.len()..].starts_with('!');
    is_module.then_some(word)
}

fn layer(module: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&module))
}

#[test]
fn imports_go_down_the_list_only() {
    let mut faults = Vec::new();
    for source in sources() {
        let module = source.module();
        if ["lib", "main"].contains(&module.as_str()) {
            continue;
        }
        let Some(own) = layer(&module) else {
            faults.push(format!(
                "src/{}: `{module}` has no place in the list of layers",
                source.path.display()
            ));
            continue;
        };
        for import in imports(&source) {
            match layer(&import) {
                Some(other) if other <= own => {}
                Some(_) => faults.push(format!(
                    "{}: `{module}` imports `{import}`, which is above it",
                    source.at(&import)
                )),
                None => faults
                    .push(format!("{}: `crate::{import}` is not a module of the list", source.at(&import))),
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn the_core_knows_no_clock_and_does_no_io() {
    let mut faults = Vec::new();
    for source in sources() {
        if layer(&source.module()).is_some_and(|layer| layer < PURE) {
            for word in IMPURE.iter().filter(|word| source.code.contains(**word)) {
                faults.push(format!("{}: {word}", source.at(word)));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn only_pg_knows_the_driver() {
    let mut faults = Vec::new();
    for source in sources().iter().filter(|source| source.module() != "pg") {
        for word in DRIVER.iter().filter(|word| source.code.contains(**word)) {
            faults.push(format!("{}: {word}", source.at(word)));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_file_says_what_it_owns_and_is_short() {
    let mut faults = Vec::new();
    for source in sources() {
        let path = source.path.display();
        if !source.text.starts_with("//! ") {
            faults.push(format!("src/{path} does not open with `//!`"));
        }
        let lines = source.text.lines().count();
        if lines > MAX_LINES {
            faults.push(format!("src/{path} has {lines} lines, more than {MAX_LINES}"));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn the_reader_of_sources_sees_what_it_is_to_see() {
    let text = "//! Owns x. See [`crate::cli`].\nuse crate::{\n    plan::{Plan, node},\n    pg,\n};\nuse super::super::http::Server;\n\
                fn f() { crate::ui::show() } // crate::cli\n#[cfg(test)]\nmod tests {\n    use crate::sandbox;\n}\n#[cfg(test)]\nmod more;\n";
    let (code, files) = without_tests(&without_comments(text));
    assert_eq!(files, ["more"]);
    let source = Source { path: "control/state.rs".into(), text: text.to_owned(), code };
    assert_eq!((source.module().as_str(), source.depth()), ("control", 2));
    let found: Vec<String> = imports(&source).into_iter().collect();
    assert_eq!(found, ["http", "pg", "plan", "ui"]);
}

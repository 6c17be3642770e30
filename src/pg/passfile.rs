//! Owns libpq's two files: the password file and the service file. Must not connect, and must
//! not print a password.

use super::config::ConfigError;
use super::conninfo::{Params, keyword};
use std::{fs, os::unix::fs::PermissionsExt, path::Path};

/// What a password file is asked about.
pub(super) struct Question<'a> {
    pub host: &'a str,
    pub port: u16,
    pub dbname: &'a str,
    pub user: &'a str,
}

/// The file's text, or `None` when there is none to use; a file that others may read is passed
/// over with a warning, as libpq does.
pub(super) fn read(path: &Path, warnings: &mut Vec<String>) -> Option<String> {
    let meta = fs::metadata(path).ok()?;
    if !meta.is_file() {
        warnings.push(format!("password file {} is not a plain file; it is not used", path.display()));
        return None;
    }
    if meta.permissions().mode() & 0o077 != 0 {
        warnings.push(format!(
            "password file {} may be read by others; it is not used until `chmod 0600` makes it private",
            path.display()
        ));
        return None;
    }
    match fs::read_to_string(path) {
        Ok(text) => Some(text),
        Err(e) => {
            warnings.push(format!("password file {} cannot be read: {e}", path.display()));
            None
        }
    }
}

/// The password of the first line that fits.
pub(super) fn find(text: &str, question: &Question<'_>) -> Option<String> {
    let port = question.port.to_string();
    let wanted = [question.host, &port, question.dbname, question.user];
    text.lines().map(|line| line.strip_suffix('\r').unwrap_or(line)).find_map(|line| {
        if line.starts_with('#') {
            return None;
        }
        let mut rest = line;
        for wanted in wanted {
            let (field, wild, tail) = field(rest)?;
            if !wild && field != wanted {
                return None;
            }
            rest = tail?;
        }
        let (password, ..) = field(rest)?;
        (!password.is_empty()).then_some(password)
    })
}

/// One field without its escapes, whether it is a bare `*`, and what follows its colon.
fn field(text: &str) -> Option<(String, bool, Option<&str>)> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            ':' => return Some((value, &text[..at] == "*", Some(&text[at + 1..]))),
            '\\' => value.push(chars.next().map_or('\\', |(_, c)| c)),
            c => value.push(c),
        }
    }
    Some((value, text == "*", None))
}

/// The parameters of `[service]`; `None` when the file has no such section.
pub(super) fn service(text: &str, service: &str) -> Result<Option<Params>, ConfigError> {
    let mut found: Option<Params> = None;
    for line in text.lines().map(str::trim) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(name) = line.strip_prefix('[') {
            if found.is_some() {
                break;
            }
            if name.strip_suffix(']') == Some(service) {
                found = Some(Params::new());
            }
        } else if let Some(params) = &mut found {
            let (name, value) = line
                .split_once('=')
                .ok_or_else(|| ConfigError::new(format!("service \"{service}\" has a line without =")))?;
            if matches!(name, "service" | "servicefile") {
                return Err(ConfigError::new(format!("service \"{service}\" names another service")));
            }
            params.insert(keyword(name)?, value.to_owned());
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask<'a>(host: &'a str, user: &'a str) -> Question<'a> {
        Question { host, port: 5432, dbname: "shop", user }
    }

    #[test]
    fn the_first_line_that_fits_wins() {
        let text = "# *:*:*:*:no\n\nh:5432:other:u:no\nh\\:x:5432:shop:u:colon\nh:5432:*:u:a\\:b\\\\c\n*:*:*:*:any\n";
        assert_eq!(find(text, &ask("h", "u")).as_deref(), Some("a:b\\c"));
        assert_eq!(find(text, &ask("h:x", "u")).as_deref(), Some("colon"));
        assert_eq!(find(text, &ask("z", "z")).as_deref(), Some("any"));
        assert_eq!(find("h:1:shop:u:no\nbroken", &ask("h", "u")), None);
        // A star among other characters is a star.
        assert_eq!(find("h*:5432:shop:u:no", &ask("h1", "u")), None);
    }

    #[test]
    fn services() {
        let text = "# mine\n[a]\nhost=x\n[b]\nhost=y\nport=7\n[c]\nhost=z\n";
        let params = service(text, "b").unwrap().unwrap();
        assert_eq!((params["host"].as_str(), params["port"].as_str(), params.len()), ("y", "7", 2));
        assert_eq!(service(text, "d").unwrap(), None);
        assert!(service("[a]\nhots=x", "a").unwrap_err().to_string().contains("\"host\""));
    }
}

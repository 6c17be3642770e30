//! Owns showing.
use crate::supervise::told::Told;
use std::sync::Arc;
pub enum Mode {
    Json,
    Lines,
}
impl Mode {
    pub fn choose(json: bool, _t: bool, _c: bool) -> Mode {
        if json { Mode::Json } else { Mode::Lines }
    }
}
pub struct Show;
impl Show {
    pub fn new(_: Mode, _: Arc<crate::compile::Program>) -> Show {
        Show
    }
    pub fn take(&mut self, told: &Told) {
        if let Told::Record { at, record } = told {
            eprintln!("{at} {record:?}");
        }
    }
    pub fn finish(self) {}
}
pub mod status {
    pub fn render(s: &crate::control::status::Status, _: jiff::Timestamp, _: bool) -> String {
        format!("{s:#?}\n")
    }
}
pub mod tables {
    pub fn render(h: &[&str], rows: &[Vec<String>]) -> String {
        format!("{h:?}\n{rows:#?}\n")
    }
}

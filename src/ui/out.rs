//! Owns writing whole lines to a stream that may go away: after the first failure it says no more,
//! because a rollout must not end for want of a reader. Must not know what the lines say.

use std::io::Write;

pub struct Out {
    /// `None` once writing failed.
    to: Option<Box<dyn Write + Send>>,
}

impl Out {
    pub fn new(to: Box<dyn Write + Send>) -> Out {
        Out { to: Some(to) }
    }

    pub fn stdout() -> Out {
        Out::new(Box::new(std::io::stdout()))
    }

    pub fn stderr() -> Out {
        Out::new(Box::new(std::io::stderr()))
    }

    /// One line in one write, flushed at once: readers follow along.
    pub fn line(&mut self, line: &str) {
        if let Some(to) = &mut self.to {
            let written = to.write_all(format!("{line}\n").as_bytes()).and_then(|()| to.flush());
            if written.is_err() {
                self.to = None;
            }
        }
    }

    /// Nobody reads any more (a closed pipe), or nothing can be written (a full disk).
    pub fn is_closed(&self) -> bool {
        self.to.is_none()
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use std::io::{Error, ErrorKind, Result};
    use std::sync::{Arc, Mutex};

    /// What was written, for tests to look at.
    #[derive(Clone, Default)]
    pub struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Kept {
        pub fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }

        pub fn out(&self) -> Out {
            Out::new(Box::new(self.clone()))
        }
    }

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> Result<()> {
            Ok(())
        }
    }

    /// A pipe whose reader goes away after one line.
    struct Pipe(u8);

    impl Write for Pipe {
        fn write(&mut self, bytes: &[u8]) -> Result<usize> {
            self.0 += 1;
            if self.0 > 1 { Err(Error::from(ErrorKind::BrokenPipe)) } else { Ok(bytes.len()) }
        }

        fn flush(&mut self) -> Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_closed_pipe_ends_the_talking_and_nothing_else() {
        let mut out = Out::new(Box::new(Pipe(0)));
        out.line("one");
        assert!(!out.is_closed());
        out.line("two");
        assert!(out.is_closed());
        out.line("three");
    }

    #[test]
    fn lines_are_whole() {
        let kept = Kept::default();
        kept.out().line("one");
        assert_eq!(kept.text(), "one\n");
    }
}

use std::fmt;

use mcp_core::{Excerpt, RequestId};

use crate::StderrSummary;

/// What a connection knows that may explain why a server does not answer, for the error of a time-out.
///
/// `Display` is a part of one line, empty when there is [nothing](Self::is_empty). Texts of the server are
/// shown as [`Excerpt`]s. As an error it is a source that can be found by its type.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Diagnostics {
    /// How many lines or messages of the server were skipped, since they were not JSON-RPC.
    pub skipped: u64,
    /// The beginning of the last of them.
    pub last_skipped: Option<String>,
    /// How many answers had an id that no open request has, late answers to cancelled requests apart.
    pub unmatched: u64,
    /// The id of the last of them.
    pub last_unmatched: Option<RequestId>,
    /// The end of what the server wrote to stderr, where it is a process.
    pub stderr_tail: Option<String>,
}

impl Diagnostics {
    /// Nothing that explains anything.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets what the server wrote to stderr.
    #[must_use]
    pub fn with_stderr_tail(mut self, text: impl Into<Option<String>>) -> Self {
        self.stderr_tail = text.into().filter(|text| !text.trim().is_empty());
        self
    }

    /// Whether there is nothing to report.
    pub fn is_empty(&self) -> bool {
        self.skipped == 0 && self.unmatched == 0 && self.stderr_tail.is_none()
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        if self.skipped > 0 {
            let last = self.last_skipped.as_deref().unwrap_or_default();
            let lines =
                if self.skipped == 1 { "line was no message" } else { "lines were no messages" };
            write!(f, "{} {lines}, the last: {}", self.skipped, Excerpt(last))?;
            separator = "; ";
        }
        if let Some(last) = &self.last_unmatched {
            let answers = if self.unmatched == 1 { "answer" } else { "answers" };
            write!(
                f,
                "{separator}{} {answers} to no open request, the last with the id {}",
                self.unmatched,
                Excerpt(&last.to_string())
            )?;
            separator = "; ";
        }
        if let Some(tail) = &self.stderr_tail {
            write!(f, "{separator}stderr: {}", StderrSummary(tail))?;
        }
        Ok(())
    }
}

impl std::error::Error for Diagnostics {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_reads_as_a_part_of_a_line() {
        assert!(Diagnostics::new().is_empty());
        assert_eq!(Diagnostics::new().to_string(), "");
        let mut diagnostics =
            Diagnostics::new().with_stderr_tail("loading\nmodel 3 of 7\n".to_owned());
        diagnostics.skipped = 2;
        diagnostics.last_skipped = Some("Server running on port 3000".to_owned());
        diagnostics.unmatched = 1;
        diagnostics.last_unmatched = Some("x".into());
        assert_eq!(
            diagnostics.to_string(),
            "2 lines were no messages, the last: Server running on port 3000; 1 answer to no open \
             request, the last with the id \"x\"; stderr: loading | model 3 of 7"
        );
        assert!(Diagnostics::new().with_stderr_tail(" \n".to_owned()).is_empty());
    }
}

use std::fmt;

use mcp_core::{Excerpt, RequestId};

use crate::StderrSummary;

/// Observations of a connection that may explain why a server does not respond, for time-out errors.
///
/// `Display` prints them on one line, or nothing if there are [none](Self::is_empty). Text from the server
/// is shortened to an [`Excerpt`]. The type implements `Error`, so that it can be found in a chain of
/// sources.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Diagnostics {
    /// The number of received lines or messages that were skipped because they were not JSON-RPC.
    pub skipped: u64,
    /// The beginning of the last skipped line or message.
    pub last_skipped: Option<String>,
    /// The number of responses whose id matches no open request. Late responses to cancelled requests are
    /// not counted.
    pub unmatched: u64,
    /// The id of the last unmatched response.
    pub last_unmatched: Option<RequestId>,
    /// The last part of the server's stderr, if the server is a process.
    pub stderr_tail: Option<String>,
}

impl Diagnostics {
    /// Creates empty diagnostics.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the last part of the server's stderr. Blank text counts as none.
    #[must_use]
    pub fn with_stderr_tail(mut self, text: impl Into<Option<String>>) -> Self {
        self.stderr_tail = text.into().filter(|text| !text.trim().is_empty());
        self
    }

    /// Sets how many lines or messages were skipped, and the beginning of the last one.
    #[must_use]
    pub fn with_skipped(mut self, count: u64, last: impl Into<Option<String>>) -> Self {
        (self.skipped, self.last_skipped) = (count, last.into());
        self
    }

    /// Sets how many responses had an unknown id, and the last of these ids.
    #[must_use]
    pub fn with_unmatched(mut self, count: u64, last: impl Into<Option<RequestId>>) -> Self {
        (self.unmatched, self.last_unmatched) = (count, last.into());
        self
    }

    /// Whether there are no observations.
    pub fn is_empty(&self) -> bool {
        self.skipped == 0 && self.unmatched == 0 && self.stderr_tail.is_none()
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        if self.skipped > 0 {
            let last = self.last_skipped.as_deref().unwrap_or_default();
            let lines = if self.skipped == 1 { "line" } else { "lines" };
            write!(
                f,
                "skipped {} {lines} of non-JSON-RPC output, last: {}",
                self.skipped,
                Excerpt(last)
            )?;
            separator = "; ";
        }
        if let Some(last) = &self.last_unmatched {
            let responses = if self.unmatched == 1 { "response" } else { "responses" };
            write!(
                f,
                "{separator}received {} {responses} with an unknown id, last: {}",
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
    fn display_is_one_line() {
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
            "skipped 2 lines of non-JSON-RPC output, last: Server running on port 3000; received 1 \
             response with an unknown id, last: \"x\"; stderr: loading | model 3 of 7"
        );
        assert!(Diagnostics::new().with_stderr_tail(" \n".to_owned()).is_empty());
    }
}

//! The rows of the interop table, which `cargo xtask test` prints.

use std::{fs::OpenOptions, io::Write as _};

use mcp_client::Session;

/// The file that the task reads; without the variable nothing is written.
const FILE: &str = "MCP_INTEROP";

/// A row: a package that a test communicates with. It is reported as failed unless it [passes](Row::passed).
pub(crate) struct Row {
    package: String,
    carrier: String,
    era: String,
    has_passed: bool,
}

impl Row {
    pub(crate) fn new(package: &str, carrier: &str) -> Self {
        let (package, carrier) = (package.to_owned(), carrier.to_owned());
        Self { package, carrier, era: "-".to_owned(), has_passed: false }
    }

    /// The row of an open session.
    pub(crate) fn of(package: &str, session: &Session) -> Self {
        let mut row = Self::new(package, &format!("{:?}", session.connection().binding));
        row.speaks(session);
        row
    }

    /// Records the revision of the session.
    pub(crate) fn speaks(&mut self, session: &Session) {
        self.era = session.protocol_version().as_str().to_owned();
    }

    pub(crate) fn passed(mut self) {
        self.has_passed = true;
    }
}

impl Drop for Row {
    fn drop(&mut self) {
        let Some(file) = std::env::var_os(FILE) else { return };
        let Self { package, carrier, era, has_passed } = self;
        let result = if *has_passed { "passed" } else { "FAILED" };
        // One write, since tests run concurrently.
        let line = format!("{package}\t{carrier}\t{era}\t{result}\n");
        let file = OpenOptions::new().create(true).append(true).open(file);
        // A failed write fails no test.
        let _ = file.and_then(|mut file| file.write_all(line.as_bytes()));
    }
}

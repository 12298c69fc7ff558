use mcp_transport::{SharedTransport, Transport};

use crate::Error;

/// Adds the connection's diagnostics to a timeout error: skipped lines, and the last output on stderr.
pub(crate) fn explained(error: Error, transport: &SharedTransport) -> Error {
    let diagnostics = transport.diagnostics();
    match diagnostics.is_empty() {
        true => error,
        false => error.with_source(diagnostics),
    }
}

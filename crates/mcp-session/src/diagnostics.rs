use mcp_transport::{SharedTransport, Transport};

use crate::Error;

/// An error about a time limit, with what the connection knows of the silence: lines that could not be read,
/// the last output of the server on stderr.
pub(crate) fn explained(error: Error, transport: &SharedTransport) -> Error {
    let diagnostics = transport.diagnostics();
    match diagnostics.is_empty() {
        true => error,
        false => error.with_source(diagnostics),
    }
}

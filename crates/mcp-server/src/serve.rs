//! Serves one client over a byte stream.

use std::io;

use tokio::io::{AsyncRead, AsyncWrite};

use crate::Server;

impl Server {
    /// Serves one client over standard input and output, until the client closes the input; see
    /// [`mcp_serve::serve_stdio`].
    ///
    /// # Errors
    /// Reading or writing fails.
    ///
    /// Spec: basic/transports/stdio
    pub async fn serve_stdio(&self) -> io::Result<()> {
        mcp_serve::serve_stdio(self.clone()).await
    }

    /// Serves one client over a pair of byte streams, one message a line, until `reader` ends; see
    /// [`mcp_serve::serve_lines`].
    ///
    /// # Errors
    /// Reading or writing fails.
    ///
    /// # Panics
    /// Panics outside a tokio runtime with time enabled.
    ///
    /// Spec: basic/transports#custom-transports
    pub async fn serve<R, W>(&self, reader: R, writer: W) -> io::Result<()>
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin,
    {
        mcp_serve::serve_lines(self.clone(), reader, writer).await
    }
}

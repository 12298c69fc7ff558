//! Integration with `tower`: layers that apply to a whole exchange, and a transport as a service.
//!
//! The layers wrap any [`Transport`](crate::Transport). Apply them to the transport of a connection with
//! [`Connection::map`](crate::Connection::map):
//!
//! ```
//! use std::time::Duration;
//! use mcp_transport::{Connect, Connection, Error, Transport, tower::TimeoutLayer};
//! use tower_layer::Layer;
//!
//! async fn connect(connector: impl Connect) -> Result<Connection<impl Transport>, Error> {
//!     let layer = TimeoutLayer::new(Duration::from_secs(30));
//!     Ok(connector.connect().await?.map(|transport| layer.layer(transport)))
//! }
//! ```
#![doc(alias = "middleware")]

mod limit;
mod service;
mod timeout;
#[cfg(feature = "tracing")]
mod trace;

#[cfg(feature = "tracing")]
pub use self::trace::{Trace, TraceLayer};
pub use self::{
    limit::{ConcurrencyLimit, ConcurrencyLimitLayer},
    service::TransportService,
    timeout::{Timeout, TimeoutLayer},
};

#[cfg(test)]
mod testing {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use std::pin::Pin;

    use mcp_core::{RawJson, Request};
    use mcp_testkit::within;
    use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream, Lines};

    use crate::{Envelope, Limits, multiplex::Multiplex};

    /// The server side of a connection, driven by the test.
    pub(super) struct Peer {
        pub(super) lines: Pin<Box<Lines<BufReader<DuplexStream>>>>,
        pub(super) writer: DuplexStream,
    }

    impl Peer {
        pub(super) async fn line(&mut self) -> String {
            within(self.lines.next_line()).await.unwrap().unwrap()
        }

        pub(super) async fn write(&mut self, line: &str) {
            self.writer.write_all(format!("{line}\n").as_bytes()).await.unwrap();
        }
    }

    pub(super) fn connection() -> (Multiplex, Peer) {
        let (reader, peer_writer) = tokio::io::duplex(1 << 12);
        let (writer, peer_reader) = tokio::io::duplex(1 << 12);
        let (multiplex, _, driver) = Multiplex::lines(reader, writer, Limits::default());
        tokio::spawn(driver);
        let lines = Box::pin(BufReader::new(peer_reader).lines());
        (multiplex, Peer { lines, writer: peer_writer })
    }

    pub(super) fn call(id: i64, method: &'static str) -> Envelope<Request> {
        let params = RawJson::trusted(r#"{"_meta":{"progressToken":1},"secret":"xyzzy"}"#);
        Request::new(id, method).with_params(params).into()
    }

    pub(super) const RESULT: &str = r#"{"jsonrpc":"2.0","id":1,"result":{"secret":"xyzzy"}}"#;
    pub(super) const PROGRESS: &str = r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":1,"progress":1}}"#;
    pub(super) const CANCELLED: &str =
        r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}"#;
}

//! Where the contract meets `tower`: a transport as a service, and layers that hold for a whole exchange.

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
    use std::{pin::Pin, time::Duration};

    use mcp_core::{RawJson, Request};
    use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream, Lines};

    use crate::{Envelope, Limits, multiplex::Multiplex};

    /// A server that the test plays, line by line.
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

    /// Time is paused, so a wait that nothing ends is over at once.
    pub(super) async fn within<F: Future>(future: F) -> F::Output {
        tokio::time::timeout(Duration::from_secs(3600), future).await.expect("it ends")
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

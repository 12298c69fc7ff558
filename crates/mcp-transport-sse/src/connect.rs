use mcp_http::{HttpService, transport::TransportTasks};
use mcp_transport::{Connect, Connection, Delivery, Error, Gap, Hold, Inbound};

use crate::{Sse, SseTransport, inner::Inner, sender::Sender};

/// Opens the stream and waits for its `endpoint` event; see [`endpoint_timeout`](Sse::endpoint_timeout). Needs a tokio
/// runtime.
impl<S: HttpService> Connect for Sse<S> {
    type Transport = SseTransport<S>;

    async fn connect(&self) -> Result<Connection<Self::Transport>, Error> {
        let endpoint = self.http_endpoint()?;
        let tasks = TransportTasks::new("HTTP+SSE")?;
        let (chain, inbound) = Inbound::successive(Gap::NewSession);
        let inner = Inner::new(Sender::new(endpoint, tasks), chain);
        inner.open().await.map_err(|error| error.with_delivery(Delivery::NotSent))?;
        Ok(Connection::new(SseTransport::new(inner), inbound, self.info()))
    }

    fn describe(&self) -> String {
        self.endpoint().to_string()
    }

    fn hold(&self) -> Option<Hold> {
        self.hold()
    }
}

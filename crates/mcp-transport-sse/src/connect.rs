use std::sync::Arc;

use mcp_http::{HttpService, Tasks};
use mcp_transport::{Connect, Connection, Delivery, Error, Gap, Inbound};

use crate::{Sse, SseTransport, shared::Shared};

/// Opens the stream, once, and waits for its `endpoint` event; see
/// [`endpoint_timeout`](Sse::endpoint_timeout). It has to happen in a tokio runtime.
impl<S: HttpService> Connect for Sse<S> {
    type Transport = SseTransport<S>;

    async fn connect(&self) -> Result<Connection<Self::Transport>, Error> {
        let wire = self.wire()?;
        let tasks = Tasks::new("HTTP+SSE")?;
        let (chain, inbound) = Inbound::successive(Gap::NewSession);
        let shared = Arc::new(Shared::new(wire, chain, tasks));
        shared.open().await.map_err(|error| error.with_delivery(Delivery::NotSent))?;
        Ok(Connection::new(SseTransport::new(shared), inbound, self.info()))
    }

    fn describe(&self) -> String {
        self.endpoint().to_string()
    }
}

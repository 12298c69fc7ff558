use mcp_http::{HttpService, Tasks};
use mcp_transport::{Connect, Connection, Error, Inbound, Limits};

use crate::{StreamableHttp, StreamableHttpTransport, shared::Shared};

/// Opening does no I/O: HTTP has no connection of its own, and the first request tells whether the server
/// is there. It has to happen in a tokio runtime.
impl<S: HttpService> Connect for StreamableHttp<S> {
    type Transport = StreamableHttpTransport<S>;

    async fn connect(&self) -> Result<Connection<Self::Transport>, Error> {
        let wire = self.wire()?;
        let tasks = Tasks::new("Streamable HTTP")?;
        let (sender, inbound) = Inbound::channel(&Limits::default());
        let shared = Shared::new(wire, sender, tasks);
        Ok(Connection::new(StreamableHttpTransport::new(shared), inbound, self.info()))
    }

    fn describe(&self) -> String {
        self.endpoint().to_string()
    }
}

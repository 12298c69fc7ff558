use mcp_http::{HttpService, Tasks};
use mcp_transport::{Address, Binding, Connect, Connection, Error};

use crate::{StreamableHttp, StreamableHttpTransport, inbox::Inbox, shared::Shared};

/// Opening does no I/O: HTTP has no connection of its own, and the first request tells whether the server
/// is there. It has to happen in a tokio runtime.
impl<S: HttpService> Connect for StreamableHttp<S> {
    type Transport = StreamableHttpTransport<S>;

    async fn connect(&self) -> Result<Connection<Self::Transport>, Error> {
        let wire = self.wire()?;
        let tasks = Tasks::new("Streamable HTTP")?;
        let (inbox, inbound) = Inbox::new();
        let shared = Shared::new(wire, inbox, tasks);
        Ok(Connection::new(StreamableHttpTransport::new(shared), inbound))
    }

    fn binding(&self) -> Binding {
        Binding::Http
    }

    fn describe(&self) -> String {
        self.endpoint().to_string()
    }

    fn address(&self) -> Option<Address> {
        self.endpoint().address()
    }
}

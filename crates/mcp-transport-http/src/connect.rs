use mcp_transport::{Binding, Connect, Connection, Delivery, Error, ErrorKind};
use tokio::runtime::Handle;

use crate::{
    HttpService, StreamableHttp, StreamableHttpTransport, inbox::Inbox, shared::Shared,
    tasks::Tasks,
};

/// Opening does no I/O: HTTP has no connection of its own, and the first request tells whether the server
/// is there. It has to happen in a tokio runtime.
impl<S: HttpService> Connect for StreamableHttp<S> {
    type Transport = StreamableHttpTransport<S>;

    async fn connect(&self) -> Result<Connection<Self::Transport>, Error> {
        let wire = self.wire()?;
        let runtime = Handle::try_current().map_err(|error| {
            Error::new(ErrorKind::Config, "Streamable HTTP needs a tokio runtime to connect in")
                .with_delivery(Delivery::NotSent)
                .with_source(error)
        })?;
        let (inbox, inbound) = Inbox::new();
        let shared = Shared::new(wire, inbox, Tasks::new(runtime));
        Ok(Connection::new(StreamableHttpTransport::new(shared), inbound))
    }

    fn binding(&self) -> Binding {
        Binding::Http
    }

    fn describe(&self) -> String {
        self.endpoint().to_string()
    }
}

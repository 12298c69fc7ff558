use mcp_http::{HttpService, transport::TransportTasks};
use mcp_transport::{Connect, Connection, Error, Hold, Inbound, Limits};

use crate::{StreamableHttp, StreamableHttpTransport, inner::Inner};

/// Connecting does no I/O: the first request shows whether the server can be reached. Needs a tokio runtime.
impl<S: HttpService> Connect for StreamableHttp<S> {
    type Transport = StreamableHttpTransport<S>;

    async fn connect(&self) -> Result<Connection<Self::Transport>, Error> {
        let endpoint = self.http_endpoint()?;
        let tasks = TransportTasks::new("Streamable HTTP")?;
        let (sender, inbound) = Inbound::channel(&Limits::default());
        let inner = Inner::new(endpoint, sender, tasks);
        Ok(Connection::new(StreamableHttpTransport::new(inner), inbound, self.info()))
    }

    fn describe(&self) -> String {
        self.endpoint().to_string()
    }

    fn hold(&self) -> Option<Hold> {
        self.hold()
    }
}

use std::{fmt, sync::Arc};

use mcp_transport::{Binding, Connect, Connection, ConnectionInfo, Error, Serve};

use crate::MemoryTransport;

/// A [connector](Connect) to a server in the same process.
///
/// Connecting never fails, and its future is ready at the first poll.
#[doc(alias = "in-process")]
#[derive(Clone)]
pub struct Memory<S> {
    name: String,
    server: Arc<dyn Fn() -> Arc<S> + Send + Sync>,
}

impl<S: Serve> Memory<S> {
    /// Connects to `server`. All connections share it, unless it returns a server
    /// [for each client](Serve::for_client).
    pub fn new(server: S) -> Self {
        let name = server.name();
        let server = Arc::new(server);
        let each = move || server.for_client().map_or_else(|| Arc::clone(&server), Arc::new);
        Self { name, server: Arc::new(each) }
    }

    /// Creates a server for each connection, for servers with state per client. Calls `server` once now, to
    /// get the name.
    pub fn each(server: impl Fn() -> S + Send + Sync + 'static) -> Self {
        let name = server().name();
        Self { name, server: Arc::new(move || Arc::new(server())) }
    }
}

impl<S: Serve> Connect for Memory<S> {
    type Transport = MemoryTransport<S>;

    async fn connect(&self) -> Result<Connection<Self::Transport>, Error> {
        let server = (self.server)();
        let info = ConnectionInfo::new(Binding::InProcess, self.describe())
            .with_idle_limit_enforced(server.enforces_idle_limit());
        Ok(MemoryTransport::open(server, info))
    }

    fn describe(&self) -> String {
        format!("{} in this process", self.name)
    }
}

impl<S> fmt::Debug for Memory<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memory").field("name", &self.name).finish_non_exhaustive()
    }
}

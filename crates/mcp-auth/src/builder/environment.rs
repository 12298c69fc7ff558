//! User agent, token store, HTTP client and events.

use std::sync::Arc;
use std::time::Duration;

use mcp_http::HttpClient;

use crate::agent::UserAgent;
use crate::agent::erased::SharedAgent;
use crate::event::Event;
use crate::oauth::OAuth;
use crate::store::TokenStore;
use crate::store::erased::SharedStore;

/// User agent, store, HTTP client and events.
impl OAuth {
    /// Sets how a user logs in: `Browser`, [`Terminal`](crate::Terminal), [`follow`](crate::follow), or a custom agent.
    /// Default: `Browser`, with the feature `browser`.
    pub fn user_agent(self, agent: impl UserAgent) -> Self {
        self.set(|it| it.agent = Some(SharedAgent::new(agent)))
    }

    /// The token store. Default: in memory.
    pub fn store(self, store: impl TokenStore) -> Self {
        self.set(|it| it.store = SharedStore::new(store))
    }

    /// Separates tokens from those of other namespaces in the same store, for example one namespace for each user.
    pub fn namespace(self, namespace: impl Into<String>) -> Self {
        self.set(|it| it.namespace = namespace.into())
    }

    /// The HTTP client for requests to authorization servers: its proxy and certificates are used, its headers are not
    /// sent. Default: the client of the transport.
    pub fn http(self, client: HttpClient) -> Self {
        self.set(|it| it.http = Some(client))
    }

    /// Limit on the time for a login. Default: 5 min.
    pub fn login_timeout(self, limit: Duration) -> Self {
        self.set(|it| it.login_timeout = limit)
    }

    /// Sets the event handler. It must not block.
    pub fn on_event(self, handler: impl Fn(Event) + Send + Sync + 'static) -> Self {
        self.set(|it| it.on_event = Some(Arc::new(handler)))
    }
}

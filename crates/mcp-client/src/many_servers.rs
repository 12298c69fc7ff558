//! Several servers as a target: the members of a group.

use std::sync::Arc;

use mcp_group::{Backend, Group, GroupBuilder, ToolRules};
use mcp_session::{Error, SessionOptions};
use mcp_transport::SharedConnect;

use crate::one_server::OneServer;
#[cfg(any(feature = "http", feature = "sse"))]
use crate::url_connector::UrlConnector;

/// Several servers, or one server whose tools are filtered or renamed.
#[derive(Debug, Clone)]
pub(crate) struct ManyServers(pub(crate) Arc<[Entry]>);

#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) name: Arc<str>,
    pub(crate) outcome: Result<Server, Error>,
}

#[derive(Debug, Clone)]
pub(crate) struct Server {
    pub(crate) one: OneServer,
    pub(crate) rules: Option<ToolRules>,
}

impl ManyServers {
    /// Changes the settings of the servers behind URLs. Returns whether there are any.
    #[cfg(any(feature = "http", feature = "sse"))]
    pub(crate) fn change_urls(&mut self, change: impl Fn(UrlConnector) -> UrlConnector) -> bool {
        let mut entries = self.0.to_vec();
        let servers = entries.iter_mut().filter_map(|entry| entry.outcome.as_mut().ok());
        let changed = servers.filter_map(|it| it.one.change_url(&change).then_some(())).count();
        self.0 = entries.into();
        changed > 0
    }

    /// Sets `auth` for the servers behind URLs without other authorization. Returns whether there are any.
    #[cfg(feature = "oauth")]
    pub(crate) fn set_oauth(&mut self, auth: &mcp_auth::OAuth) -> bool {
        let mut entries = self.0.to_vec();
        let servers = entries.iter_mut().filter_map(|entry| entry.outcome.as_mut().ok());
        let open = servers.filter(|it| !it.one.has_own_auth);
        let changed = open.filter_map(|it| it.one.set_oauth(auth).then_some(())).count();
        self.0 = entries.into();
        changed > 0
    }

    /// Builds the group. `options` apply to its sessions where the configuration sets nothing. `connect` returns the
    /// connector of a server, given its name.
    pub(crate) fn group(
        &self,
        options: &SessionOptions,
        connect: impl Fn(&OneServer, &str) -> SharedConnect,
    ) -> GroupBuilder {
        let mut group = Group::builder();
        for Entry { name, outcome } in &*self.0 {
            group = match outcome {
                Err(error) => group.failed(Arc::clone(name), error.clone()),
                Ok(Server { one, rules }) => {
                    let mut options = options.clone();
                    one.settings.apply(&mut options);
                    options.prior_discover = None;
                    options.on_verdict = None;
                    // The group forwards these, with the names of their servers.
                    options.on_notification = None;
                    options.handlers = options.handlers.without_listeners();
                    // Validated once, by the session of the group.
                    #[cfg(feature = "validation")]
                    {
                        options.output_checks = None;
                    }
                    let backend = Backend::new(Arc::clone(name), connect(one, name));
                    group.backend(backend.options(options).tools(rules.clone().unwrap_or_default()))
                }
            };
        }
        group
    }
}

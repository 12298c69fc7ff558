//! Targets of a client: one server, or the servers of a group.

use mcp_transport::Connect;

#[cfg(feature = "config")]
use crate::many_servers::ManyServers;
use crate::one_server::OneServer;
#[cfg(any(feature = "http", feature = "sse"))]
use crate::url_connector::UrlConnector;

/// A target to connect to: one server, or many servers behind one session.
#[derive(Debug, Clone)]
pub struct Target(pub(crate) Servers);

#[derive(Debug, Clone)]
pub(crate) enum Servers {
    One(Box<OneServer>),
    #[cfg(feature = "config")]
    Many(ManyServers),
}

impl Target {
    /// A target of one server, connected with `connect`.
    pub fn new(connect: impl Connect) -> Self {
        OneServer::new(connect).into()
    }

    /// A description for humans.
    pub(crate) fn describe(&self) -> String {
        match &self.0 {
            Servers::One(server) => server.connect.describe(),
            #[cfg(feature = "config")]
            Servers::Many(_) => "a group of servers".to_owned(),
        }
    }

    /// The server, if the target is a single one.
    pub(crate) fn one(&self) -> Option<&OneServer> {
        match &self.0 {
            Servers::One(server) => Some(server),
            #[cfg(feature = "config")]
            Servers::Many(_) => None,
        }
    }

    /// Changes the settings of the servers behind URLs. Returns whether there are any.
    #[cfg(any(feature = "http", feature = "sse"))]
    pub(crate) fn change_urls(&mut self, change: impl Fn(UrlConnector) -> UrlConnector) -> bool {
        match &mut self.0 {
            Servers::One(server) => server.change_url(change),
            #[cfg(feature = "config")]
            Servers::Many(servers) => servers.change_urls(change),
        }
    }

    /// Sets `auth` for the servers behind URLs. In a configuration with several servers, those with other authorization
    /// keep it. Returns whether there are any.
    #[cfg(feature = "oauth")]
    pub(crate) fn set_oauth(&mut self, auth: &mcp_auth::OAuth) -> bool {
        match &mut self.0 {
            Servers::One(server) => server.set_oauth(auth),
            #[cfg(feature = "config")]
            Servers::Many(servers) => servers.set_oauth(auth),
        }
    }

    /// Whether any of the servers is a process.
    #[cfg(feature = "stdio")]
    pub(crate) fn has_process(&self) -> bool {
        match &self.0 {
            Servers::One(server) => server.stdio.is_some(),
            #[cfg(feature = "config")]
            Servers::Many(servers) => {
                let mut servers = servers.0.iter().filter_map(|entry| entry.outcome.as_ref().ok());
                servers.any(|it| it.one.stdio.is_some())
            }
        }
    }

    /// The same for a target that is a single server.
    #[cfg(any(feature = "http", feature = "sse"))]
    pub(crate) fn change_url(&mut self, change: impl Fn(UrlConnector) -> UrlConnector) -> bool {
        self.one().is_some() && self.change_urls(change)
    }
}

impl From<OneServer> for Target {
    fn from(server: OneServer) -> Self {
        Self(Servers::One(Box::new(server)))
    }
}

//! What a client connects to: one server, or the servers of a group.

use mcp_transport::Connect;

#[cfg(feature = "config")]
use crate::many_servers::ManyServers;
use crate::one_server::OneServer;
#[cfg(any(feature = "http", feature = "sse"))]
use crate::url_connector::UrlConnector;

/// Something to connect to: one server, or many behind one session.
#[derive(Debug, Clone)]
pub struct Target(pub(crate) Servers);

#[derive(Debug, Clone)]
pub(crate) enum Servers {
    One(Box<OneServer>),
    #[cfg(feature = "config")]
    Many(ManyServers),
}

impl Target {
    /// One server, reached as `connect` does.
    pub fn new(connect: impl Connect) -> Self {
        OneServer::new(connect).into()
    }

    /// What it is, for people.
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

    /// Changes the settings of the servers behind URLs. Whether there are any.
    #[cfg(any(feature = "http", feature = "sse"))]
    pub(crate) fn change_urls(&mut self, change: impl Fn(UrlConnector) -> UrlConnector) -> bool {
        match &mut self.0 {
            Servers::One(server) => server.change_url(change),
            #[cfg(feature = "config")]
            Servers::Many(servers) => servers.change_urls(change),
        }
    }

    /// Authorizes the requests to the servers behind URLs: in a configuration with several servers, to those
    /// with nothing else that does. Whether there are any.
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

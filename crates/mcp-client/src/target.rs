//! What a client connects to: one server, or the servers of a group.

use std::{sync::Arc, time::Duration};

use mcp_session::{EraPolicy, SessionOptions, Timeout};
use mcp_transport::{Connect, SharedConnect};

/// Something to connect to: one server, or many behind one session.
#[derive(Debug, Clone)]
pub struct Target(pub(crate) Servers);

#[derive(Debug, Clone)]
pub(crate) enum Servers {
    One(Box<OneServer>),
    #[cfg(feature = "config")]
    Many(crate::config::ManyServers),
}

/// One server, and what its configuration says about sessions with it.
#[derive(Debug, Clone)]
pub(crate) struct OneServer {
    pub(crate) connect: SharedConnect,
    /// Where the URL does not tell which transport the server speaks.
    #[cfg(all(feature = "http", feature = "sse"))]
    pub(crate) detect: Option<crate::detect::Detect>,
    pub(crate) settings: Settings,
}

/// What a configuration says about sessions with a server.
#[derive(Debug, Clone, Default)]
pub(crate) struct Settings {
    pub(crate) name: Option<Arc<str>>,
    pub(crate) era: Option<EraPolicy>,
    pub(crate) timeout: Option<Timeout>,
    pub(crate) start_timeout: Option<Duration>,
    pub(crate) keep_alive: Option<bool>,
}

impl Settings {
    pub(crate) fn apply(&self, options: &mut SessionOptions) {
        options.era = self.era.unwrap_or(options.era);
        options.timeout = self.timeout.unwrap_or(options.timeout);
        options.start_timeout = self.start_timeout.unwrap_or(options.start_timeout);
    }
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
}

impl From<OneServer> for Target {
    fn from(server: OneServer) -> Self {
        Self(Servers::One(Box::new(server)))
    }
}

impl OneServer {
    pub(crate) fn new(connect: impl Connect) -> Self {
        Self {
            connect: SharedConnect::new(connect),
            #[cfg(all(feature = "http", feature = "sse"))]
            detect: None,
            settings: Settings::default(),
        }
    }

    #[cfg(all(feature = "http", feature = "sse"))]
    pub(crate) fn detected(detect: crate::detect::Detect) -> Self {
        Self { detect: Some(detect.clone()), ..Self::new(detect) }
    }
}

//! One server as a target.

use std::{sync::Arc, time::Duration};

use mcp_session::{EraPolicy, SessionOptions, Timeout};
use mcp_transport::{Connect, SharedConnect};

#[cfg(any(feature = "http", feature = "sse"))]
use crate::url_connector::UrlConnector;

/// One server, with the session settings of its configuration.
#[derive(Debug, Clone)]
pub(crate) struct OneServer {
    pub(crate) connect: SharedConnect,
    /// The `Stdio` behind `connect` if the server is a process.
    #[cfg(feature = "stdio")]
    pub(crate) stdio: Option<mcp_transport_stdio::Stdio>,
    /// The connector behind `connect` if the server is a URL.
    #[cfg(any(feature = "http", feature = "sse"))]
    pub(crate) url: Option<UrlConnector>,
    #[cfg(feature = "oauth")]
    pub(crate) oauth: Option<mcp_auth::OAuth>,
    /// Whether the configuration sets authorization, which then overrides `Client::auth`.
    #[cfg(all(feature = "config", feature = "oauth"))]
    pub(crate) has_own_auth: bool,
    pub(crate) settings: Settings,
}

/// Session settings of a configured server.
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

impl OneServer {
    pub(crate) fn new(connect: impl Connect) -> Self {
        Self {
            #[cfg(feature = "stdio")]
            stdio: crate::process::stdio_of(&connect),
            connect: SharedConnect::new(connect),
            #[cfg(any(feature = "http", feature = "sse"))]
            url: None,
            #[cfg(feature = "oauth")]
            oauth: None,
            #[cfg(all(feature = "config", feature = "oauth"))]
            has_own_auth: false,
            settings: Settings::default(),
        }
    }

    #[cfg(any(feature = "http", feature = "sse"))]
    pub(crate) fn url(url: UrlConnector) -> Self {
        let connect = url.connector();
        Self {
            connect,
            #[cfg(feature = "stdio")]
            stdio: None,
            url: Some(url),
            #[cfg(feature = "oauth")]
            oauth: None,
            #[cfg(all(feature = "config", feature = "oauth"))]
            has_own_auth: false,
            settings: Settings::default(),
        }
    }

    /// Sets `auth` for a server behind a URL. Returns whether it is one.
    #[cfg(feature = "oauth")]
    pub(crate) fn set_oauth(&mut self, auth: &mcp_auth::OAuth) -> bool {
        self.oauth = Some(auth.clone());
        self.change_url(|url| url)
    }

    /// Changes the settings of a server behind a URL. Returns whether it is one.
    #[cfg(any(feature = "http", feature = "sse"))]
    pub(crate) fn change_url(&mut self, change: impl FnOnce(UrlConnector) -> UrlConnector) -> bool {
        self.url = self.url.take().map(change);
        if let Some(url) = &self.url {
            self.connect = url.connector();
            #[cfg(feature = "oauth")]
            if let Some(auth) = &self.oauth {
                self.connect = url.authorized(auth);
            }
        }
        self.url.is_some()
    }
}

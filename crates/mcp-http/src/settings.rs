use std::time::Duration;

use http::header::USER_AGENT;
use http::{HeaderMap, HeaderValue, Uri};
use mcp_transport::Carrier;

use crate::address::AddressPolicy;
use crate::error::Error;
use crate::hook::Hook;
use crate::proxy::{Proxy, Route};

const DEFAULT_USER_AGENT: &str = concat!("mcp-http/", env!("CARGO_PKG_VERSION"));

/// Settings of a client, except TLS.
#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) connect_timeout: Duration,
    pub(crate) write_timeout: Duration,
    pub(crate) read_timeout: Option<Duration>,
    pub(crate) pool_idle_timeout: Duration,
    pub(crate) max_idle_per_host: usize,
    pub(crate) default_headers: HeaderMap,
    pub(crate) hook: Option<Hook>,
    #[cfg(feature = "decompression")]
    pub(crate) decompression: bool,
    pub(crate) http1_only: bool,
    pub(crate) proxy: Proxy,
    #[cfg(unix)]
    pub(crate) unix_socket: Option<std::sync::Arc<std::path::Path>>,
    pub(crate) addresses: AddressPolicy,
    #[cfg(feature = "_simulation")]
    pub(crate) dial: Option<crate::simulation::Dial>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(30),
            write_timeout: Duration::from_secs(30),
            read_timeout: Some(Duration::from_secs(300)),
            pool_idle_timeout: Duration::from_secs(90),
            max_idle_per_host: 128,
            default_headers: HeaderMap::from_iter([(
                USER_AGENT,
                HeaderValue::from_static(DEFAULT_USER_AGENT),
            )]),
            hook: None,
            #[cfg(feature = "decompression")]
            decompression: false,
            http1_only: false,
            proxy: Proxy::from_env(),
            #[cfg(unix)]
            unix_socket: None,
            addresses: AddressPolicy::Any,
            #[cfg(feature = "_simulation")]
            dial: None,
        }
    }
}

impl Settings {
    /// The settings for a client of other servers, without the secrets of this one.
    pub(crate) fn apart(&self, addresses: AddressPolicy) -> Self {
        let mut settings = self.clone();
        settings.default_headers = HeaderMap::new();
        if let Some(agent) = self.default_headers.get(USER_AGENT) {
            settings.default_headers.insert(USER_AGENT, agent.clone());
        }
        settings.hook = None;
        #[cfg(unix)]
        {
            settings.unix_socket = None;
        }
        settings.addresses = addresses;
        settings
    }

    /// The carrier of the connections.
    pub(crate) fn carrier(&self) -> Carrier {
        #[cfg(unix)]
        if self.unix_socket.is_some() {
            return Carrier::UnixSocket;
        }
        Carrier::Tcp
    }

    /// The route to `server`, an absolute URL.
    pub(crate) fn route(&self, server: &Uri) -> Result<Route, Error> {
        #[cfg(unix)]
        if let Some(path) = &self.unix_socket {
            return Ok(Route::Unix(path.clone()));
        }
        self.proxy.route(server)
    }
}

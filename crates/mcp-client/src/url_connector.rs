//! A server behind a URL: the transports it may speak, with their settings.

use mcp_http::HttpClient;
use mcp_transport::SharedConnect;
#[cfg(feature = "http")]
use mcp_transport_http::StreamableHttp;
#[cfg(feature = "sse")]
use mcp_transport_sse::Sse;

#[cfg(all(feature = "http", feature = "sse"))]
use crate::detect::Detect;

/// Connector of a URL before its type is erased, so that headers and the HTTP client can still be changed.
#[derive(Debug, Clone)]
pub(crate) enum UrlConnector {
    #[cfg(feature = "http")]
    Http(StreamableHttp),
    #[cfg(feature = "sse")]
    Sse(Sse),
    /// The transport is detected when a session is opened.
    #[cfg(all(feature = "http", feature = "sse"))]
    Detect(Box<Detect>),
}

impl UrlConnector {
    #[cfg(all(feature = "http", feature = "sse"))]
    pub(crate) fn detect(detect: Detect) -> Self {
        Self::Detect(Box::new(detect))
    }

    pub(crate) fn connector(&self) -> SharedConnect {
        match self.clone() {
            #[cfg(feature = "http")]
            Self::Http(http) => SharedConnect::new(http),
            #[cfg(feature = "sse")]
            Self::Sse(sse) => SharedConnect::new(sse),
            #[cfg(all(feature = "http", feature = "sse"))]
            Self::Detect(detect) => SharedConnect::new(*detect),
        }
    }

    /// The connector with requests authorized by `auth`.
    #[cfg(feature = "oauth")]
    pub(crate) fn authorized(&self, auth: &mcp_auth::OAuth) -> SharedConnect {
        match self.clone() {
            #[cfg(feature = "http")]
            Self::Http(http) => SharedConnect::new(http.auth(auth)),
            #[cfg(feature = "sse")]
            Self::Sse(sse) => SharedConnect::new(sse.auth(auth)),
            #[cfg(all(feature = "http", feature = "sse"))]
            Self::Detect(detect) => SharedConnect::new(detect.auth(auth)),
        }
    }

    pub(crate) fn header(self, name: &str, value: &str) -> Self {
        match self {
            #[cfg(feature = "http")]
            Self::Http(http) => Self::Http(http.header(name, value)),
            #[cfg(feature = "sse")]
            Self::Sse(sse) => Self::Sse(sse.header(name, value)),
            #[cfg(all(feature = "http", feature = "sse"))]
            Self::Detect(detect) => Self::detect(
                detect.map(|http| http.header(name, value), |sse| sse.header(name, value)),
            ),
        }
    }

    pub(crate) fn bearer_token(self, token: &str) -> Self {
        match self {
            #[cfg(feature = "http")]
            Self::Http(http) => Self::Http(http.bearer_token(token)),
            #[cfg(feature = "sse")]
            Self::Sse(sse) => Self::Sse(sse.bearer_token(token)),
            #[cfg(all(feature = "http", feature = "sse"))]
            Self::Detect(detect) => Self::detect(
                detect.map(|http| http.bearer_token(token), |sse| sse.bearer_token(token)),
            ),
        }
    }

    pub(crate) fn http_client(self, client: HttpClient) -> Self {
        match self {
            #[cfg(feature = "http")]
            Self::Http(http) => Self::Http(http.with_service(client)),
            #[cfg(feature = "sse")]
            Self::Sse(sse) => Self::Sse(sse.with_service(client)),
            #[cfg(all(feature = "http", feature = "sse"))]
            Self::Detect(detect) => Self::detect(detect.map(
                |http| http.with_service(client.clone()),
                |sse| sse.with_service(client.clone()),
            )),
        }
    }
}

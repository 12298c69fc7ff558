//! HTTP requests of an authorization: bounded in size and time, without credentials of the MCP server.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Uri, header};
use mcp_http::transport::{final_url, follow_redirects};
use mcp_http::{AddressPolicy, Body, HttpClient};
use url::Url;

use super::failure::{unavailable, within};
use super::policy::{Policy, shown};
use crate::error::{Error, ErrorKind};
use crate::secret::Secret;

/// Maximum size of a response body.
const BODY_LIMIT: usize = 256 * 1024;
/// Timeout of a metadata request.
const METADATA_TIMEOUT: Duration = Duration::from_secs(10);
/// Timeout of any other request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// Sends the requests of an authorization.
#[derive(Clone, Debug)]
pub(crate) struct Fetch {
    client: HttpClient,
    pub(crate) policy: Policy,
}

/// A response of an authorization server.
#[derive(Debug)]
pub(crate) struct Fetched {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// The URL of the request, for errors.
    pub(crate) place: String,
    /// Secrets in the request, which errors must not repeat.
    pub(crate) sent: Vec<Secret>,
}

impl Fetch {
    /// Uses the proxy and certificates of `client` for the server at `url`.
    pub(crate) async fn new(client: &HttpClient, url: &Url) -> Self {
        let policy = Policy::of(url).await;
        let client = client.apart(AddressPolicy::PublicAnd(policy.kind));
        Self { client, policy }
    }

    /// Requests a JSON document; `None` for a 4xx status or a body that is not JSON.
    pub(crate) async fn document(&self, url: &str) -> Result<Option<Bytes>, Error> {
        let parsed = self.policy.check(url, "metadata URL")?;
        let place = shown(&parsed);
        let uri = uri(&parsed)?;
        let getting = async {
            let request = |url: &Uri| {
                let mut request = Request::new(Body::empty());
                *request.uri_mut() = url.clone();
                let json = HeaderValue::from_static("application/json");
                request.headers_mut().insert(header::ACCEPT, json);
                request
            };
            // A redirect to another origin is an error.
            let response = follow_redirects(&self.client, &uri, request).await?;
            let status = response.status();
            debug_assert!(final_url(&response, &uri).host().is_some());
            let body = response.into_body().read_to_end(BODY_LIMIT).await?;
            Ok::<_, mcp_http::Error>((status, body))
        };
        let (status, body) = within(METADATA_TIMEOUT, &place, getting).await?;
        match status {
            _ if status.is_server_error() => Err(unavailable(&place, status)),
            StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT => {
                Err(unavailable(&place, status))
            }
            StatusCode::OK if is_object(&body) => Ok(Some(body)),
            _ => Ok(None),
        }
    }

    /// Sends a request and reads the response, whatever its status. Does not follow redirects.
    pub(crate) async fn send(
        &self,
        method: Method,
        url: &Url,
        headers: HeaderMap,
        body: Body,
    ) -> Result<Fetched, Error> {
        let place = shown(url);
        let mut request = Request::new(body);
        *request.method_mut() = method;
        *request.uri_mut() = uri(url)?;
        *request.headers_mut() = headers;
        let json = HeaderValue::from_static("application/json");
        request.headers_mut().entry(header::ACCEPT).or_insert(json);
        let sending = async {
            let (parts, body) = self.client.send(request).await?.into_parts();
            let body = body.read_to_end(BODY_LIMIT).await?;
            Ok::<_, mcp_http::Error>((parts, body))
        };
        let (parts, body) = within(REQUEST_TIMEOUT, &place, sending).await?;
        if parts.status.is_server_error() || parts.status == StatusCode::TOO_MANY_REQUESTS {
            return Err(unavailable(&place, parts.status));
        }
        Ok(Fetched { status: parts.status, headers: parts.headers, body, place, sent: Vec::new() })
    }
}

/// Parses metadata. `null` members count as absent.
pub(crate) fn read<T: serde::de::DeserializeOwned>(body: &[u8]) -> Result<T, serde_json::Error> {
    let mut members: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(body)?;
    members.retain(|_, value| !value.is_null());
    serde_json::from_value(members.into())
}

fn is_object(body: &[u8]) -> bool {
    serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(body).is_ok()
}

fn uri(url: &Url) -> Result<Uri, Error> {
    let mut bare = url.clone();
    bare.set_fragment(None);
    // Credentials in a URL from a peer are not sent.
    let _ = bare.set_username("");
    let _ = bare.set_password(None);
    Uri::try_from(bare.as_str()).map_err(|error| {
        Error::new(ErrorKind::Protocol, format!("invalid request URL {}", shown(url)))
            .with_source(error)
    })
}

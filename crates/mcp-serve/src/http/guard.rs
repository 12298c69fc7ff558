//! Which requests are served at all: their host, origin and credentials.

use std::{future::Future, pin::Pin, sync::Arc};

use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, header, request::Parts,
};
use subtle::ConstantTimeEq;

use super::{answer, body::Body, headers::header};

/// Decides which requests have credentials for the server.
///
/// ```
/// use http::request::Parts;
/// use mcp_serve::{Authenticate, Unauthenticated};
///
/// /// Trusts the proxy in front of the server.
/// struct Proxy;
///
/// impl Authenticate for Proxy {
///     async fn authenticate(&self, head: &Parts) -> Result<(), Unauthenticated> {
///         match head.headers.contains_key("x-authenticated-user") {
///             true => Ok(()),
///             false => Err(Unauthenticated::bearer()),
///         }
///     }
/// }
/// ```
pub trait Authenticate: Send + Sync + 'static {
    /// Looks at the head of a request, before its body is read.
    ///
    /// # Errors
    /// How the request is refused.
    fn authenticate(
        &self,
        head: &Parts,
    ) -> impl Future<Output = Result<(), Unauthenticated>> + Send;
}

/// How a request without credentials, or with wrong ones, is refused.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Unauthenticated {
    /// The status: 401, or 403 for a client that is known and may not.
    pub status: StatusCode,
    /// The value of `WWW-Authenticate`.
    pub challenge: HeaderValue,
}

impl Unauthenticated {
    /// Status 401 with this challenge.
    pub fn new(challenge: HeaderValue) -> Self {
        Self { status: StatusCode::UNAUTHORIZED, challenge }
    }

    /// Status 401 that asks for a bearer token.
    pub fn bearer() -> Self {
        Self::new(HeaderValue::from_static("Bearer"))
    }

    /// Sets the status.
    #[must_use]
    pub fn with_status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }
}

/// One bearer token that all clients know. It is compared in constant time. `Debug` does not show it.
#[derive(Clone)]
pub struct BearerToken(Arc<[u8]>);

impl BearerToken {
    /// The token, without `Bearer`.
    pub fn new(token: impl AsRef<str>) -> Self {
        Self(token.as_ref().as_bytes().into())
    }
}

impl std::fmt::Debug for BearerToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("BearerToken")
    }
}

impl Authenticate for BearerToken {
    async fn authenticate(&self, head: &Parts) -> Result<(), Unauthenticated> {
        let value = head.headers.get(header::AUTHORIZATION).map(HeaderValue::as_bytes);
        let token = value.and_then(|value| {
            let (scheme, token) = value.split_at_checked(b"Bearer ".len())?;
            scheme.eq_ignore_ascii_case(b"Bearer ").then(|| token.trim_ascii())
        });
        match token.is_some_and(|token| bool::from(token.ct_eq(&self.0))) {
            true => Ok(()),
            false => Err(Unauthenticated::bearer()),
        }
    }
}

/// An [`Authenticate`] of any type.
pub(crate) trait DynAuthenticate: Send + Sync {
    fn check<'a>(
        &'a self,
        head: &'a Parts,
    ) -> Pin<Box<dyn Future<Output = Result<(), Unauthenticated>> + Send + 'a>>;
}

impl<A: Authenticate> DynAuthenticate for A {
    fn check<'a>(
        &'a self,
        head: &'a Parts,
    ) -> Pin<Box<dyn Future<Output = Result<(), Unauthenticated>> + Send + 'a>> {
        Box::pin(self.authenticate(head))
    }
}

/// The hosts and origins that are served.
#[derive(Clone, Default)]
pub(crate) struct Guard {
    /// Hosts other than this machine, without a port.
    pub(crate) hosts: Vec<String>,
    pub(crate) any_host: bool,
    /// Origins of pages that may call the server, such as `https://example.com`.
    pub(crate) origins: Vec<String>,
    pub(crate) auth: Option<Arc<dyn DynAuthenticate>>,
}

impl Guard {
    /// Refuses a request, or answers a preflight request.
    ///
    /// Spec: basic/transports/streamable-http#security-warning
    pub(crate) async fn check(&self, head: &Parts) -> Option<Response<Body>> {
        if !self.is_host_served(head) {
            return Some(answer::refusal(StatusCode::FORBIDDEN, "the host is not served here"));
        }
        if !self.is_origin_served(&head.headers) {
            return Some(answer::refusal(StatusCode::FORBIDDEN, "the origin is not served here"));
        }
        // Browsers send preflight requests without credentials.
        if head.method == Method::OPTIONS {
            return Some(match self.allowed_origin(&head.headers) {
                Some(_) => answer::empty(StatusCode::NO_CONTENT),
                None => answer::method_not_allowed("GET, POST, DELETE"),
            });
        }
        let refused = self.auth.as_ref()?.check(head).await.err()?;
        let mut response = answer::refusal(refused.status, "the request is not authorized");
        response.headers_mut().insert(header::WWW_AUTHENTICATE, refused.challenge);
        Some(response)
    }

    /// Adds what a page of another origin needs in order to read the response.
    pub(crate) fn add_cors(&self, origin: Option<HeaderValue>, response: &mut Response<Body>) {
        const ALLOWED: &str = "Accept, Authorization, Content-Type, Last-Event-ID, Mcp-Method, \
                               Mcp-Name, Mcp-Protocol-Version, Mcp-Session-Id";
        if self.origins.is_empty() {
            return;
        }
        let headers = response.headers_mut();
        headers.append(header::VARY, HeaderValue::from_static("Origin"));
        let Some(origin) = origin else { return };
        let set = [
            (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST, DELETE"),
            (header::ACCESS_CONTROL_ALLOW_HEADERS, ALLOWED),
            (header::ACCESS_CONTROL_EXPOSE_HEADERS, "Mcp-Session-Id, WWW-Authenticate"),
            (header::ACCESS_CONTROL_MAX_AGE, "7200"),
        ];
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        for (name, value) in set {
            headers.insert::<HeaderName>(name, HeaderValue::from_static(value));
        }
    }

    /// The origin of the request, if it is one of those that were allowed.
    pub(crate) fn allowed_origin(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        let origin = headers.get(header::ORIGIN)?;
        let is_allowed =
            |allowed: &String| allowed.as_bytes().eq_ignore_ascii_case(origin.as_bytes());
        self.origins.iter().any(is_allowed).then(|| origin.clone())
    }

    /// HTTP/2 has the host in the URL.
    fn is_host_served(&self, head: &Parts) -> bool {
        let of_url = head.uri.authority().map(|authority| authority.as_str());
        let authority = header(&head.headers, "host").or(of_url);
        self.any_host || authority.is_some_and(|it| self.is_served(without_port(it)))
    }

    /// A page of this machine, or of an origin that was allowed; clients that are no browser send none.
    fn is_origin_served(&self, headers: &HeaderMap) -> bool {
        if !headers.contains_key(header::ORIGIN) || self.allowed_origin(headers).is_some() {
            return true;
        }
        let origin = header(headers, "origin");
        let authority = origin.and_then(|origin| Some(origin.split_once("://")?.1));
        authority.is_some_and(|authority| self.is_served(without_port(authority)))
    }

    fn is_served(&self, host: &str) -> bool {
        matches!(host, "localhost" | "127.0.0.1" | "[::1]")
            || self.hosts.iter().any(|served| served.eq_ignore_ascii_case(host))
    }
}

fn without_port(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    }
}

//! Access checks: host, origin and credentials.

use std::{future::Future, pin::Pin, sync::Arc};

use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode,
    header::{self, HOST, ORIGIN},
    request::Parts,
};
use subtle::ConstantTimeEq;

use super::{answer, body::Body, headers::header};

/// Authenticates requests.
///
/// ```
/// use http::request::Parts;
/// use mcp_serve::{Authenticate, Unauthenticated};
///
/// /// Trusts a reverse proxy in front of the server.
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
    /// Checks the head of a request, before its body is read.
    ///
    /// # Errors
    /// How to refuse the request.
    fn authenticate(
        &self,
        head: &Parts,
    ) -> impl Future<Output = Result<(), Unauthenticated>> + Send;
}

/// The refusal of a request with missing or wrong credentials.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Unauthenticated {
    /// The status: 401, or 403 for a known client without permission.
    pub status: StatusCode,
    /// The value of `WWW-Authenticate`.
    pub challenge: HeaderValue,
}

impl Unauthenticated {
    /// Status 401 with this challenge.
    pub fn new(challenge: HeaderValue) -> Self {
        Self { status: StatusCode::UNAUTHORIZED, challenge }
    }

    /// Status 401 with a challenge for a bearer token.
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

/// A bearer token shared by all clients, compared in constant time. `Debug` redacts it.
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

/// An object-safe [`Authenticate`].
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

/// The allowed hosts and origins.
#[derive(Clone, Default)]
pub(crate) struct Guard {
    /// Allowed hosts in addition to this machine, without a port.
    pub(crate) hosts: Vec<String>,
    pub(crate) any_host: bool,
    /// Allowed origins of web pages, such as `https://example.com`.
    pub(crate) origins: Vec<String>,
    pub(crate) auth: Option<Arc<dyn DynAuthenticate>>,
}

impl Guard {
    /// Refuses a request, or responds to a preflight request.
    ///
    /// Spec: basic/transports/streamable-http#security-warning
    pub(crate) async fn check(&self, head: &Parts) -> Option<Response<Body>> {
        if !self.is_host_served(head) {
            return Some(answer::refusal(StatusCode::FORBIDDEN, "the Host header is not allowed"));
        }
        if !self.is_origin_served(&head.headers) {
            return Some(answer::refusal(
                StatusCode::FORBIDDEN,
                "the Origin header is not allowed",
            ));
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

    /// Adds the CORS headers with which a page of another origin can read the response.
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

    /// The origin of the request, if it is allowed.
    pub(crate) fn allowed_origin(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        let origin = headers.get(ORIGIN)?;
        let is_allowed =
            |allowed: &String| allowed.as_bytes().eq_ignore_ascii_case(origin.as_bytes());
        self.origins.iter().any(is_allowed).then(|| origin.clone())
    }

    /// In HTTP/2 the host is in the URL.
    fn is_host_served(&self, head: &Parts) -> bool {
        let of_url = head.uri.authority().map(|authority| authority.as_str());
        let authority = header(&head.headers, HOST).or(of_url);
        self.any_host || authority.is_some_and(|it| self.is_served(without_port(it)))
    }

    /// Allows pages of this machine and of allowed origins. Clients other than browsers send no origin.
    fn is_origin_served(&self, headers: &HeaderMap) -> bool {
        if !headers.contains_key(ORIGIN) || self.allowed_origin(headers).is_some() {
            return true;
        }
        let origin = header(headers, ORIGIN);
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

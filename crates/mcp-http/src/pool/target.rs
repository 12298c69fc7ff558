use std::mem;

use http::header::{HOST, PROXY_AUTHORIZATION};
use http::uri::{Authority, Scheme};
use http::{HeaderValue, Request, Uri};

use crate::body::Body;
use crate::error::{Error, ErrorKind};
use crate::proxy::Route;
use crate::settings::Settings;

/// A server: its address, and the form of requests to it.
#[derive(Debug)]
pub(crate) struct Target {
    scheme: Scheme,
    authority: Authority,
    /// Scheme and authority, for the connector.
    pub(super) uri: Uri,
    header: HeaderValue,
    /// The authority without credentials.
    host: Authority,
    pub(super) route: Route,
}

impl Target {
    pub(super) fn new(url: &Uri, settings: &Settings) -> Result<Self, Error> {
        let invalid = |why| Error::new(ErrorKind::InvalidUrl, why).not_sent();
        let (Some(scheme), Some(authority)) = (url.scheme(), url.authority()) else {
            return Err(invalid("the URL is not absolute"));
        };
        if *scheme != Scheme::HTTP && *scheme != Scheme::HTTPS {
            return Err(invalid("the scheme of the URL is neither http nor https"));
        }
        if authority.host().is_empty() {
            return Err(invalid("the URL has no host"));
        }
        let mut parts = http::uri::Parts::default();
        parts.scheme = Some(scheme.clone());
        parts.authority = Some(authority.clone());
        parts.path_and_query = Some(http::uri::PathAndQuery::from_static("/"));
        let uri = Uri::from_parts(parts)
            .map_err(|error| invalid("the URL is not valid").with_source(error))?;
        let default_port = if *scheme == Scheme::HTTPS { 443 } else { 80 };
        let host = match authority.port_u16().filter(|port| *port != default_port) {
            Some(port) => format!("{}:{port}", authority.host()),
            None => authority.host().to_owned(),
        };
        Ok(Self {
            scheme: scheme.clone(),
            authority: authority.clone(),
            route: settings.route(&uri)?,
            uri,
            header: HeaderValue::try_from(&host)
                .map_err(|error| invalid("the host is not valid").with_source(error))?,
            host: Authority::try_from(host)
                .map_err(|error| invalid("the host is not valid").with_source(error))?,
        })
    }

    pub(super) fn serves(&self, url: &Uri) -> bool {
        url.authority() == Some(&self.authority) && url.scheme() == Some(&self.scheme)
    }

    /// Whether HTTP/2 may be negotiated, which requires TLS.
    pub(super) fn may_agree(&self) -> bool {
        cfg!(feature = "http2") && self.scheme == Scheme::HTTPS
    }

    /// Whether bytes go to the server directly, without TLS.
    pub(super) fn is_plain(&self) -> bool {
        self.scheme == Scheme::HTTP && !matches!(self.route, Route::Forward(_))
    }

    /// Completes the head of a request of HTTP/1.1.
    pub(super) fn prepare_http1(&self, request: &mut Request<Body>) {
        let headers = request.headers_mut();
        headers.entry(HOST).or_insert_with(|| self.header.clone());
        let Route::Forward(proxy) = &self.route else { return retarget(request.uri_mut(), None) };
        if let Some(value) = proxy.authorization()
            && !headers.contains_key(PROXY_AUTHORIZATION)
        {
            headers.insert(PROXY_AUTHORIZATION, value.clone());
        }
        retarget(request.uri_mut(), Some(self.origin()));
    }

    /// Completes the head of a request of HTTP/2.
    pub(super) fn prepare_http2(&self, request: &mut Request<Body>) {
        retarget(request.uri_mut(), Some(self.origin()));
    }

    fn origin(&self) -> (&Scheme, &Authority) {
        (&self.scheme, &self.host)
    }
}

/// Converts `uri` into that of a request line: without the origin (HTTP/1.1), or with it (HTTP/2, and for a proxy).
fn retarget(uri: &mut Uri, origin: Option<(&Scheme, &Authority)>) {
    if uri.authority() == origin.map(|(_, authority)| authority) {
        return;
    }
    let mut parts = mem::take(uri).into_parts();
    parts.scheme = origin.map(|(scheme, _)| scheme.clone());
    parts.authority = origin.map(|(_, authority)| authority.clone());
    *uri = Uri::from_parts(parts).expect("an absolute URL has a path");
}

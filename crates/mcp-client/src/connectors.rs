//! Transports of URLs and scripts, as far as their features are enabled.

use std::path::Path;

use mcp_session::{Error, ErrorKind};

#[cfg(all(feature = "http", feature = "sse"))]
use mcp_transport::Binding;

#[cfg(all(feature = "http", feature = "sse"))]
use crate::detect::Detect;
use crate::one_server::OneServer;
#[cfg(any(feature = "http", feature = "sse"))]
use crate::url_connector::UrlConnector;

/// Headers sent with each request to a server behind a URL.
type Headers<'a> = [(&'a str, String)];

/// By convention, the path of an HTTP+SSE URL has a segment `sse`. If the server supports only the other transport,
/// that one is used.
#[cfg(all(feature = "http", feature = "sse"))]
pub(crate) fn url(text: &str, headers: &Headers<'_>) -> Result<OneServer, Error> {
    let first = if names_sse(text) { Binding::HttpSse } else { Binding::StreamableHttp };
    let detect = Detect::new(new_http(text, headers)?, new_sse(text, headers)?, first);
    Ok(OneServer::url(UrlConnector::detect(detect)))
}

#[cfg(not(all(feature = "http", feature = "sse")))]
pub(crate) fn url(text: &str, headers: &Headers<'_>) -> Result<OneServer, Error> {
    match names_sse(text) {
        true => sse(text, headers),
        false => streamable_http(text, headers),
    }
}

fn names_sse(url: &str) -> bool {
    let url = url.split(['?', '#']).next().unwrap_or_default();
    let place = url.split_once("://").map_or(url, |(_, place)| place);
    place.split('/').skip(1).any(|segment| segment == "sse" || segment.starts_with("sse&"))
}

#[cfg(all(feature = "http", any(feature = "config", not(feature = "sse"))))]
pub(crate) fn streamable_http(text: &str, headers: &Headers<'_>) -> Result<OneServer, Error> {
    new_http(text, headers).map(|http| OneServer::url(UrlConnector::Http(http)))
}

#[cfg(not(feature = "http"))]
pub(crate) fn streamable_http(text: &str, _: &Headers<'_>) -> Result<OneServer, Error> {
    Err(no_target(&without_secrets(text), "URLs need the feature `http` of mcp-client"))
}

#[cfg(all(feature = "sse", any(feature = "config", not(feature = "http"))))]
pub(crate) fn sse(text: &str, headers: &Headers<'_>) -> Result<OneServer, Error> {
    new_sse(text, headers).map(|sse| OneServer::url(UrlConnector::Sse(sse)))
}

#[cfg(not(feature = "sse"))]
pub(crate) fn sse(text: &str, _: &Headers<'_>) -> Result<OneServer, Error> {
    Err(no_target(
        &without_secrets(text),
        "this looks like HTTP+SSE, which needs the feature `sse` of mcp-client; \
         if it is not, pass a `StreamableHttp`",
    ))
}

#[cfg(feature = "http")]
fn new_http(
    text: &str,
    headers: &Headers<'_>,
) -> Result<mcp_transport_http::StreamableHttp, Error> {
    let http = checked(text, mcp_transport_http::StreamableHttp::new(text))?;
    Ok(headers.iter().fold(http, |http, (name, value)| http.header(*name, value)))
}

#[cfg(feature = "sse")]
fn new_sse(text: &str, headers: &Headers<'_>) -> Result<mcp_transport_sse::Sse, Error> {
    let sse = checked(text, mcp_transport_sse::Sse::new(text))?;
    Ok(headers.iter().fold(sse, |sse, (name, value)| sse.header(*name, value)))
}

#[cfg(any(feature = "http", feature = "sse"))]
fn checked<T>(text: &str, server: Result<T, mcp_transport::Error>) -> Result<T, Error> {
    server.map_err(|error| {
        no_target(&without_secrets(text), "the URL is not valid").with_source(error)
    })
}

/// The URL without user, password and query.
fn without_secrets(text: &str) -> String {
    let text = text.split(['?', '#']).next().unwrap_or_default();
    match text.split_once("://") {
        Some((scheme, rest)) => {
            let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
            let host = host.rsplit('@').next().unwrap_or_default();
            format!("{scheme}://{host}{path}")
        }
        None => text.to_owned(),
    }
}

#[cfg(feature = "stdio")]
pub(crate) fn script(path: &Path, extension: &str) -> Result<OneServer, Error> {
    use mcp_transport_stdio::Stdio;

    Ok(match extension {
        "py" => OneServer::new(Stdio::python(path)),
        _ => OneServer::new(Stdio::node(path)),
    })
}

#[cfg(not(feature = "stdio"))]
pub(crate) fn script(path: &Path, _: &str) -> Result<OneServer, Error> {
    Err(no_target(&path.display().to_string(), "scripts need the feature `stdio` of mcp-client"))
}

pub(crate) fn no_target(target: &str, message: &str) -> Error {
    Error::new(ErrorKind::Target, target, message.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_of_a_url_are_not_shown() {
        assert_eq!(without_secrets("http://me:pw@host:1/a?key=1#x"), "http://host:1/a");
        assert_eq!(without_secrets("HTTPS://host"), "HTTPS://host");
    }

    #[test]
    fn a_segment_of_the_path_tells_http_sse() {
        for url in [
            "http://h/sse",
            "https://h:1/a/sse/",
            "http://h/sse/b",
            "http://h/sse?key=1",
            "http://h/sse&key=1",
        ] {
            assert!(names_sse(url), "{url}");
        }
        for url in [
            "http://h/mcp",
            "http://h/sses",
            "http://h/asse",
            "http://h/mcp?next=/sse",
            "http://h/mcp#/sse",
            "http://sse",
            "http://sse/",
        ] {
            assert!(!names_sse(url), "{url}");
        }
    }
}

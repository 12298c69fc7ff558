use std::error::Error as StdError;
use std::fmt;
use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use http::response::Parts;
use http::{HeaderMap, Response, StatusCode, Uri, header};
use http_body::Body as HttpBody;
use mcp_core::Excerpt;

use crate::collect::next_data;
use crate::redirect::final_url;
use crate::secrets::SentSecrets;
use crate::url::SafeUrl;

/// Maximum number of body bytes stored for an error response.
const BODY_LIMIT: usize = 8 * 1024;
/// Time limit for reading the body of an error response.
const BODY_TIMEOUT: Duration = Duration::from_secs(5);

/// Headers whose values must not be logged.
const SECRET_HEADERS: [&str; 8] = [
    "authorization",
    "proxy-authorization",
    "authentication-info",
    "cookie",
    "set-cookie",
    "location",
    "mcp-session-id",
    "x-api-key",
];

/// A response with an error status, its headers and the start of its body.
///
/// `Display` is one line such as `HTTP 403 Forbidden from https://host/mcp: no access`. `Display` and `Debug` redact
/// credentials, the query, and values of headers that hold secrets.
#[derive(Debug)]
pub struct StatusError(Box<Inner>);

#[derive(Debug)]
struct Inner {
    status: StatusCode,
    url: String,
    headers: HeaderMap,
    body: String,
    is_truncated: bool,
    /// Whether an outer error names the URL.
    is_url_named: bool,
}

impl StatusError {
    /// Reads the body of `response`, at most 8 KiB and for at most 5 s. `url` is the requested one, unless the response
    /// names another after redirects. Of an incomplete body, the received part is stored.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the response.
    pub async fn read<B>(response: Response<B>, url: &Uri) -> Self
    where
        B: HttpBody<Data = Bytes> + 'static,
        B::Error: Into<Box<dyn StdError + Send + Sync>>,
    {
        let url = final_url(&response, url).clone();
        Self::read_within(response, &url, BODY_LIMIT, BODY_TIMEOUT).await
    }

    /// Like [`read`](Self::read), with a custom `limit` in bytes and `timeout`.
    pub async fn read_within<B>(
        mut response: Response<B>,
        url: &Uri,
        limit: usize,
        timeout: Duration,
    ) -> Self
    where
        B: HttpBody<Data = Bytes> + 'static,
        B::Error: Into<Box<dyn StdError + Send + Sync>>,
    {
        let secrets = SentSecrets::take(&mut response);
        let (parts, body) = response.into_parts();
        let mut body = pin!(body);
        let mut kept = Vec::new();
        let mut is_truncated = true;
        let reading = async {
            while let Ok(data) = next_data(body.as_mut()).await {
                let Some(data) = data else {
                    is_truncated = false;
                    break;
                };
                let room = limit - kept.len();
                kept.extend_from_slice(&data[..data.len().min(room)]);
                if data.len() > room {
                    break;
                }
            }
        };
        // The part received so far is sufficient.
        let _ = tokio::time::timeout(timeout, reading).await;
        Self::with(&parts, url, &kept, is_truncated, secrets.as_ref())
    }

    /// Creates an error from a body that was read before; 8 KiB of it are stored.
    #[must_use]
    pub fn new(status: StatusCode, headers: HeaderMap, url: &Uri, body: &[u8]) -> Self {
        let (mut parts, ()) = Response::new(()).into_parts();
        (parts.status, parts.headers) = (status, headers);
        Self::of(&parts, url, body, None)
    }

    /// Like [`new`](Self::new), from the head of the response. The secrets of the request are redacted in the body.
    #[must_use]
    pub fn of(parts: &Parts, url: &Uri, body: &[u8], secrets: Option<&SentSecrets>) -> Self {
        let kept = &body[..body.len().min(BODY_LIMIT)];
        Self::with(parts, url, kept, kept.len() < body.len(), secrets)
    }

    fn with(
        parts: &Parts,
        url: &Uri,
        body: &[u8],
        is_truncated: bool,
        secrets: Option<&SentSecrets>,
    ) -> Self {
        let mut headers = parts.headers.clone();
        let mut body = String::from_utf8_lossy(body).into_owned();
        if let Some(secrets) = secrets {
            secrets.mask(&mut body);
        }
        for (name, value) in &mut headers {
            let repeats = secrets.is_some_and(|it| it.masked(value.as_bytes()).is_some());
            if repeats || SECRET_HEADERS.contains(&name.as_str()) {
                value.set_sensitive(true);
            }
        }
        let (status, url) = (parts.status, SafeUrl(url).to_string());
        Self(Box::new(Inner { status, url, headers, body, is_truncated, is_url_named: false }))
    }

    /// The status of the response.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.0.status
    }

    /// The requested URL, without credentials and query.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.0.url
    }

    /// The headers of the response, including secrets.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.0.headers
    }

    /// The start of the body, with U+FFFD for invalid UTF-8.
    #[must_use]
    pub fn body(&self) -> &str {
        &self.0.body
    }

    /// Whether the body was longer or incomplete.
    #[must_use]
    pub fn is_truncated(&self) -> bool {
        self.0.is_truncated
    }

    /// Does not print the URL, since an outer error names it.
    pub(crate) fn without_url(mut self) -> Self {
        self.0.is_url_named = true;
        self
    }

    /// One line of the body, for humans.
    fn summary(&self) -> String {
        let body = self.0.body.trim_start();
        let content_type = self.0.headers.get(header::CONTENT_TYPE);
        let is_html = content_type.is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"))
            || starts_with(body, "<!doctype html")
            || starts_with(body, "<html");
        let text = if is_html {
            html_text(body)
        } else {
            body.lines().next().unwrap_or_default().to_owned()
        };
        let words: Vec<_> = text.split_whitespace().collect();
        Excerpt(&words.join(" ")).to_string()
    }
}

impl fmt::Display for StatusError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { status, url, is_url_named, .. } = &*self.0;
        write!(f, "HTTP {}", status.as_u16())?;
        if let Some(reason) = status.canonical_reason() {
            write!(f, " {reason}")?;
        }
        if !is_url_named {
            write!(f, " from {url}")?;
        }
        let summary = self.summary();
        if !summary.is_empty() {
            write!(f, ": {summary}")?;
        }
        Ok(())
    }
}

impl StdError for StatusError {}

fn starts_with(text: &str, prefix: &str) -> bool {
    let start = text.as_bytes().get(..prefix.len());
    start.is_some_and(|start| start.eq_ignore_ascii_case(prefix.as_bytes()))
}

/// The title of an HTML page, or else its text without markup.
fn html_text(page: &str) -> String {
    let lower = page.to_ascii_lowercase();
    if let Some(start) = lower.find("<title")
        && let Some(open) = lower[start..].find('>')
        && let Some(len) = lower[start + open + 1..].find("</title")
    {
        let title = page[start + open + 1..][..len].trim();
        if !title.is_empty() {
            return title.to_owned();
        }
    }
    let mut text = String::new();
    for piece in page.split('<') {
        let piece = piece.split_once('>').map_or("", |(_, text)| text);
        text.push_str(piece);
        text.push(' ');
    }
    text
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use http::HeaderValue;

    use super::*;

    fn error(status: u16, kind: &'static str, body: &str) -> StatusError {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        headers.insert("mcp-session-id", HeaderValue::from_static("hidden"));
        let url = Uri::from_static("https://user:hidden@host:8443/mcp?token=hidden");
        let status = StatusCode::from_u16(status).unwrap();
        StatusError::new(status, headers, &url, body.as_bytes())
    }

    #[test]
    fn display_is_one_readable_line() {
        for (status, kind, body, line) in [
            (403, "text/plain", "no access\nfor you", "HTTP 403 Forbidden from URL: no access"),
            (404, "text/plain", "", "HTTP 404 Not Found from URL"),
            (
                502,
                "text/html; charset=utf-8",
                "<html>\n<head><TITLE>502 Bad\n Gateway</TITLE></head><body>x</body>",
                "HTTP 502 Bad Gateway from URL: 502 Bad Gateway",
            ),
            (
                500,
                "text/plain",
                " <!DOCTYPE html><body><h1>It</h1><p class='a'>broke</body>",
                "HTTP 500 Internal Server Error from URL: It broke",
            ),
            (
                599,
                "application/json",
                "{\"e\":1}\u{1b}[31m",
                "HTTP 599 from URL: {\"e\":1}\\u{1b}[31m",
            ),
        ] {
            let line = line.replace("URL", "https://host:8443/mcp");
            assert_eq!(error(status, kind, body).to_string(), line);
        }
    }

    #[test]
    fn display_is_short_and_redacts_secrets() {
        let error = error(500, "text/plain", &"ä".repeat(10_000));
        assert!(error.is_truncated());
        assert!(error.body().len() <= BODY_LIMIT + 3);
        assert!(error.to_string().chars().count() < 600);
        assert!(!format!("{error} {error:?}").contains("hidden"));
        assert_eq!(error.headers()["mcp-session-id"], "hidden");
    }
}

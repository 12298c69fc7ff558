use std::error::Error as StdError;
use std::future::poll_fn;

use http::header::LOCATION;
use http::{Method, Request, Response, StatusCode, Uri};
use mcp_core::Excerpt;
use tower_service::Service;
use url::Url;

use crate::body::Body;
use crate::error::{Error, ErrorKind};
use crate::url::SafeUrl;

const MAX_REDIRECTS: usize = 5;

/// Response extension: the URL that responded, if it is not the requested one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FinalUrl(pub Uri);

/// The URL that responded to a request to `requested`, which differs after redirects.
pub fn final_url<'a, B>(response: &'a Response<B>, requested: &'a Uri) -> &'a Uri {
    match response.extensions().get::<FinalUrl>() {
        Some(FinalUrl(url)) => url,
        None => requested,
    }
}

/// Sends a request to `url` over `service` and follows at most 5 redirects.
///
/// `request` creates the request for a URL, once for each hop, so that nothing is copied in case of a redirect. Only
/// redirects that preserve origin and method are followed, with all headers: 307 and 308 always, 301, 302 and 303 for
/// `GET` and `HEAD`. After a redirect, the response has the extension [`FinalUrl`].
///
/// # Cancel safety
///
/// Dropping the future cancels the request in flight.
///
/// # Errors
///
/// [`Redirect`](ErrorKind::Redirect), which names the location, if a redirect may not be followed, and errors of the
/// service (see [`Error::from_service`]).
pub fn follow_redirects<S, B>(
    service: S,
    url: &Uri,
    request: impl FnMut(&Uri) -> Request<Body>,
) -> impl Future<Output = Result<Response<B>, Error>>
where
    S: Service<Request<Body>, Response = Response<B>>,
    S::Error: Into<Box<dyn StdError + Send + Sync>>,
{
    follow(ByService { service, request }, url)
}

/// Creates and sends the request of one hop.
pub(crate) trait Hop {
    type Body;

    /// Creates the request for a URL and sends it.
    fn send(&mut self, url: &Uri) -> impl Future<Output = Result<Sent<Self::Body>, Error>>;
}

/// The response to the request of a hop.
pub(crate) struct Sent<B> {
    pub(crate) response: Response<B>,
    /// Whether the method of the request [changes nothing](is_safe).
    pub(crate) is_safe: bool,
}

/// Whether a request may be redirected with any status.
pub(crate) fn is_safe(request: &Request<Body>) -> bool {
    matches!(*request.method(), Method::GET | Method::HEAD)
}

struct ByService<S, F> {
    service: S,
    request: F,
}

impl<S, B, F> Hop for ByService<S, F>
where
    S: Service<Request<Body>, Response = Response<B>>,
    S::Error: Into<Box<dyn StdError + Send + Sync>>,
    F: FnMut(&Uri) -> Request<Body>,
{
    type Body = B;

    async fn send(&mut self, url: &Uri) -> Result<Sent<B>, Error> {
        let ready = poll_fn(|cx| self.service.poll_ready(cx)).await;
        ready.map_err(|error| Error::from_service(error).not_sent())?;
        let request = (self.request)(url);
        let is_safe = is_safe(&request);
        let response = self.service.call(request).await.map_err(Error::from_service)?;
        Ok(Sent { response, is_safe })
    }
}

/// Sends a request and follows redirects: see [`follow_redirects`].
pub(crate) async fn follow<H: Hop>(mut hop: H, url: &Uri) -> Result<Response<H::Body>, Error> {
    let mut moved: Option<Uri> = None;
    for _ in 0..=MAX_REDIRECTS {
        let at = moved.as_ref().unwrap_or(url);
        let Sent { mut response, is_safe } = hop.send(at).await?;
        let keeps_method = match response.status() {
            StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT => true,
            StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND | StatusCode::SEE_OTHER => is_safe,
            _ => {
                if let Some(url) = moved {
                    response.extensions_mut().insert(FinalUrl(url));
                }
                return Ok(response);
            }
        };
        // Without a location, the response is handled like any other error status.
        let Some(location) = response.headers().get(LOCATION) else {
            return Ok(response);
        };
        let refused = |to: &dyn std::fmt::Display, why: &str| {
            let from = SafeUrl(at);
            let status = response.status().as_u16();
            Error::new(ErrorKind::Redirect, format!("{from} redirects ({status}) to {to}, {why}"))
        };
        let Some((base, target)) = resolve(at, location.as_bytes()) else {
            return Err(refused(&"something that is not a URL", "which cannot be followed"));
        };
        let next: Option<Uri> = target.as_str().parse().ok();
        let Some(next) = next.filter(|_| base.origin() == target.origin()) else {
            let to = safe(target);
            return Err(refused(&to, "which is another origin: use that URL if you trust it"));
        };
        if !keeps_method {
            let to = safe(target);
            return Err(refused(&to, "which would change the method to GET"));
        }
        moved = Some(next);
    }
    let last = moved.as_ref().unwrap_or(url);
    Err(Error::new(
        ErrorKind::Redirect,
        format!("more than {MAX_REDIRECTS} redirects, the last to {}", SafeUrl(last)),
    ))
}

/// The requested URL and the target of `location`, resolved against it.
fn resolve(at: &Uri, location: &[u8]) -> Option<(Url, Url)> {
    let base = Url::parse(&at.to_string()).ok()?;
    let mut target = base.join(std::str::from_utf8(location).ok()?).ok()?;
    target.set_fragment(None);
    // Credentials come from the caller, never from the server. Schemes without credentials are refused anyway.
    let _ = target.set_username(base.username());
    let _ = target.set_password(base.password());
    Some((base, target))
}

/// `url` without its secrets.
fn safe(mut url: Url) -> String {
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_query(None);
    Excerpt(url.as_str()).to_string()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use std::collections::VecDeque;
    use std::convert::Infallible;
    use std::future::{Ready, ready};
    use std::task::{Context, Poll};

    use super::*;

    /// Responds with the next entry of a list of statuses and locations.
    struct Script {
        answers: VecDeque<(u16, &'static str)>,
        asked: Vec<String>,
    }

    impl Service<Request<Body>> for &mut Script {
        type Response = Response<()>;
        type Error = Infallible;
        type Future = Ready<Result<Response<()>, Infallible>>;

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
            Poll::Ready(Ok(()))
        }

        fn call(&mut self, request: Request<Body>) -> Self::Future {
            self.asked.push(format!("{} {}", request.method(), request.uri()));
            let (status, location) = self.answers.pop_front().unwrap_or((200, ""));
            let mut response = Response::builder().status(status);
            if !location.is_empty() {
                response = response.header(LOCATION, location);
            }
            ready(Ok(response.body(()).unwrap()))
        }
    }

    fn script(answers: &[(u16, &'static str)]) -> Script {
        Script { answers: answers.iter().copied().collect(), asked: Vec::new() }
    }

    async fn run(
        script: &mut Script,
        method: Method,
        url: &'static str,
    ) -> Result<Response<()>, Error> {
        follow_redirects(script, &Uri::from_static(url), |url| {
            let mut request = Request::new(Body::empty());
            *request.method_mut() = method.clone();
            *request.uri_mut() = url.clone();
            request
        })
        .await
    }

    #[tokio::test]
    async fn redirects_that_preserve_origin_and_method_are_followed() {
        for (method, status, location, target) in [
            (Method::POST, 307, "/mcp/", "http://host:8000/mcp/"),
            (Method::POST, 308, "http://HOST:8000/new?x=1#frag", "http://host:8000/new?x=1"),
            (Method::GET, 301, "other", "http://host:8000/other"),
            (Method::GET, 302, "//host:8000/b", "http://host:8000/b"),
            (Method::GET, 303, "?q", "http://host:8000/mcp?q"),
        ] {
            let mut script = script(&[(status, location)]);
            let response = run(&mut script, method.clone(), "http://host:8000/mcp").await.unwrap();
            let FinalUrl(url) = response.extensions().get().unwrap();
            assert_eq!(url, target);
            assert_eq!(script.asked[1], format!("{method} {target}"));
        }
    }

    #[tokio::test]
    async fn default_ports_are_the_same_origin() {
        let mut script = script(&[(307, "https://host:443/mcp/")]);
        run(&mut script, Method::POST, "https://host/mcp").await.unwrap();
        assert_eq!(script.asked.len(), 2);
    }

    #[tokio::test]
    async fn other_origins_and_methods_are_refused_without_secrets() {
        for (method, status, location, named) in [
            (Method::POST, 307, "https://host:8000/mcp", "https://host:8000/mcp"),
            (Method::POST, 308, "http://u:secret@evil/x?token=secret", "http://evil/x"),
            (Method::GET, 301, "http://host:8001/", "http://host:8001/"),
            (Method::POST, 301, "/mcp/?a=secret", "http://host:8000/mcp/"),
            (Method::POST, 302, "/login", "change the method"),
            (Method::POST, 303, "/login", "change the method"),
            (Method::GET, 302, "file:///etc/passwd", "file:///etc/passwd"),
            (Method::GET, 302, "http://[", "not a URL"),
        ] {
            let mut script = script(&[(status, location)]);
            let error =
                run(&mut script, method, "http://host:8000/mcp?key=secret").await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Redirect);
            assert!(error.to_string().contains(named), "{error}");
            assert!(!error.to_string().contains("secret"), "{error}");
            assert_eq!(script.asked.len(), 1);
        }
    }

    #[tokio::test]
    async fn ends_a_loop() {
        let mut script = script(&[(307, "/mcp"); 20]);
        let error = run(&mut script, Method::POST, "http://host/mcp").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Redirect);
        assert_eq!(script.asked.len(), 1 + MAX_REDIRECTS);
    }

    #[tokio::test]
    async fn other_responses_are_returned_unchanged() {
        for answer in [(200, ""), (307, ""), (304, "/x"), (404, ""), (201, "/x")] {
            let mut script = script(&[answer]);
            let response = run(&mut script, Method::POST, "http://host/mcp").await.unwrap();
            assert_eq!(response.status().as_u16(), answer.0);
            assert!(response.extensions().get::<FinalUrl>().is_none());
        }
    }
}

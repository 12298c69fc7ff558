//! Loopback redirect listener.
//!
//! Spec: RFC 8252, 7.3

use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::task::JoinSet;

use super::page::page;
use super::redirect::{Prompt, Redirect};
use crate::error::{Error, ErrorKind};

/// Maximum number of open connections.
const MAX_CONNECTIONS: usize = 16;
/// Limit on the time to receive the head of a request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// Limit on the time to deliver the final page to the browser.
const PAGE_TIMEOUT: Duration = Duration::from_secs(2);

/// Listeners for a redirect. Dropping it closes them.
#[derive(Debug)]
pub(crate) struct Loopback {
    redirect_uri: String,
    path: String,
    listeners: Vec<TcpListener>,
    tasks: JoinSet<()>,
    /// The pending response to the request that carried the redirect.
    answer: Option<Answer>,
}

#[derive(Debug)]
struct Answer {
    page: oneshot::Sender<String>,
    is_sent: oneshot::Receiver<()>,
    server: String,
}

struct Arrived {
    redirect: Redirect,
    page: oneshot::Sender<String>,
    is_sent: oneshot::Receiver<()>,
}

impl Loopback {
    /// Listens at `host` (`127.0.0.1`, `[::1]`, or `localhost` for both) and `port`; port 0 is any free port.
    pub(crate) async fn bind(host: &str, port: u16, path: &str) -> io::Result<Self> {
        let v4 = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let v6 = |port| SocketAddr::from((Ipv6Addr::LOCALHOST, port));
        let mut listeners = Vec::new();
        match host {
            "[::1]" => listeners.push(TcpListener::bind(v6(port)).await?),
            "localhost" => {
                let first = TcpListener::bind(v4).await?;
                let port = first.local_addr()?.port();
                listeners.push(first);
                // IPv6 may be unavailable.
                listeners.extend(TcpListener::bind(v6(port)).await.ok());
            }
            _ => listeners.push(TcpListener::bind(v4).await?),
        }
        let port = listeners[0].local_addr()?.port();
        let redirect_uri = format!("http://{host}:{port}{path}");
        let (path, tasks) = (path.to_owned(), JoinSet::new());
        Ok(Self { redirect_uri, path, listeners, tasks, answer: None })
    }

    pub(crate) fn redirect_uri(&self) -> &str {
        &self.redirect_uri
    }

    /// Sets the redirect URI that forwards to this listener.
    pub(crate) fn set_redirect_uri(&mut self, uri: &str) {
        uri.clone_into(&mut self.redirect_uri);
    }

    /// Waits for the redirect of this login. Every other request gets a 404. Cancel safe.
    pub(crate) async fn redirect(&mut self, prompt: &Prompt) -> Result<Redirect, Error> {
        let (sender, mut arrivals) = mpsc::channel(1);
        let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        for listener in std::mem::take(&mut self.listeners) {
            let (sender, places) = (sender.clone(), Arc::clone(&places));
            let (prompt, path) = (prompt.clone(), self.path.clone());
            self.tasks.spawn(accept(listener, places, sender, prompt, path));
        }
        drop(sender);
        let arrived = arrivals.recv().await;
        let Arrived { redirect, page, is_sent } = arrived.ok_or_else(|| {
            Error::new(ErrorKind::Denied, "the listener for the redirect has closed")
        })?;
        self.answer = Some(Answer { page, is_sent, server: prompt.server().to_owned() });
        Ok(redirect)
    }

    /// Shows the outcome of the login in the browser.
    pub(crate) async fn finish(mut self, outcome: &Result<(), Error>) {
        let Some(Answer { page: sender, is_sent, server }) = self.answer.take() else { return };
        let _ = sender.send(page(&server, outcome));
        // Give up on a browser that does not read the page in time.
        let _ = tokio::time::timeout(PAGE_TIMEOUT, is_sent).await;
    }
}

async fn accept(
    listener: TcpListener,
    places: Arc<Semaphore>,
    arrivals: mpsc::Sender<Arrived>,
    prompt: Prompt,
    path: String,
) {
    let mut connections = JoinSet::new();
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        let Ok((stream, _)) = listener.accept().await else { continue };
        let (arrivals, prompt, path) = (arrivals.clone(), prompt.clone(), path.clone());
        connections.spawn(async move {
            let _place = place;
            let is_sent = Mutex::new(None);
            let service = service_fn(|request| {
                let answer = respond(request, &arrivals, &prompt, &path, &is_sent);
                async move { Ok::<_, Infallible>(answer.await) }
            });
            let connection = http1::Builder::new()
                .keep_alive(false)
                .timer(TokioTimer::new())
                .header_read_timeout(HEAD_TIMEOUT)
                .serve_connection(TokioIo::new(stream), service);
            // The browser may have closed the connection.
            let _ = connection.await;
            // Dropping it signals that the page was sent.
            drop(is_sent);
        });
        while connections.try_join_next().is_some() {}
    }
}

/// Responds to one request, which may come from another program.
async fn respond(
    request: Request<Incoming>,
    arrivals: &mpsc::Sender<Arrived>,
    prompt: &Prompt,
    path: &str,
    is_sent: &Mutex<Option<oneshot::Sender<()>>>,
) -> Response<Full<Bytes>> {
    let query = request.uri().query().filter(|_| request.uri().path() == path);
    let redirect = query.filter(|_| request.method() == Method::GET);
    let redirect = redirect.and_then(|query| Redirect::parse(&format!("?{query}")).ok());
    let Some(redirect) = redirect.filter(|redirect| prompt.expects(redirect)) else {
        return response(StatusCode::NOT_FOUND, "Not found".to_owned());
    };
    let ((page, shown), (sent, is_done)) = (oneshot::channel(), oneshot::channel());
    *is_sent.lock().unwrap_or_else(PoisonError::into_inner) = Some(sent);
    let arrived = Arrived { redirect, page, is_sent: is_done };
    match arrivals.try_send(arrived) {
        Ok(()) => {}
        // Only the first redirect counts.
        Err(_) => return response(StatusCode::NOT_FOUND, "Not found".to_owned()),
    }
    match shown.await {
        Ok(page) => response(StatusCode::OK, page),
        Err(_) => response(StatusCode::GONE, "The login has ended".to_owned()),
    }
}

fn response(status: StatusCode, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    for (name, value) in [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;
    use url::Url;

    use super::*;
    use crate::secret::Secret;

    async fn get(address: &str, method: &str, target: &str) -> String {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let head = format!("{method} {target} HTTP/1.1\r\nhost: x\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        text
    }

    #[tokio::test]
    async fn only_the_redirect_of_this_login_counts_and_its_page_shows_the_outcome() {
        let mut loopback = Loopback::bind("localhost", 0, "/callback").await.unwrap();
        let uri = Url::parse(loopback.redirect_uri()).unwrap();
        let address = format!("127.0.0.1:{}", uri.port().unwrap());
        let page = Url::parse("https://as/login").unwrap();
        let prompt = Prompt::new(&page, "https://mcp", Secret::new("right"), None);
        let browser = tokio::spawn(async move {
            for (method, target) in [
                ("GET", "/callback?code=c&state=wrong"),
                ("GET", "/other?code=c&state=right"),
                ("POST", "/callback?code=c&state=right"),
                ("GET", "/callback"),
                ("GET", "/favicon.ico"),
            ] {
                let answer = get(&address, method, target).await;
                assert!(answer.starts_with("HTTP/1.1 404"), "{target}: {answer}");
            }
            get(&address, "GET", "/callback?code=c&state=right").await
        });
        let redirect = loopback.redirect(&prompt).await.unwrap();
        assert_eq!(redirect.param("code"), Some("c"));
        assert!(!browser.is_finished(), "the page waits for the outcome");
        let error = Error::new(ErrorKind::Refused, "no token");
        loopback.finish(&Err(error)).await;
        let page = browser.await.unwrap();
        assert!(page.contains("The login failed") && page.contains("no token"), "{page}");
        let page = page.to_ascii_lowercase();
        assert!(page.contains("cache-control: no-store") && page.contains("no-referrer"));
        assert!(!page.contains("right") && !page.contains("<script"));
    }

    #[tokio::test]
    async fn localhost_is_both_addresses() {
        let loopback = Loopback::bind("localhost", 0, "/c").await.unwrap();
        let addresses: Vec<_> =
            loopback.listeners.iter().map(|it| it.local_addr().unwrap()).collect();
        assert!(addresses.iter().all(|it| it.port() == addresses[0].port()));
        let taken = Loopback::bind("127.0.0.1", addresses[0].port(), "/c").await;
        assert_eq!(taken.unwrap_err().kind(), io::ErrorKind::AddrInUse);
    }
}

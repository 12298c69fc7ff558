//! Serves the redirect over HTTP.

use std::convert::Infallible;
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

use crate::agent::redirect::{Prompt, Redirect};

/// Limit on the time to receive the head of a request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// A redirect whose response is pending.
pub(super) struct Arrived {
    pub(super) redirect: Redirect,
    pub(super) page: oneshot::Sender<String>,
    pub(super) is_sent: oneshot::Receiver<()>,
}

/// Accepts connections until it is dropped.
pub(super) async fn accept(
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

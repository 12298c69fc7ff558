//! A relay to a remote server.

use std::{
    fmt,
    ops::Range,
    sync::{
        Arc, LazyLock, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
};

use futures_util::{FutureExt, StreamExt, stream};
use mcp_core::{ErrorObject, Message, RawJson, Request, RequestId, Response, error_code, method};
use mcp_transport::{
    Connect, Connection, Delivery, Envelope, Error, ErrorKind, Exchange, Inbound, OneWay, Serve,
    Transport, util::SingleFlight,
};
use memchr::memmem::Finder;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::sync::oneshot;

/// A [`Serve`] that forwards requests to another server over any transport, for example to serve a process over HTTP,
/// or a URL over standard input and output.
///
/// Each client with a session has a separate connection, opened with its first request and closed with its session; if
/// the connection ends, so does the session, and the client opens another. Requests of the modern era share one
/// connection, which is reopened after it has ended. Messages are forwarded
/// unchanged, except for ids and progress tokens, which are replaced so that those of several clients differ. There is
/// no translation: client and server must use the same revision.
///
/// A request that cannot be forwarded receives a JSON-RPC error. Its `data.delivery` is `notSent`, `unknown` or
/// `answered`: whether the server may have processed the request.
///
/// ```
/// # async fn serve(server: impl mcp_transport::Connect) -> std::io::Result<()> {
/// use mcp_serve::{Relay, serve_stdio};
///
/// serve_stdio(Relay::new(server)).await
/// # }
/// ```
pub struct Relay<C: Connect> {
    connect: Arc<C>,
    upstream: Mutex<Option<Arc<C::Transport>>>,
    opening: SingleFlight<Result<Arc<C::Transport>, Error>>,
    /// Receives the messages of the first connection outside exchanges.
    inbound: Mutex<Option<oneshot::Sender<Inbound>>>,
    /// Whether the connection has a session, which another connection would not continue.
    has_session: AtomicBool,
    next: AtomicI64,
}

impl<C: Connect> Relay<C> {
    /// Relays to the server that `connect` connects to. Connects with the first request.
    pub fn new(connect: C) -> Self {
        Self::of(Arc::new(connect))
    }

    fn of(connect: Arc<C>) -> Self {
        Self {
            connect,
            upstream: Mutex::new(None),
            opening: SingleFlight::new(),
            inbound: Mutex::new(None),
            has_session: AtomicBool::new(false),
            next: AtomicI64::new(1),
        }
    }

    fn current(&self) -> MutexGuard<'_, Option<Arc<C::Transport>>> {
        self.upstream.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The connection. Opens one if there is none that can be used for a message.
    async fn upstream(&self, begins_session: bool) -> Result<Arc<C::Transport>, Error> {
        let current = self.current().clone();
        if let Some(current) = current {
            match current.closed().now_or_never() {
                None => return Ok(current),
                Some(error) if self.has_session.load(Ordering::Acquire) && !begins_session => {
                    return Err(error);
                }
                Some(_) => {}
            }
        }
        // Boxed, so that the future of a usual request is small.
        let opening = Box::pin(self.opening.run(|| async {
            let Connection { transport, inbound, .. } = self.connect.connect().await?;
            let waiting = self.inbound.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(waiting) = waiting {
                // Fails if the client has disconnected.
                let _ = waiting.send(inbound);
            }
            let transport = Arc::new(transport);
            *self.current() = Some(Arc::clone(&transport));
            Ok(transport)
        }));
        opening.await
    }

    async fn relay(&self, mut request: Envelope<Request>) -> Result<Exchange, Error> {
        let message = &mut request.message;
        let begins_session = message.method == method::INITIALIZE;
        let upstream = self.upstream(begins_session).await;
        let upstream = upstream.map_err(|error| error.with_delivery(Delivery::NotSent))?;
        if begins_session {
            self.has_session.store(true, Ordering::Release);
        }
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let id = std::mem::replace(&mut message.id, number.into());
        let token = message.params.as_mut().and_then(|params| replace_token(params, number));
        let exchange = upstream.request(request).await?;
        Ok(exchange.map_items(id.clone(), move |item| Ok(relayed(item, &id, token.as_ref()))))
    }
}

impl<C: Connect> Serve for Relay<C> {
    fn for_client(&self) -> Option<Self> {
        Some(Self::of(Arc::clone(&self.connect)))
    }

    fn open(&self) -> Inbound {
        let (sender, receiver) = oneshot::channel::<Inbound>();
        *self.inbound.lock().unwrap_or_else(PoisonError::into_inner) = Some(sender);
        let opened = receiver.map(|inbound| inbound.unwrap_or_else(|_| Inbound::none()));
        Inbound::from_stream(stream::once(opened).flatten())
    }

    async fn request(&self, request: Envelope<Request>) -> Exchange {
        let id = request.message.id.clone();
        self.relay(request).await.unwrap_or_else(|error| {
            Exchange::answered(id.clone(), Response::error(id, failure(&error)))
        })
    }

    async fn send(&self, message: Envelope<OneWay>) {
        // A failure cannot be reported here; the next request will report it.
        if let Ok(upstream) = self.upstream(false).await {
            let _ = upstream.send(message).await;
        }
    }

    async fn close(&self) {
        let upstream = self.current().take();
        if let Some(upstream) = upstream {
            let _ = upstream.close().await;
        }
    }

    fn name(&self) -> String {
        self.connect.describe()
    }
}

impl<C: Connect> fmt::Debug for Relay<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Relay").field("server", &self.connect.describe()).finish_non_exhaustive()
    }
}

/// A message of the server with the client's id and progress token.
fn relayed(item: Result<Message, Error>, id: &RequestId, token: Option<&RawJson>) -> Message {
    match item {
        Ok(Message::Response(mut response)) => {
            response.id = Some(id.clone());
            response.into()
        }
        Ok(Message::Notification(mut notification)) => {
            if let Some(token) = token
                && notification.method == method::NOTIFICATIONS_PROGRESS
                && let Some(params) = &notification.params
            {
                notification.params = restore_token(params, token).or(notification.params);
            }
            notification.into()
        }
        Ok(request) => request,
        Err(error) => Response::error(id.clone(), failure(&error)).into(),
    }
}

fn failure(error: &Error) -> ErrorObject {
    let delivery = match error.delivery() {
        Delivery::NotSent => "notSent",
        Delivery::Answered => "answered",
        _ => "unknown",
    };
    let data = RawJson::trusted(format!(r#"{{"delivery":"{delivery}"}}"#));
    let code = match error.kind() {
        ErrorKind::InvalidRequest => error_code::INVALID_REQUEST,
        _ => error_code::INTERNAL_ERROR,
    };
    ErrorObject::new(code, with_causes(error)).with_data(data)
}

/// The text of an error followed by those of its sources, without duplicates.
fn with_causes(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

/// Replaces the progress token, and returns the original one.
fn replace_token(params: &mut RawJson, token: i64) -> Option<RawJson> {
    #[derive(Deserialize)]
    struct Params<'a> {
        #[serde(borrow, rename = "_meta")]
        meta: Progress<'a>,
    }
    static NAME: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("\"progressToken\""));
    // Most requests have none, and need not be parsed. No client writes the name with escapes.
    NAME.find(params.as_bytes())?;
    let found: Params<'_> = params.decode().ok()?;
    let range = range_in(params, found.meta.token);
    let old = RawJson::trusted(params.to_bytes().slice(range.clone()));
    *params = spliced(params, range, token.to_string().as_bytes());
    Some(old)
}

/// The parameters of a progress notification with the client's token.
fn restore_token(params: &RawJson, token: &RawJson) -> Option<RawJson> {
    let found: Progress<'_> = params.decode().ok()?;
    Some(spliced(params, range_in(params, found.token), token.as_bytes()))
}

#[derive(Deserialize)]
struct Progress<'a> {
    #[serde(borrow, rename = "progressToken")]
    token: &'a RawValue,
}

/// The range of a value borrowed from `whole`.
fn range_in(whole: &RawJson, part: &RawValue) -> Range<usize> {
    let part = part.get();
    let start = part.as_ptr() as usize - whole.as_bytes().as_ptr() as usize;
    start..start + part.len()
}

fn spliced(whole: &RawJson, range: Range<usize>, with: &[u8]) -> RawJson {
    let whole = whole.as_bytes();
    RawJson::trusted([&whole[..range.start], with, &whole[range.end..]].concat())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn text(json: &RawJson) -> &str {
        std::str::from_utf8(json.as_bytes()).unwrap()
    }

    #[test]
    fn a_failure_has_its_causes_and_delivery() {
        let error = Error::new(ErrorKind::Connect, "cannot be reached")
            .with_delivery(Delivery::NotSent)
            .with_source(std::io::Error::other("refused"));
        let failure = failure(&error);
        assert_eq!((failure.code, &*failure.message), (-32603, "cannot be reached: refused"));
        assert_eq!(text(&failure.data.unwrap()), r#"{"delivery":"notSent"}"#);
    }

    #[test]
    fn only_the_token_changes() {
        for (params, sent, token) in [
            (
                r#"{"a": "\u00e9", "_meta": { "progressToken" : "t\"" , "x": 1 } }"#,
                r#"{"a": "\u00e9", "_meta": { "progressToken" : 7 , "x": 1 } }"#,
                Some(r#""t\"""#),
            ),
            (r#"{"_meta":{"progressToken":5}}"#, r#"{"_meta":{"progressToken":7}}"#, Some("5")),
            (r#"{"progressToken":5}"#, r#"{"progressToken":5}"#, None),
            (r#"{"_meta":[]}"#, r#"{"_meta":[]}"#, None),
            ("[]", "[]", None),
        ] {
            let mut replaced = RawJson::from_text(params).unwrap();
            let old = replace_token(&mut replaced, 7);
            assert_eq!((text(&replaced), old.as_ref().map(text)), (sent, token));
        }
        let progress = RawJson::from_text(r#"{"progress":1,"progressToken": 7}"#).unwrap();
        let restored = restore_token(&progress, &RawJson::trusted("\"t\"")).unwrap();
        assert_eq!(text(&restored), r#"{"progress":1,"progressToken": "t"}"#);
    }
}

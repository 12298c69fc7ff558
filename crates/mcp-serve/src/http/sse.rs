//! HTTP+SSE of revision 2024-11-05: one stream of events for each client, and a POST for each of its messages.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::{Method, Request, Response, StatusCode, header::ACCEPT, request::Parts};
use mcp_core::{Message, ParseError, ParseErrorKind};
use mcp_transport::Serve;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream, WriteHalf, split};

use super::{
    Http, answer,
    body::Body,
    headers::{accepts, header, refuse_content_type},
    random_id::random_id,
    read_body, unreadable,
};
use crate::lines::serve_shared;

/// Size of the buffers between a client and its server, in bytes, for each direction.
const BUFFER: usize = 64 << 10;

/// Serves any [`Serve`] over HTTP+SSE, for clients of revision 2024-11-05: a tower service created by
/// [`Http::http_sse`], with the same checks and limits.
///
/// A GET opens the stream of a client, with its own server. The first event contains the URL for messages: the same
/// path, with the session id in the query. The session ends with the stream.
///
/// Spec: [2024-11-05
/// HTTP+SSE](https://modelcontextprotocol.io/specification/2024-11-05/basic/transports#http-with-sse)
pub struct HttpSse<S> {
    http: Http<S>,
    sessions: Sessions,
}

/// The writer to the server of a session.
type Writer = Arc<tokio::sync::Mutex<WriteHalf<DuplexStream>>>;

/// The open sessions by id.
type Sessions = Arc<Mutex<HashMap<Arc<str>, Writer>>>;

fn lock(sessions: &Sessions) -> MutexGuard<'_, HashMap<Arc<str>, Writer>> {
    sessions.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<S: Serve> HttpSse<S> {
    pub(super) fn new(http: Http<S>) -> Self {
        Self { http, sessions: Sessions::default() }
    }

    pub(super) async fn respond<B>(self, request: Request<B>) -> Response<Body>
    where
        B: http_body::Body<Data = Bytes>,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let (head, body) = request.into_parts();
        let guard = &self.http.settings.guard;
        let origin = guard.allowed_origin(&head.headers);
        let mut response = match guard.check(&head).await {
            Some(response) => response,
            None => match head.method {
                Method::GET => self.open(&head),
                Method::POST => self.post(&head, body).await,
                _ => answer::method_not_allowed("GET, POST"),
            },
        };
        guard.add_cors(origin, &mut response);
        response
    }

    fn open(&self, head: &Parts) -> Response<Body> {
        if header(&head.headers, ACCEPT).is_some_and(|it| !accepts(it, "text/event-stream")) {
            let text = "the client must accept text/event-stream";
            return answer::refusal(StatusCode::NOT_ACCEPTABLE, text);
        }
        if lock(&self.sessions).len() >= self.http.settings.max_sessions {
            return answer::refusal(StatusCode::SERVICE_UNAVAILABLE, "too many sessions are open");
        }
        let Ok(id) = random_id() else {
            let text = "the system has no random numbers for the id of a session";
            return answer::refusal(StatusCode::INTERNAL_SERVER_ERROR, text);
        };
        let (ours, theirs) = tokio::io::duplex(BUFFER);
        let server = Arc::clone(&self.http.server);
        // Ends when both directions to the client are dropped, and then closes the server.
        tokio::spawn(async move {
            let (reader, writer) = split(theirs);
            let _ = serve_shared(&server, reader, writer).await;
        });
        let (reader, writer) = split(ours);
        let writer = Arc::new(tokio::sync::Mutex::new(writer));
        lock(&self.sessions).insert(Arc::clone(&id), writer);
        let session = Session { id: Arc::clone(&id), sessions: Arc::clone(&self.sessions) };
        let endpoint = format!("event: endpoint\ndata: {}?sessionId={id}\n\n", head.uri.path());
        let lines = BufReader::new(reader).split(b'\n');
        let events = stream::unfold((lines, session), |(mut lines, session)| async {
            let line = lines.next_segment().await.ok()??;
            let event = [b"event: message\ndata: ", &line[..], b"\n\n"].concat();
            Some((Bytes::from(event), (lines, session)))
        });
        let first = stream::iter([Bytes::from(endpoint)]);
        answer::events(Body::events(first.chain(events)))
    }

    async fn post<B>(&self, head: &Parts, body: B) -> Response<Body>
    where
        B: http_body::Body<Data = Bytes>,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        if let Some(refused) = refuse_content_type(&head.headers) {
            return refused;
        }
        let pairs = head.uri.query().unwrap_or_default().split('&');
        let id = pairs.into_iter().find_map(|pair| pair.strip_prefix("sessionId="));
        let Some(writer) = id.and_then(|id| lock(&self.sessions).get(id).cloned()) else {
            return answer::refusal(
                StatusCode::NOT_FOUND,
                "the session does not exist or has ended",
            );
        };
        let body = match read_body(body, self.http.settings.max_body).await {
            Ok(body) => body,
            Err(refused) => return *refused,
        };
        let mut line = Vec::with_capacity(body.len() + 1);
        match Message::parse(body.clone()) {
            // Encoded as one line, in any case.
            Ok(message) => message.encode(&mut line),
            Err(ParseError { kind: ParseErrorKind::Batch, .. }) => {
                line.extend(body.iter().map(|byte| match byte {
                    b'\n' | b'\r' => b' ',
                    byte => *byte,
                }));
            }
            Err(error) => return unreadable(&error),
        }
        line.push(b'\n');
        // In a task, so that a line is written completely even if the client drops its request.
        let writing = tokio::spawn(async move { writer.lock().await.write_all(&line).await });
        match writing.await {
            Ok(Ok(())) => answer::empty(StatusCode::ACCEPTED),
            _ => answer::refusal(StatusCode::NOT_FOUND, "the session has ended"),
        }
    }
}

/// Ends with the stream of the client.
struct Session {
    id: Arc<str>,
    sessions: Sessions,
}

impl Drop for Session {
    fn drop(&mut self) {
        lock(&self.sessions).remove(&self.id);
    }
}

impl<S> Clone for HttpSse<S> {
    fn clone(&self) -> Self {
        Self { http: self.http.clone(), sessions: Arc::clone(&self.sessions) }
    }
}

impl<S: Serve> fmt::Debug for HttpSse<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpSse")
            .field("server", &self.http.server.name())
            .field("sessions", &lock(&self.sessions).len())
            .finish_non_exhaustive()
    }
}

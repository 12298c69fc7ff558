//! Requests in sessions, of revisions before 2026-07-28.

use std::{future::poll_fn, sync::Arc, task::Poll};

use bytes::Bytes;
use futures_util::{StreamExt, stream::SelectAll};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use mcp_core::{ErrorObject, Message, ProtocolVersion, Request, error_code, method};
use mcp_transport::{Envelope, OneWay, Serve};

use super::{
    Http, answer,
    body::{Body, event},
    event_log::parse_event_id,
    headers::{accepts, header},
    random_id::random_id,
    sessions::Session,
    unreadable,
};
use crate::{cancelled::cancelled, version::negotiated_version, work::Work};

const SESSION_ID: HeaderName = HeaderName::from_static("mcp-session-id");

impl<S: Serve> Http<S> {
    pub(super) async fn legacy(&self, headers: &HeaderMap, message: Message) -> Response<Body> {
        match message {
            Message::Request(request)
                if request.method == method::INITIALIZE && !headers.contains_key(SESSION_ID) =>
            {
                self.initialize(request).await
            }
            message => match self.session(headers) {
                Ok(session) => self.in_session(&session, message).await,
                Err(refused) => *refused,
            },
        }
    }

    /// Spec: 2025-11-25 basic/transports#session-management
    async fn initialize(&self, request: Request) -> Response<Body> {
        if self.sessions.len() >= self.settings.max_sessions {
            return answer::refusal(StatusCode::SERVICE_UNAVAILABLE, "too many sessions are open");
        }
        let server = self.server.for_client().map_or_else(|| Arc::clone(&self.server), Arc::new);
        let inbound = server.open();
        let mut work = Work::new(&server, Envelope::new(request));
        let response = loop {
            match work.next().await {
                Some(Message::Response(response)) => break response,
                // Messages before the session opens have no stream to be sent on.
                Some(_) => {}
                None => return answer::refusal(StatusCode::INTERNAL_SERVER_ERROR, "no response"),
            }
        };
        if response.outcome.is_err() {
            server.close().await;
            return answer::json(StatusCode::OK, response);
        }
        let Ok(id) = random_id() else {
            server.close().await;
            let text = "the system has no random numbers for the id of a session";
            return answer::refusal(StatusCode::INTERNAL_SERVER_ERROR, text);
        };
        let session = Session::new(Arc::clone(&id), server, negotiated_version(&response));
        self.sessions.insert(Arc::new(session), self.settings.session_timeout, inbound);
        let mut response = answer::json(StatusCode::OK, response);
        let id = HeaderValue::from_str(&id).expect("hexadecimal digits are a value");
        response.headers_mut().insert(SESSION_ID, id);
        response
    }

    fn session(&self, headers: &HeaderMap) -> Result<Arc<Session<S>>, Box<Response<Body>>> {
        let Some(id) = header(headers, SESSION_ID.as_str()) else {
            let text = "the header mcp-session-id is missing: the first request is initialize";
            return Err(Box::new(answer::refusal(StatusCode::BAD_REQUEST, text)));
        };
        // Spec: on status 404 the client must start a new session.
        self.sessions.get(id).ok_or_else(|| {
            let text = "the session does not exist or has ended";
            Box::new(answer::refusal(StatusCode::NOT_FOUND, text))
        })
    }

    async fn in_session(&self, session: &Arc<Session<S>>, message: Message) -> Response<Body> {
        match message {
            Message::Request(request) => request_in(session, request).await,
            message => {
                one_way_in(session, message).await;
                answer::empty(StatusCode::ACCEPTED)
            }
        }
    }

    /// Spec: 2025-03-26 basic/transports#sending-messages-to-the-server
    pub(super) async fn legacy_batch(&self, headers: &HeaderMap, body: Bytes) -> Response<Body> {
        let session = match self.session(headers) {
            Ok(session) => session,
            Err(refused) => return *refused,
        };
        if session.version != Some(ProtocolVersion::V2025_03_26) {
            let text = "batches are not part of this revision";
            return answer::refusal(StatusCode::BAD_REQUEST, text);
        }
        let messages = match mcp_core::parse_batch(body) {
            Ok(messages) => messages,
            Err(error) => return unreadable(&error),
        };
        let mut all = SelectAll::new();
        for message in messages {
            match message {
                Message::Request(request) => all.push(work_in(&session, request)),
                message => one_way_in(&session, message).await,
            }
        }
        match all.is_empty() {
            true => answer::empty(StatusCode::ACCEPTED),
            false => answer::events(Body::events(all.map(|message| event(None, &message)))),
        }
    }

    /// Opens the stream for messages outside exchanges, or resumes a stream.
    ///
    /// Spec: 2025-11-25 basic/transports#listening-for-messages-from-the-server
    pub(super) fn open_stream(&self, headers: &HeaderMap) -> Response<Body> {
        if !headers.contains_key(SESSION_ID) {
            return answer::method_not_allowed("POST");
        }
        let session = match self.session(headers) {
            Ok(session) => session,
            Err(refused) => return *refused,
        };
        if header(headers, "accept").is_some_and(|it| !accepts(it, "text/event-stream")) {
            let text = "the client must accept text/event-stream";
            return answer::refusal(StatusCode::NOT_ACCEPTABLE, text);
        }
        let after = header(headers, "last-event-id").filter(|id| !id.is_empty());
        let after = match after.map(|id| parse_event_id(id).ok_or(())).transpose() {
            Ok(after) => after,
            Err(()) => {
                let text = "the header last-event-id names no event of this session";
                return answer::refusal(StatusCode::BAD_REQUEST, text);
            }
        };
        match session.read(after) {
            Some(reader) => answer::events(Body::events(reader)),
            None if after.is_some() => {
                let text = "the stream of the header last-event-id has ended";
                answer::refusal(StatusCode::BAD_REQUEST, text)
            }
            None => answer::method_not_allowed("POST, DELETE"),
        }
    }

    pub(super) async fn end_session(&self, headers: &HeaderMap) -> Response<Body> {
        if !headers.contains_key(SESSION_ID) {
            return answer::method_not_allowed("POST");
        }
        match self.session(headers) {
            Ok(session) => {
                self.sessions.remove(&session.id);
                session.close().await;
                answer::empty(StatusCode::NO_CONTENT)
            }
            Err(refused) => *refused,
        }
    }
}

async fn request_in<S: Serve>(session: &Arc<Session<S>>, request: Request) -> Response<Body> {
    if session.is_in_flight(&request.id) {
        let text = format!("the id {} is already in use", request.id);
        let error = ErrorObject::new(error_code::INVALID_REQUEST, text);
        return answer::error(StatusCode::BAD_REQUEST, None, error);
    }
    let mut work = work_in(session, request);
    let first = match poll_fn(|cx| Poll::Ready(work.poll_next_unpin(cx))).await {
        Poll::Ready(Some(Message::Response(response))) => {
            return answer::json(StatusCode::OK, response);
        }
        Poll::Ready(first) => first,
        Poll::Pending => None,
    };
    // Clients of earlier revisions may not expect an event without data.
    let is_primed = session.version == Some(ProtocolVersion::LATEST_LEGACY);
    answer::events(Body::events(session.stream(first, work, is_primed)))
}

fn work_in<S: Serve>(session: &Session<S>, request: Request) -> Work {
    Work::new(&session.server, Envelope::new(request).with_version(session.version))
}

async fn one_way_in<S: Serve>(session: &Session<S>, message: Message) {
    let message: OneWay = match message {
        Message::Notification(notification) => match cancelled(&notification) {
            Some(id) => return session.cancel(&id),
            None => notification.into(),
        },
        Message::Response(response) => response.into(),
        Message::Request(_) => return,
    };
    session.server.send(Envelope::new(message).with_version(session.version)).await;
}

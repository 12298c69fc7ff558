//! Requests in sessions, of revisions before 2026-07-28.

use std::{future::poll_fn, sync::Arc, task::Poll};

use bytes::Bytes;
use futures_util::{StreamExt, stream::SelectAll};
use http::{HeaderMap, HeaderValue, Response, StatusCode, header::ACCEPT};
use mcp_core::{ErrorObject, Message, Notification, ProtocolVersion, Request, error_code, method};
use mcp_transport::{Envelope, Inbound, OneWay, Serve};

use super::{
    Http, answer,
    body::{Body, event},
    event_log::parse_event_id,
    headers::{LAST_EVENT_ID, SESSION_ID, accepts, header},
    random_id::random_id,
    session_table::Unavailable,
    sessions::Session,
    unreadable,
};
use crate::{cancelled::cancelled, version::negotiated_version, work::Work};

impl<S: Serve> Http<S> {
    pub(super) async fn legacy(&self, headers: &HeaderMap, message: Message) -> Response<Body> {
        match message {
            Message::Request(request)
                if request.method == method::INITIALIZE && !headers.contains_key(SESSION_ID) =>
            {
                self.initialize(request).await
            }
            message => match self.session(headers).await {
                Ok(session) => self.in_session(&session, message).await,
                Err(refused) => *refused,
            },
        }
    }

    /// Spec: 2025-11-25 basic/transports#session-management
    async fn initialize(&self, request: Request) -> Response<Body> {
        let record = self.settings.table.as_ref().map(|_| {
            let mut record = Vec::new();
            Message::from(request.clone()).encode(&mut record);
            Bytes::from(record)
        });
        let opened = match self.open(request).await {
            Ok(opened) => opened,
            Err(refused) => return *refused,
        };
        let Ok(id) = random_id() else {
            opened.server.close().await;
            let text = "the system has no random numbers for the id of a session";
            return answer::refusal(StatusCode::INTERNAL_SERVER_ERROR, text);
        };
        let mut response = answer::json(StatusCode::OK, opened.response.clone());
        let session = self.insert(Arc::clone(&id), opened, record.clone()).await;
        if let (Some(table), Some(record)) = (&self.settings.table, record) {
            // If this fails, only this replica can serve the session.
            let _ = table.put(&session.id, record, self.settings.session_timeout).await;
        }
        let id = HeaderValue::from_str(&id).expect("hexadecimal digits are a value");
        response.headers_mut().insert(SESSION_ID, id);
        response
    }

    /// Opens the server of a session.
    async fn open(&self, request: Request) -> Result<Opened<S>, Box<Response<Body>>> {
        let refusal = |status, text| Err(Box::new(answer::refusal(status, text)));
        if self.sessions.len() >= self.settings.max_sessions {
            return refusal(StatusCode::SERVICE_UNAVAILABLE, "too many sessions are open");
        }
        let server = self.server.for_client().map_or_else(|| Arc::clone(&self.server), Arc::new);
        let inbound = server.open();
        let mut work = Work::new(&server, Envelope::new(request));
        let response = loop {
            match work.next().await {
                Some(Message::Response(response)) => break response,
                // Messages before the session opens have no stream to be sent on.
                Some(_) => {}
                None => return refusal(StatusCode::INTERNAL_SERVER_ERROR, "no response"),
            }
        };
        if response.outcome.is_err() {
            server.close().await;
            return Err(Box::new(answer::json(StatusCode::OK, response)));
        }
        Ok(Opened { server, inbound, response })
    }

    /// Adds an opened session, unless another request has added it: then the server is closed, and the existing session
    /// is returned.
    async fn insert(
        &self,
        id: Arc<str>,
        opened: Opened<S>,
        record: Option<Bytes>,
    ) -> Arc<Session<S>> {
        let Opened { server, inbound, response } = opened;
        let version = negotiated_version(&response);
        let session = Session::new(id, Arc::clone(&server), version, record);
        let (idle, table) = (self.settings.session_timeout, &self.settings.table);
        let session = self.sessions.insert(Arc::new(session), idle, inbound, table.as_ref());
        if !Arc::ptr_eq(&session.server, &server) {
            server.close().await;
        }
        session
    }

    async fn session(&self, headers: &HeaderMap) -> Result<Arc<Session<S>>, Box<Response<Body>>> {
        let Some(id) = header(headers, SESSION_ID) else {
            let text = "the header mcp-session-id is missing: the first request is initialize";
            return Err(Box::new(answer::refusal(StatusCode::BAD_REQUEST, text)));
        };
        match self.sessions.get(id) {
            Some(session) => Ok(session),
            None => self.adopt(id).await,
        }
    }

    /// Opens a session of another replica here.
    async fn adopt(&self, id: &str) -> Result<Arc<Session<S>>, Box<Response<Body>>> {
        let Some(record) = self.recorded(id).await? else { return Err(Box::new(no_session())) };
        let Ok(Message::Request(request)) = Message::parse(record.clone()) else {
            return Err(Box::new(no_session()));
        };
        let opened = self.open(request).await?;
        let initialized = Notification::new(method::NOTIFICATIONS_INITIALIZED);
        let version = negotiated_version(&opened.response);
        let initialized = Envelope::new(OneWay::from(initialized)).with_version(version);
        opened.server.send(initialized).await;
        Ok(self.insert(id.into(), opened, Some(record)).await)
    }

    /// The record of a session in the table of all replicas.
    async fn recorded(&self, id: &str) -> Result<Option<Bytes>, Box<Response<Body>>> {
        let Some(table) = &self.settings.table else { return Ok(None) };
        table.get(id).await.map_err(|Unavailable| {
            let text = "it is unknown whether the session exists: its table is unavailable";
            Box::new(answer::refusal(StatusCode::SERVICE_UNAVAILABLE, text))
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
        let session = match self.session(headers).await {
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
    pub(super) async fn open_stream(&self, headers: &HeaderMap) -> Response<Body> {
        if !headers.contains_key(SESSION_ID) {
            return answer::method_not_allowed("POST");
        }
        let session = match self.session(headers).await {
            Ok(session) => session,
            Err(refused) => return *refused,
        };
        if header(headers, ACCEPT).is_some_and(|it| !accepts(it, "text/event-stream")) {
            let text = "the client must accept text/event-stream";
            return answer::refusal(StatusCode::NOT_ACCEPTABLE, text);
        }
        let after = header(headers, LAST_EVENT_ID).filter(|id| !id.is_empty());
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
        let id = header(headers, SESSION_ID).unwrap_or_default();
        let session = self.sessions.remove(id);
        match self.recorded(id).await {
            Ok(None) if session.is_none() => return no_session(),
            Err(refused) if session.is_none() => return *refused,
            _ => {}
        }
        if let Some(table) = &self.settings.table {
            // If this fails, the record expires.
            let _ = table.remove(id).await;
        }
        if let Some(session) = session {
            session.close().await;
        }
        answer::empty(StatusCode::NO_CONTENT)
    }
}

/// The server of a session that is not yet in the table.
struct Opened<S> {
    server: Arc<S>,
    inbound: Inbound,
    response: mcp_core::Response,
}

/// Spec: on status 404 the client must start a new session.
fn no_session() -> Response<Body> {
    answer::refusal(StatusCode::NOT_FOUND, "the session does not exist or has ended")
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

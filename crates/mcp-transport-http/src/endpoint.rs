use std::{
    pin::Pin,
    sync::{Mutex, PoisonError},
};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, Uri, header};
use mcp_http::{
    Body, HttpService, SharedAuthorize, StatusError,
    sse::Events,
    transport::{final_url, is_event_stream},
};
use mcp_transport::{Backoff, Error};

use crate::{
    error::from_http,
    headers::{LAST_EVENT_ID, RequestHeaders, SESSION_ID},
    saved_session::{SavedSession, SessionHandle},
};

/// The body of a response, pinned for [`Events`].
pub(crate) type PinnedBody<S> = Pin<Box<<S as HttpService>::ResponseBody>>;

/// Sends HTTP requests to the server's endpoint. Stateless except for the settings.
pub(crate) struct HttpEndpoint<S> {
    service: S,
    pub(crate) url: Uri,
    /// The headers of every POST, GET and DELETE.
    post: HeaderMap,
    get: HeaderMap,
    delete: HeaderMap,
    pub(crate) message_limit: usize,
    pub(crate) backoff: Backoff,
    pub(crate) record_session_id: bool,
    pub(crate) server_stream: bool,
    pub(crate) keep_session: bool,
    pub(crate) session_handle: Option<SessionHandle>,
    /// The session to resume, until it is taken.
    pub(crate) resumed: Mutex<Option<SavedSession>>,
    pub(crate) auth: Option<SharedAuthorize>,
}

/// Why a GET opened no stream.
pub(crate) enum NoStream {
    /// The server responded with something else.
    Refused(StatusError),
    /// There was no response.
    Failed(mcp_http::Error),
}

impl NoStream {
    /// Whether the request was not authorized.
    pub(crate) fn is_unauthorized(&self) -> bool {
        match self {
            Self::Refused(refused) => refused.status() == StatusCode::UNAUTHORIZED,
            Self::Failed(error) => error.kind() == mcp_http::ErrorKind::Unauthorized,
        }
    }

    /// Whether another attempt may succeed.
    pub(crate) fn is_transient(&self) -> bool {
        match self {
            Self::Refused(refused) => {
                let status = refused.status();
                status.is_server_error() || matches!(status.as_u16(), 408 | 429)
            }
            Self::Failed(_) => true,
        }
    }
}

impl<S: HttpService> HttpEndpoint<S> {
    pub(crate) fn new(
        service: S,
        url: Uri,
        headers: HeaderMap,
        message_limit: usize,
        backoff: Backoff,
    ) -> Self {
        let mut get = headers.clone();
        get.insert(header::ACCEPT, HeaderValue::from_static("text/event-stream"));
        let mut post = headers.clone();
        let both = HeaderValue::from_static("application/json, text/event-stream");
        post.insert(header::ACCEPT, both);
        post.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        Self {
            service,
            url,
            post,
            get,
            delete: headers,
            message_limit,
            backoff,
            record_session_id: false,
            server_stream: true,
            keep_session: false,
            session_handle: None,
            resumed: Mutex::new(None),
            auth: None,
        }
    }

    /// Takes the session to resume.
    pub(crate) fn take_resumed(&self) -> Option<SavedSession> {
        self.resumed.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// POSTs a message of `method`.
    pub(crate) async fn post(
        &self,
        method: &str,
        headers: &RequestHeaders,
        session: Option<&HeaderValue>,
        message: Bytes,
    ) -> Result<Response<S::ResponseBody>, Error> {
        self.send(&Method::POST, &self.post, headers, session, None, message.into())
            .await
            .map_err(|error| from_http(error, method, &self.url))
    }

    /// Deletes a session.
    pub(crate) async fn delete(
        &self,
        headers: &RequestHeaders,
        session: &HeaderValue,
    ) -> Result<Response<S::ResponseBody>, Error> {
        self.send(&Method::DELETE, &self.delete, headers, Some(session), None, Body::empty())
            .await
            .map_err(|error| from_http(error, "DELETE", &self.url))
    }

    /// Opens an event stream with GET, after the given event if any.
    ///
    /// Spec: 2025-11-25 basic/transports#listening-for-messages-from-the-server
    pub(crate) async fn open_stream(
        &self,
        headers: &RequestHeaders,
        session: Option<&HeaderValue>,
        last_event_id: Option<&HeaderValue>,
    ) -> Result<Events<PinnedBody<S>>, NoStream> {
        let response = self
            .send(&Method::GET, &self.get, headers, session, last_event_id, Body::empty())
            .await
            .map_err(NoStream::Failed)?;
        if response.status().is_success() && is_event_stream(response.headers()) {
            return Ok(self.events(response.into_body()));
        }
        Err(NoStream::Refused(StatusError::read(response, &self.url).await))
    }

    /// The events of a body.
    pub(crate) fn events(&self, body: S::ResponseBody) -> Events<PinnedBody<S>> {
        Events::with_limit(Box::pin(body), self.message_limit)
    }

    /// The URL that responded, after redirects.
    pub(crate) fn url_of<'a, B>(&'a self, response: &'a Response<B>) -> &'a Uri {
        final_url(response, &self.url)
    }

    fn send(
        &self,
        method: &Method,
        base: &HeaderMap,
        headers: &RequestHeaders,
        session: Option<&HeaderValue>,
        last_event_id: Option<&HeaderValue>,
        body: Body,
    ) -> impl Future<Output = Result<Response<S::ResponseBody>, mcp_http::Error>> + Send {
        self.service.exchange(&self.url, headers.read_timeout(), move |url| {
            let mut request = headers.request(method.clone(), url, base, body.clone());
            let more = [(SESSION_ID, session), (LAST_EVENT_ID, last_event_id)];
            for (name, value) in more {
                if let Some(value) = value {
                    request.headers_mut().insert(name, value.clone());
                }
            }
            request
        })
    }
}

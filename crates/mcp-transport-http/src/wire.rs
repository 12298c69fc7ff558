use std::pin::Pin;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Response, Uri, header};
use mcp_http::{
    Body, HttpService, StatusError, final_url, is_event_stream, media_type, sse::Events,
};
use mcp_transport::{Backoff, Error};

use crate::{
    error::from_http,
    head::{Head, LAST_EVENT_ID, SESSION_ID},
};

pub(crate) type SseBody<S> = Pin<Box<<S as HttpService>::ResponseBody>>;

/// Sends HTTP requests to the endpoint. No state but the settings.
pub(crate) struct Wire<S> {
    service: S,
    pub(crate) url: Uri,
    /// Headers of every POST, GET and DELETE, the user's among them.
    post: HeaderMap,
    get: HeaderMap,
    delete: HeaderMap,
    pub(crate) message_limit: usize,
    pub(crate) backoff: Backoff,
    pub(crate) record_session_id: bool,
}

/// Why a GET gave no stream.
pub(crate) enum Unopened {
    /// The server answered with something else.
    Refused(StatusError),
    /// It did not answer.
    Failed(mcp_http::Error),
}

impl Unopened {
    /// Whether another attempt may fare better.
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

impl<S: HttpService> Wire<S> {
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
        let record_session_id = false;
        Self { service, url, post, get, delete: headers, message_limit, backoff, record_session_id }
    }

    /// POSTs a message of `method`.
    pub(crate) async fn post(
        &self,
        method: &str,
        head: &Head,
        session: Option<&HeaderValue>,
        message: Bytes,
    ) -> Result<Response<S::ResponseBody>, Error> {
        self.send(&Method::POST, &self.post, head, session, None, message.into())
            .await
            .map_err(|error| from_http(error, method, &self.url))
    }

    /// Ends a session.
    pub(crate) async fn delete(
        &self,
        head: &Head,
        session: &HeaderValue,
    ) -> Result<Response<S::ResponseBody>, Error> {
        self.send(&Method::DELETE, &self.delete, head, Some(session), None, Body::empty())
            .await
            .map_err(|error| from_http(error, "DELETE", &self.url))
    }

    /// Opens a stream of events by GET: where the last one was broken off, if that is known.
    ///
    /// Spec: 2025-11-25 basic/transports#listening-for-messages-from-the-server
    pub(crate) async fn open_stream(
        &self,
        head: &Head,
        session: Option<&HeaderValue>,
        last_event_id: Option<&HeaderValue>,
    ) -> Result<Events<SseBody<S>>, Unopened> {
        let response = self
            .send(&Method::GET, &self.get, head, session, last_event_id, Body::empty())
            .await
            .map_err(Unopened::Failed)?;
        if response.status().is_success() && is_event_stream(response.headers()) {
            return Ok(self.events(response.into_body()));
        }
        let uri = self.uri_of(&response).clone();
        Err(Unopened::Refused(StatusError::read(response, &uri).await))
    }

    /// The events of a body.
    pub(crate) fn events(&self, body: S::ResponseBody) -> Events<SseBody<S>> {
        Events::with_limit(Box::pin(body), self.message_limit)
    }

    /// Who answered, after redirects.
    pub(crate) fn uri_of<'a, B>(&'a self, response: &'a Response<B>) -> &'a Uri {
        final_url(response, &self.url)
    }

    fn send(
        &self,
        method: &Method,
        base: &HeaderMap,
        head: &Head,
        session: Option<&HeaderValue>,
        last_event_id: Option<&HeaderValue>,
        body: Body,
    ) -> impl Future<Output = Result<Response<S::ResponseBody>, mcp_http::Error>> + Send {
        self.service.exchange(&self.url, move |uri| {
            let mut request = head.request(method.clone(), uri, base, body.clone());
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

pub(crate) fn is_json(headers: &HeaderMap) -> bool {
    media_type(headers).is_some_and(|kind| kind.eq_ignore_ascii_case("application/json"))
}

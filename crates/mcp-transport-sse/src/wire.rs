use std::{pin::Pin, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, Uri, header};
use mcp_http::{
    Body, FinalUrl, ReadTimeout, StatusError,
    sse::{DEFAULT_LIMIT, Events},
};
use mcp_transport::{Error, ErrorKind};

use crate::{
    Backoff, HttpService,
    endpoint::{Endpoint, post_endpoint},
    error::{from_http, from_status},
    head::Head,
    silence::{Heard, Pulse},
};

pub(crate) type SseBody<S> = Heard<Pin<Box<<S as HttpService>::ResponseBody>>>;

/// How long the body of an answer to a POST is waited for, which says nothing: read to its end its
/// connection can be used again.
const PATIENCE: Duration = Duration::from_millis(250);

/// What may be set beside the server and the headers.
#[derive(Debug, Clone)]
pub(crate) struct Limits {
    pub(crate) message: usize,
    pub(crate) endpoint: Duration,
    pub(crate) idle: Option<Duration>,
    pub(crate) backoff: Backoff,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            message: DEFAULT_LIMIT,
            endpoint: Duration::from_secs(10),
            idle: Some(Duration::from_secs(300)),
            backoff: Backoff::default(),
        }
    }
}

/// Sends HTTP requests. No state but the settings.
pub(crate) struct Wire<S> {
    service: S,
    pub(crate) endpoint: Endpoint,
    get: HeaderMap,
    post: HeaderMap,
    pub(crate) limits: Limits,
}

/// A stream of events after its first one.
pub(crate) struct Opened<S: HttpService> {
    pub(crate) events: Events<SseBody<S>>,
    pub(crate) pulse: Pulse,
    /// Where messages are POSTed to.
    pub(crate) post: Uri,
}

impl<S: HttpService> Wire<S> {
    pub(crate) fn new(
        service: S,
        endpoint: Endpoint,
        mut headers: HeaderMap,
        limits: Limits,
    ) -> Self {
        if let Some(authorization) = &endpoint.authorization
            && !headers.contains_key(header::AUTHORIZATION)
        {
            headers.insert(header::AUTHORIZATION, authorization.clone());
        }
        let mut get = headers.clone();
        get.insert(header::ACCEPT, HeaderValue::from_static("text/event-stream"));
        let mut post = headers;
        post.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        Self { service, endpoint, get, post, limits }
    }

    /// Opens the stream and waits for its `endpoint` event.
    ///
    /// Spec: 2024-11-05 basic/transports#http-with-sse
    pub(crate) async fn open(&self, head: &Head) -> Result<Opened<S>, Error> {
        let limit = self.limits.endpoint;
        let mut answered = false;
        let opened = tokio::time::timeout(limit, self.open_stream(head, &mut answered)).await;
        opened.unwrap_or_else(|_| {
            let what = match answered {
                true => "sent no endpoint event",
                false => "did not answer",
            };
            let text = format!("GET: {} {what} within {limit:?}", self.endpoint);
            Err(Error::new(ErrorKind::Timeout, text))
        })
    }

    async fn open_stream(&self, head: &Head, answered: &mut bool) -> Result<Opened<S>, Error> {
        let uri = &self.endpoint.uri;
        let response = self
            .service
            .exchange(uri, |uri| {
                let mut request = self.request(Method::GET, uri, &self.get, head, Body::empty());
                // How long it may be silent is for us to say, who know what is in flight.
                request.extensions_mut().insert(ReadTimeout(None));
                request
            })
            .await
            .map_err(|error| from_http(error, "GET", uri))?;
        let base = uri_of(&response, uri).clone();
        if !response.status().is_success() || !is_event_stream(response.headers()) {
            return Err(from_status(StatusError::read(response, &base).await, "GET"));
        }
        *answered = true;
        let (body, pulse) = Heard::new(Box::pin(response.into_body()));
        let mut events = Events::with_limit(body, self.limits.message);
        while let Some(event) = events.next().await {
            let event = event.map_err(|error| from_http(error, "GET", uri))?;
            if event.event.as_deref() == Some("endpoint") {
                let post = post_endpoint(&base, event.data.as_deref().unwrap_or_default())?;
                return Ok(Opened { events, pulse, post });
            }
        }
        let text = format!("GET: {} ended the stream before its endpoint event", self.endpoint);
        Err(Error::new(ErrorKind::Interrupted, text))
    }

    /// POSTs a message of `method`; an error where the server refuses it.
    pub(crate) async fn post(
        &self,
        to: &Uri,
        method: &str,
        head: &Head,
        message: Bytes,
    ) -> Result<Result<(), StatusError>, Error> {
        let response = self
            .service
            .exchange(to, |uri| {
                self.request(Method::POST, uri, &self.post, head, message.clone().into())
            })
            .await
            .map_err(|error| from_http(error, method, to))?;
        if response.status().is_success() {
            // The answer comes on the stream.
            let rest = mcp_http::read_to_end(response.into_body(), 64 * 1024);
            let _ = tokio::time::timeout(PATIENCE, rest).await;
            return Ok(Ok(()));
        }
        let uri = uri_of(&response, to).clone();
        Ok(Err(StatusError::read(response, &uri).await))
    }

    fn request(
        &self,
        method: Method,
        uri: &Uri,
        base: &HeaderMap,
        head: &Head,
        body: Body,
    ) -> Request<Body> {
        let mut request = Request::new(body);
        *request.method_mut() = method;
        *request.uri_mut() = uri.clone();
        let mut headers = base.clone();
        head.put_into(&mut headers, request.extensions_mut());
        *request.headers_mut() = headers;
        request
    }
}

/// Who answered, after redirects.
fn uri_of<'a, B>(response: &'a Response<B>, asked: &'a Uri) -> &'a Uri {
    match response.extensions().get::<FinalUrl>() {
        Some(FinalUrl(uri)) => uri,
        None => asked,
    }
}

fn is_event_stream(headers: &HeaderMap) -> bool {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let kind = value.and_then(|value| value.split(';').next()).map(str::trim);
    kind.is_some_and(|kind| kind.eq_ignore_ascii_case("text/event-stream"))
}

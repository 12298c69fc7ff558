use std::{pin::Pin, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Uri, header};
use mcp_http::{
    Body, HttpService, ReadTimeout, SafeUrl, StatusError, final_url, is_event_stream,
    sse::{DEFAULT_LIMIT, Events},
};
use mcp_transport::{Backoff, Error, ErrorKind};

use crate::{
    endpoint::post_endpoint,
    error::no_stream,
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
    pub(crate) url: Uri,
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
    pub(crate) fn new(service: S, url: Uri, headers: HeaderMap, limits: Limits) -> Self {
        let mut get = headers.clone();
        get.insert(header::ACCEPT, HeaderValue::from_static("text/event-stream"));
        let mut post = headers;
        post.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        Self { service, url, get, post, limits }
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
            let text = format!("GET: {} {what} within {limit:?}", SafeUrl(&self.url));
            Err(Error::new(ErrorKind::Timeout, text))
        })
    }

    async fn open_stream(&self, head: &Head, answered: &mut bool) -> Result<Opened<S>, Error> {
        let url = &self.url;
        let response = self
            .service
            .exchange(url, |url| {
                let mut request = head.extras.request(Method::GET, url, &self.get, Body::empty());
                // How long it may be silent is for us to say, who know what is in flight.
                request.extensions_mut().insert(ReadTimeout(None));
                request
            })
            .await
            .map_err(|error| error.into_transport_error("GET", url))?;
        let base = final_url(&response, url).clone();
        if !response.status().is_success() || !is_event_stream(response.headers()) {
            return Err(no_stream(StatusError::read(response, &base).await));
        }
        *answered = true;
        let (body, pulse) = Heard::new(Box::pin(response.into_body()));
        let mut events = Events::with_limit(body, self.limits.message);
        while let Some(event) = events.next().await {
            let event = event.map_err(|error| error.into_transport_error("GET", url))?;
            if event.event.as_deref() == Some("endpoint") {
                let post = post_endpoint(&base, event.data.as_deref().unwrap_or_default())?;
                return Ok(Opened { events, pulse, post });
            }
        }
        let text = format!("GET: {} ended the stream before its endpoint event", SafeUrl(url));
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
            .exchange(to, |url| {
                head.extras.request(Method::POST, url, &self.post, message.clone().into())
            })
            .await
            .map_err(|error| error.into_transport_error(method, to))?;
        if response.status().is_success() {
            // The answer comes on the stream.
            let rest = mcp_http::read_to_end(response.into_body(), 64 * 1024);
            let _ = tokio::time::timeout(PATIENCE, rest).await;
            return Ok(Ok(()));
        }
        let url = final_url(&response, to).clone();
        Ok(Err(StatusError::read(response, &url).await))
    }
}

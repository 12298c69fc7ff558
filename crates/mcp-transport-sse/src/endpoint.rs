use std::{
    pin::{Pin, pin},
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, Uri, header};
use http_body::Body;
use mcp_http::{
    Body as RequestBody, HttpService, StatusError,
    sse::Events,
    transport::{EnvelopeExtras, SentSecrets, final_url, is_event_stream, read_to_end},
};
use mcp_transport::{Error, ErrorKind, Hold};
use tokio::time::Instant;

use crate::{
    endpoint_event::post_url,
    error::{no_stream, not_opened},
    idle::{LastReceived, TimedBody},
    settings::Settings,
};

/// The body of a stream of the server.
pub(crate) type StreamBody<S> = TimedBody<Pin<Box<<S as HttpService>::ResponseBody>>>;

/// Headers that are set by the protocol and must not be set otherwise.
pub(crate) static PROTOCOL_HEADERS: [HeaderName; 4] =
    [header::ACCEPT, header::CONTENT_TYPE, header::CONTENT_LENGTH, header::TRANSFER_ENCODING];

/// How long to wait for the end of an ignored response.
const END_TIMEOUT: Duration = Duration::from_millis(250);
/// Maximum bytes read from an ignored response.
const IGNORED_LIMIT: usize = 64 << 10;

/// Sends HTTP requests to the server. Stateless except for the settings.
pub(crate) struct HttpEndpoint<S> {
    service: S,
    /// The URL of the stream.
    pub(crate) url: Uri,
    /// The headers of every GET and POST.
    get: HeaderMap,
    post: HeaderMap,
    pub(crate) settings: Settings,
    /// The waits for a user by the authorizer.
    hold: Option<Hold>,
}

/// An event stream after its `endpoint` event.
pub(crate) struct OpenStream<S: HttpService> {
    pub(crate) events: Events<StreamBody<S>>,
    pub(crate) last_received: LastReceived,
    /// The URL for POSTs.
    pub(crate) post_url: Uri,
    /// The secrets of the GET request.
    pub(crate) secrets: Option<SentSecrets>,
}

impl<S: HttpService> HttpEndpoint<S> {
    pub(crate) fn new(
        service: S,
        url: Uri,
        headers: HeaderMap,
        settings: Settings,
        hold: Option<Hold>,
    ) -> Self {
        let mut get = headers.clone();
        get.insert(header::ACCEPT, HeaderValue::from_static("text/event-stream"));
        let mut post = headers;
        post.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        Self { service, url, get, post, settings, hold }
    }

    /// Opens the stream and waits for its `endpoint` event.
    ///
    /// Spec: 2024-11-05 basic/transports#http-with-sse
    pub(crate) async fn open(&self, extras: EnvelopeExtras) -> Result<OpenStream<S>, Error> {
        let limit = self.settings.endpoint_timeout;
        let has_responded = AtomicBool::new(false);
        let mut opening = pin!(self.open_stream(extras, &has_responded));
        let mut until = Instant::now().checked_add(limit);
        let opened = loop {
            let Some(end) = until else { break Some(opening.as_mut().await) };
            match tokio::time::timeout_at(end, opening.as_mut()).await {
                Ok(opened) => break Some(opened),
                Err(_) => {
                    // Time in which a user logs in does not count.
                    until = self.hold.as_ref().and_then(Hold::held_until).map(|held| held + limit);
                    if until.is_none_or(|until| until <= end) {
                        break None;
                    }
                }
            }
        };
        opened.unwrap_or_else(|| {
            let what = match has_responded.load(Ordering::Relaxed) {
                true => "sent no endpoint event",
                false => "did not respond",
            };
            let text = format!("{what} within {limit:?}");
            Err(not_opened(&self.url, ErrorKind::Timeout, text))
        })
    }

    async fn open_stream(
        &self,
        extras: EnvelopeExtras,
        has_responded: &AtomicBool,
    ) -> Result<OpenStream<S>, Error> {
        let url = &self.url;
        // The session enforces the idle timeout of the stream, which depends on the requests in flight.
        let extras = extras.long_lived();
        let mut response = self
            .service
            .exchange(url, extras.read_timeout(), |url| {
                extras.request(Method::GET, url, &self.get, RequestBody::empty())
            })
            .await
            .map_err(|error| error.into_transport_error("GET", url))?;
        if !response.status().is_success() || !is_event_stream(response.headers()) {
            return Err(no_stream(url, StatusError::read(response, url).await));
        }
        has_responded.store(true, Ordering::Relaxed);
        let base = final_url(&response, url).clone();
        let secrets = SentSecrets::take(&mut response);
        let (body, last_received) = TimedBody::new(Box::pin(response.into_body()));
        let mut events = Events::with_limit(body, self.settings.message_limit);
        while let Some(event) = events.next().await {
            let event = event.map_err(|error| error.into_transport_error("GET", url))?;
            if event.event.as_deref() == Some("endpoint") {
                let prefix = self.settings.endpoint_prefix.as_deref();
                let post_url = post_url(&base, event.data.as_deref().unwrap_or_default(), prefix)?;
                return Ok(OpenStream { events, last_received, post_url, secrets });
            }
        }
        let text = "ended the stream before its endpoint event";
        Err(not_opened(url, ErrorKind::Interrupted, text))
    }

    /// POSTs a one-way message of `method`. The inner error is a refusal by the server.
    pub(crate) async fn post_one_way(
        &self,
        to: &Uri,
        method: &str,
        extras: &EnvelopeExtras,
        message: Bytes,
    ) -> Result<Result<(), StatusError>, Error> {
        let posted = self.post(to, method, extras, message).await?;
        Ok(match posted {
            Ok(response) => {
                read_end(response.into_body()).await;
                Ok(())
            }
            Err(refused) => Err(refused),
        })
    }

    /// POSTs a message of `method`. The inner error is a refusal by the server.
    pub(crate) async fn post(
        &self,
        to: &Uri,
        method: &str,
        extras: &EnvelopeExtras,
        message: Bytes,
    ) -> Result<Result<Response<S::ResponseBody>, StatusError>, Error> {
        let response = self
            .service
            .exchange(to, extras.read_timeout(), |url| {
                extras.request(Method::POST, url, &self.post, message.clone().into())
            })
            .await
            .map_err(|error| error.into_transport_error(method, to))?;
        if !response.status().is_success() {
            return Ok(Err(StatusError::read(response, to).await));
        }
        Ok(Ok(response))
    }
}

/// Briefly reads the rest of an ignored body: its end returns the connection to the pool.
pub(crate) async fn read_end<B>(body: B) -> Option<Bytes>
where
    B: Body<Data = Bytes>,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    tokio::time::timeout(END_TIMEOUT, read_to_end(body, IGNORED_LIMIT)).await.ok()?.ok()
}

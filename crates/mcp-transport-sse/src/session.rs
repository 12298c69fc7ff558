use std::{
    convert::Infallible,
    pin::Pin,
    sync::{
        Arc, Mutex, OnceLock, Weak,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
};

use futures_sink::Sink;
use http::Uri;
use mcp_core::{Message, ProtocolVersion};
use mcp_http::HttpService;
use mcp_transport::{
    Diagnostics, Error, Inbound, Limits, Transport,
    multiplex::{MessageDriver, Multiplex},
    util::is_driven,
};
use tokio::{runtime::Handle, task::AbortHandle};

use crate::{
    endpoint::{OpenStream, StreamBody},
    error::ended,
    idle::IdleLimits,
    message_stream::{MessageStream, StreamTerms},
    sender::Sender,
};

/// A session: one server stream, and the POST URL announced on it.
///
/// The multiplexer routes received messages. Callers POST their messages themselves; only messages of the multiplexer
/// itself use its sink.
pub(crate) struct SseSession {
    pub(crate) multiplex: Multiplex,
    pub(crate) post_url: Uri,
    pub(crate) terms: Arc<StreamTerms>,
    is_over: AtomicBool,
    reader: OnceLock<AbortHandle>,
    /// The runtime of the reader.
    runtime: Handle,
}

impl SseSession {
    /// Reads a stream in a task, which ends with `sender`.
    pub(crate) fn start<S: HttpService>(
        sender: &Arc<Sender<S>>,
        stream: OpenStream<S>,
    ) -> (Arc<Self>, Inbound) {
        let OpenStream { events, last_received, post_url, secrets } = stream;
        let settings = &sender.endpoint.settings;
        let limits = Limits::default().with_message(settings.message_limit);
        let terms = Arc::new(StreamTerms {
            idle_limits: IdleLimits::new(settings.idle_timeout),
            batches: AtomicBool::new(false),
            skipped: Mutex::default(),
            secrets,
        });
        let mut parts = None;
        let session = Arc::new_cyclic(|session: &Weak<Self>| {
            let weak = Weak::clone(session);
            let fail = move |id: &_, error| {
                if let Some(session) = weak.upgrade() {
                    session.multiplex.fail_request(id, error);
                }
            };
            let (terms, url) = (Arc::clone(&terms), &sender.endpoint.url);
            let incoming = MessageStream::new(events, last_received, terms.clone(), url, fail);
            let outgoing = Outgoing { sender: Arc::downgrade(sender), post_url: post_url.clone() };
            let (multiplex, inbound, driver) = Multiplex::messages(outgoing, incoming, limits);
            parts = Some((inbound, driver));
            let (is_over, reader) = (AtomicBool::new(false), OnceLock::new());
            let runtime = Handle::try_current();
            let runtime = runtime.unwrap_or_else(|_| sender.tasks.runtime().clone());
            Self { multiplex, post_url, terms, is_over, reader, runtime }
        });
        let (inbound, driver) = parts.expect("the closure has run");
        let reader = sender.tasks.spawn(drive(driver, EndOnDrop(Arc::clone(&session))));
        if let Some(reader) = reader {
            // Set only here.
            let _ = session.reader.set(reader);
        }
        (session, inbound)
    }

    /// Records the revision of a sent message.
    pub(crate) fn set_version(&self, version: Option<ProtocolVersion>) {
        let batches = version == Some(ProtocolVersion::V2025_03_26);
        self.terms.batches.store(batches, Ordering::Relaxed);
    }

    /// Observations that may explain why the server does not respond.
    pub(crate) fn diagnostics(&self) -> Diagnostics {
        let mut diagnostics = self.multiplex.diagnostics();
        let skipped = self.terms.skipped();
        if let Some(last) = skipped.last() {
            diagnostics.skipped += skipped.count();
            diagnostics.last_skipped = Some(last.to_owned());
        }
        diagnostics
    }

    /// Whether the stream has ended, so that no response can arrive.
    pub(crate) fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Acquire)
    }

    /// Whether a runtime other than the current one reads its stream.
    pub(crate) fn is_foreign(&self) -> bool {
        Handle::try_current().is_ok_and(|present| present.id() != self.runtime.id())
    }

    /// Ends it if the runtime that reads its stream has ended or is suspended, so that no response can arrive.
    pub(crate) async fn check_runtime(&self) {
        if !is_driven(&self.runtime).await {
            self.end(&ended());
        }
    }

    /// Closes the stream and fails all requests in flight with `error`.
    pub(crate) fn end(&self, error: &Error) {
        self.is_over.store(true, Ordering::Release);
        self.multiplex.fail(error);
        if let Some(reader) = self.reader.get() {
            reader.abort();
        }
    }
}

/// Ends a session with its reader, which may never start.
struct EndOnDrop(Arc<SseSession>);

impl Drop for EndOnDrop {
    fn drop(&mut self) {
        self.0.end(&ended());
    }
}

async fn drive<S: HttpService>(
    mut driver: MessageDriver<Outgoing<S>, MessageStream<StreamBody<S>>>,
    session: EndOnDrop,
) {
    let reason = (&mut driver).await;
    // The driver only reports a broken connection; the stream has the reason.
    let reason = reason.find::<Error>().cloned().unwrap_or_else(ended);
    tracing::debug!(%reason, "the server stream has ended");
    session.0.end(&reason);
}

/// POSTs messages of the multiplexer itself: cancellations, and refusals of server requests.
struct Outgoing<S> {
    sender: Weak<Sender<S>>,
    post_url: Uri,
}

impl<S: HttpService> Sink<Message> for Outgoing<S> {
    type Error = Infallible;

    fn poll_ready(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn start_send(self: Pin<&mut Self>, message: Message) -> Result<(), Infallible> {
        if let Some(sender) = self.sender.upgrade() {
            sender.post_in_background(&self.post_url, &message);
        }
        Ok(())
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }
}

use std::{
    convert::Infallible,
    pin::Pin,
    sync::{
        Arc, OnceLock, Weak,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
};

use futures_sink::Sink;
use http::Uri;
use mcp_core::Message;
use mcp_http::HttpService;
use mcp_transport::{
    Error, Inbound, Limits,
    multiplex::{MessageDriver, Multiplex},
};
use tokio::task::AbortHandle;

use crate::{
    error::ended,
    incoming::Incoming,
    shared::Shared,
    silence::Patience,
    wire::{Opened, SseBody},
};

/// One stream of the server and the endpoint that came on it: a session.
///
/// The multiplexer knows who waits for what; requests and messages are POSTed by those who send them, and
/// only what it makes by itself goes out through its sink.
pub(crate) struct Link {
    pub(crate) multiplex: Multiplex,
    pub(crate) post: Uri,
    pub(crate) patience: Patience,
    /// Revision 2025-03-26 is spoken, the only one with batches.
    pub(crate) batches: AtomicBool,
    over: AtomicBool,
    reader: OnceLock<AbortHandle>,
}

impl Link {
    /// Reads a stream from a task, which ends with `shared`.
    pub(crate) fn start<S: HttpService>(
        shared: &Arc<Shared<S>>,
        opened: Opened<S>,
    ) -> (Arc<Self>, Inbound) {
        let Opened { events, pulse, post } = opened;
        let limits = &shared.wire.limits;
        let pipe = Limits::default().with_message(limits.message);
        let mut parts = None;
        let link = Arc::new_cyclic(|link| {
            let incoming = Incoming::new(link.clone(), events, pulse, &shared.wire.url);
            let outgoing = Outgoing { shared: Arc::downgrade(shared), link: link.clone() };
            let (multiplex, inbound, driver) = Multiplex::messages(outgoing, incoming, pipe);
            parts = Some((inbound, driver));
            Self {
                multiplex,
                post,
                patience: Patience::new(limits.idle),
                batches: AtomicBool::new(false),
                over: AtomicBool::new(false),
                reader: OnceLock::new(),
            }
        });
        let (inbound, driver) = parts.expect("the closure has run");
        let reader = shared.tasks.spawn(drive(driver, Over(Arc::clone(&link))));
        if let Some(reader) = reader {
            // Set here alone.
            let _ = link.reader.set(reader);
        }
        (link, inbound)
    }

    /// Whether the stream has ended, so that no answer can come on it.
    pub(crate) fn is_over(&self) -> bool {
        self.over.load(Ordering::Acquire)
    }

    /// Closes the stream and fails all that is open with `error`.
    pub(crate) fn end(&self, error: &Error) {
        self.over.store(true, Ordering::Release);
        self.multiplex.fail(error);
        if let Some(reader) = self.reader.get() {
            reader.abort();
        }
    }
}

/// Ends a link when its reader does, or does not even begin.
struct Over(Arc<Link>);

impl Drop for Over {
    fn drop(&mut self) {
        self.0.end(&ended());
    }
}

async fn drive<S: HttpService>(
    mut driver: MessageDriver<Outgoing<S>, Incoming<SseBody<S>>>,
    over: Over,
) {
    let reason = (&mut driver).await;
    // The stream knows better than the driver. The connection goes on: a next request opens another one.
    let reason = reason.find::<Error>().cloned().unwrap_or_else(ended);
    tracing::debug!(%reason, "the stream of the server is over");
    over.0.end(&reason);
}

/// POSTs what the multiplexer says by itself: cancellations, and refusals of what the server asks.
struct Outgoing<S: HttpService> {
    shared: Weak<Shared<S>>,
    link: Weak<Link>,
}

impl<S: HttpService> Sink<Message> for Outgoing<S> {
    type Error = Infallible;

    fn poll_ready(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn start_send(self: Pin<&mut Self>, message: Message) -> Result<(), Infallible> {
        if let (Some(shared), Some(link)) = (self.shared.upgrade(), self.link.upgrade()) {
            shared.post_soon(&link, message);
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

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use futures_core::Stream;
use mcp_core::{Message, Request};
use tower_layer::Layer;
use tracing::{Instrument, Span, field::Empty};

use crate::{Diagnostics, Envelope, Error, Exchange, OneWay, Transport};

/// Creates a span named `exchange` at level `DEBUG` for each exchange, and logs its outcome.
///
/// The fields are `method`, `id` and `outcome`: `result`, `error` with the code, `failed` with the
/// [`kind`](Error::kind), or `dropped`. The wrapped transport runs inside the span. Payloads and texts of
/// errors, which may quote the peer, are never logged.
///
/// Use it for transports without a session, or to debug layers. Sessions of `mcp-session` create one span
/// for each call; the span of an exchange is then a child of the span of its call.
#[doc(alias = "middleware")]
#[doc(alias = "logging")]
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct TraceLayer;

impl TraceLayer {
    /// Creates the layer.
    pub const fn new() -> Self {
        Self
    }
}

impl<T: Transport> Layer<T> for TraceLayer {
    type Service = Trace<T>;

    fn layer(&self, inner: T) -> Trace<T> {
        Trace { inner }
    }
}

/// A transport wrapped by a [`TraceLayer`].
#[derive(Debug, Clone)]
pub struct Trace<T> {
    inner: T,
}

impl<T: Transport> Transport for Trace<T> {
    async fn request(&self, request: Envelope<Request>) -> Result<Exchange, Error> {
        let Request { id, method, .. } = &request.message;
        let span = tracing::debug_span!("exchange", %method, %id, outcome = Empty);
        // Created before the request, so that dropping the future is recorded too.
        let mut outcome = OutcomeGuard { span, is_recorded: false };
        let opened = self.inner.request(request).instrument(outcome.span.clone()).await;
        match opened {
            Ok(exchange) => {
                let id = exchange.id().clone();
                Ok(Exchange::from_stream(id, TracedExchange { exchange, outcome }))
            }
            Err(error) => {
                outcome.failed(&error);
                Err(error)
            }
        }
    }

    async fn send(&self, message: Envelope<OneWay>) -> Result<(), Error> {
        let method = match &message.message {
            OneWay::Notification(notification) => notification.method.clone(),
            OneWay::Response(_) => "a response".into(),
        };
        let sent = self.inner.send(message).await;
        match &sent {
            Ok(()) => tracing::debug!(%method, "sent"),
            Err(error) => tracing::debug!(%method, kind = ?error.kind(), "not sent"),
        }
        sent
    }

    fn closed(&self) -> impl Future<Output = Error> + Send {
        self.inner.closed()
    }

    fn diagnostics(&self) -> Diagnostics {
        self.inner.diagnostics()
    }

    async fn close(&self) -> Result<(), Error> {
        let closed = self.inner.close().await;
        match &closed {
            Ok(()) => tracing::debug!("closed"),
            Err(error) => tracing::debug!(kind = ?error.kind(), "close failed"),
        }
        closed
    }
}

struct TracedExchange {
    exchange: Exchange,
    outcome: OutcomeGuard,
}

impl Stream for TracedExchange {
    type Item = Result<Message, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Self { exchange, outcome } = &mut *self;
        let polled = outcome.span.in_scope(|| exchange.poll_item(cx));
        match &polled {
            Poll::Ready(Some(Ok(Message::Response(response)))) => match &response.outcome {
                Ok(_) => outcome.record("result"),
                Err(error) => outcome.record(&format!("error {}", error.code)),
            },
            Poll::Ready(Some(Err(error))) => outcome.failed(error),
            _ => {}
        }
        polled
    }
}

/// Records the outcome of an exchange once, at the latest when it is dropped.
struct OutcomeGuard {
    span: Span,
    is_recorded: bool,
}

impl OutcomeGuard {
    fn failed(&mut self, error: &Error) {
        self.record(&format!("failed {:?}", error.kind()));
    }

    fn record(&mut self, outcome: &str) {
        self.is_recorded = true;
        self.span.record("outcome", outcome);
        tracing::debug!(parent: &self.span, "exchange ended");
    }
}

impl Drop for OutcomeGuard {
    fn drop(&mut self) {
        if !self.is_recorded {
            self.record("dropped");
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use std::{
        io,
        sync::{Arc, Mutex},
    };

    use tracing_subscriber::fmt::MakeWriter;

    use super::*;
    use crate::tower::testing::{RESULT, call, connection};
    use mcp_testkit::within;

    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Log {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl<'a> MakeWriter<'a> for Log {
        type Writer = Self;

        fn make_writer(&'a self) -> Self {
            self.clone()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn each_exchange_logs_its_outcome_and_no_payload() {
        let log = Log::default();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_writer(log.clone())
            .with_ansi(false)
            .finish();
        let guard = tracing::subscriber::set_default(subscriber);
        let (multiplex, mut peer) = connection();
        let transport = TraceLayer::new().layer(multiplex);
        let request = |id| transport.request(call(id, "tools/call"));

        let answered = request(1).await.unwrap();
        peer.write(RESULT).await;
        within(answered.response()).await.unwrap();
        let refused = request(2).await.unwrap();
        peer.write(r#"{"jsonrpc":"2.0","id":2,"error":{"code":-32601,"message":"xyzzy"}}"#).await;
        within(refused.response()).await.unwrap();
        drop(request(3).await.unwrap());
        let failed = request(4).await.unwrap();
        within(transport.close()).await.unwrap();
        within(failed.response()).await.unwrap_err();
        request(5).await.unwrap_err();
        drop(guard);

        let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
        let ended: Vec<&str> = log.lines().filter(|line| line.contains("exchange ended")).collect();
        let outcomes = ["result", "error -32601", "dropped", "failed Closed", "failed Closed"];
        assert_eq!(ended.len(), outcomes.len(), "{log}");
        for ((id, outcome), line) in (1..).zip(outcomes).zip(ended) {
            let fields = format!("exchange{{method=tools/call id={id} outcome=\"{outcome}\"}}");
            assert!(line.contains(&fields), "{line}");
        }
        assert!(!log.contains("xyzzy"), "{log}");
    }
}

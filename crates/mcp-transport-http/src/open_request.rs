use std::{
    future::poll_fn,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use mcp_core::{RequestId, Response};
use mcp_http::{HttpService, transport::closed};
use mcp_transport::{Delivery, Error};

use crate::{headers::RequestHeaders, inner::Inner, session::Session};

/// A request in flight. Dropping it before its end cancels the request, if the era requires a message for that.
pub(crate) struct OpenRequest<S: HttpService> {
    pub(crate) inner: Arc<Inner<S>>,
    pub(crate) id: RequestId,
    cancel: Option<Arc<RequestHeaders>>,
    /// The session of a legacy stream.
    pub(crate) session: Option<Arc<Session<S>>>,
}

/// How a request ended other than on its own HTTP exchange.
pub(crate) enum Ended {
    /// The response arrived on another stream.
    Answered(Response),
    /// The transport was closed.
    Closed,
    /// The server has lost the session, so no response can arrive.
    SessionLost,
}

impl<S: HttpService> OpenRequest<S> {
    /// Registers a request. `cancel` are the headers of the cancellation message, if one is needed.
    pub(crate) fn new(
        inner: &Arc<Inner<S>>,
        id: &RequestId,
        cancel: Option<Arc<RequestHeaders>>,
    ) -> Result<Self, Error> {
        if inner.tasks.is_closed() {
            return Err(closed().with_delivery(Delivery::NotSent));
        }
        inner.in_flight.insert(id)?;
        Ok(Self { inner: Arc::clone(inner), id: id.clone(), cancel, session: None })
    }

    /// Marks the request as ended, so that nothing is cancelled.
    pub(crate) fn finish(&mut self) {
        self.cancel = None;
    }

    /// Ready if the request has ended other than on its own HTTP exchange.
    pub(crate) fn poll_ended(&self, cx: &mut Context<'_>) -> Poll<Ended> {
        let polled = self.inner.in_flight.poll(&self.id, cx).map(Ended::Answered);
        // Checked second, since a close wakes only registered tasks.
        if polled.is_pending() && self.inner.tasks.is_closed() {
            return Poll::Ready(Ended::Closed);
        }
        let session = self.session.as_ref().filter(|_| polled.is_pending());
        if session.is_some_and(|session| session.id.is_some() && session.is_lost()) {
            return Poll::Ready(Ended::SessionLost);
        }
        polled
    }

    /// The output of `future`, unless the request ends first.
    pub(crate) async fn race<F: Future>(
        &self,
        mut future: Pin<&mut F>,
    ) -> Result<F::Output, Ended> {
        poll_fn(|cx| match future.as_mut().poll(cx) {
            Poll::Ready(output) => Poll::Ready(Ok(output)),
            Poll::Pending => self.poll_ended(cx).map(Err),
        })
        .await
    }
}

impl<S: HttpService> Drop for OpenRequest<S> {
    fn drop(&mut self) {
        self.inner.in_flight.remove(&self.id);
        if let Some(headers) = self.cancel.take() {
            self.inner.cancel(&self.id, headers);
        }
    }
}

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

/// One request in flight. Dropping it before its end cancels the request where the era wants a message for
/// that.
pub(crate) struct OpenRequest<S: HttpService> {
    pub(crate) inner: Arc<Inner<S>>,
    pub(crate) id: RequestId,
    cancel: Option<Arc<RequestHeaders>>,
    /// The session of a stream of the legacy era.
    pub(crate) session: Option<Arc<Session<S>>>,
}

/// How a request ended other than on its own HTTP exchange.
pub(crate) enum Ended {
    /// The response came on another stream.
    Answered(Response),
    /// The transport was closed.
    Closed,
    /// The server has lost the session, so that nothing more can come.
    SessionLost,
}

impl<S: HttpService> OpenRequest<S> {
    /// Enters a request. `cancel` are the headers of the message that cancels it, where one does.
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

    /// The request has ended: there is nothing left to cancel.
    pub(crate) fn finish(&mut self) {
        self.cancel = None;
    }

    /// Ready when the request has ended other than on its own HTTP exchange.
    pub(crate) fn poll_ended(&self, cx: &mut Context<'_>) -> Poll<Ended> {
        let polled = self.inner.in_flight.poll(&self.id, cx).map(Ended::Answered);
        // Looked at second, since a close wakes only those that wait.
        if polled.is_pending() && self.inner.tasks.is_closed() {
            return Poll::Ready(Ended::Closed);
        }
        let session = self.session.as_ref().filter(|_| polled.is_pending());
        if session.is_some_and(|session| session.id.is_some() && session.is_lost()) {
            return Poll::Ready(Ended::SessionLost);
        }
        polled
    }

    /// The output of `future`, unless the request ends before.
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

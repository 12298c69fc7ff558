//! A request being processed by a server.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use futures_util::Stream;
use mcp_core::{ErrorObject, Message, Request, RequestId, Response, error_code};
use mcp_transport::{Envelope, Exchange, Serve};

/// The messages of a server for one request, up to its response. A failed exchange yields an error response. Dropping
/// it cancels the request.
pub(crate) struct Work {
    id: RequestId,
    state: State,
}

enum State {
    Opening(Pin<Box<dyn Future<Output = Exchange> + Send>>),
    Open(Exchange),
    Over,
}

impl Work {
    pub(crate) fn new<S: Serve>(server: &Arc<S>, request: Envelope<Request>) -> Self {
        let server = Arc::clone(server);
        let id = request.message.id.clone();
        let opening = Box::pin(async move { server.request(request).await });
        Self { id, state: State::Opening(opening) }
    }

    #[cfg(feature = "http")]
    pub(crate) fn id(&self) -> &RequestId {
        &self.id
    }
}

impl Stream for Work {
    type Item = Message;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Message>> {
        loop {
            let item = match &mut self.state {
                State::Opening(opening) => {
                    let exchange = ready!(opening.as_mut().poll(cx));
                    self.state = State::Open(exchange);
                    continue;
                }
                State::Open(exchange) => ready!(exchange.poll_item(cx)),
                State::Over => return Poll::Ready(None),
            };
            let message = item
                .unwrap_or_else(|| Err(no_response()))
                .unwrap_or_else(|error| Response::error(self.id.clone(), internal(error)).into());
            if matches!(message, Message::Response(_)) {
                self.state = State::Over;
            }
            return Poll::Ready(Some(message));
        }
    }
}

fn no_response() -> mcp_transport::Error {
    mcp_transport::Error::new(mcp_transport::ErrorKind::Protocol, "the server sent no response")
}

pub(crate) fn internal(text: impl ToString) -> ErrorObject {
    ErrorObject::new(error_code::INTERNAL_ERROR, text.to_string())
}

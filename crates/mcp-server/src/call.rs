//! Runs a handler as an exchange.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    task::{Context as TaskContext, Poll},
};

use futures_core::Stream;
use mcp_core::{ErrorObject, Message, RawJson, RequestId, Response};
use mcp_transport::{Error, Exchange};

use crate::{
    Context,
    incoming::Incoming,
    reply::{Answer, internal},
};

/// The future of a handler, with an encoded result.
pub(crate) type Work = Pin<Box<dyn Future<Output = Answer> + Send>>;

/// A type-erased handler.
pub(crate) type ErasedHandler =
    Box<dyn Fn(&Incoming<'_>) -> Result<Started, ErrorObject> + Send + Sync>;

/// The outcome of calling a handler.
pub(crate) enum Started {
    Answered(RawJson),
    Working {
        work: Work,
        /// For handlers that send messages.
        context: Option<Context>,
    },
    /// A custom exchange.
    Exchange(Exchange),
}

/// Calls the handler of the request `id` and returns its exchange.
///
/// The work is polled once. Most work is then complete, and its exchange holds only the response. A handler that panics
/// fails only its own request.
pub(crate) fn start(
    id: RequestId,
    cx: &mut TaskContext<'_>,
    begin: impl FnOnce() -> Result<Started, ErrorObject>,
) -> Exchange {
    let started = catch_unwind(AssertUnwindSafe(begin)).unwrap_or_else(|_| Err(panicked()));
    let (work, context) = match started {
        Ok(Started::Working { work, context }) => (work, context),
        Ok(Started::Exchange(exchange)) => return exchange,
        Ok(Started::Answered(result)) => {
            return Exchange::answered(id.clone(), Response::result(id, result));
        }
        Err(error) => return Exchange::answered(id.clone(), Response::error(id, error)),
    };
    let mut call = Call { id: id.clone(), work: Some(work), context, answer: None };
    match call.poll_work(cx) {
        Poll::Ready(answer) if call.context.as_ref().is_none_or(Context::is_drained) => {
            Exchange::answered(id.clone(), respond(id, answer))
        }
        Poll::Ready(answer) => {
            call.answer = Some(answer);
            Exchange::from_stream(id, call)
        }
        Poll::Pending => Exchange::from_stream(id, call),
    }
}

fn respond(id: RequestId, answer: Answer) -> Response {
    match answer {
        Ok(result) => Response::result(id, result),
        Err(error) => Response::error(id, error),
    }
}

fn panicked() -> ErrorObject {
    internal("the handler panicked")
}

/// The work of a handler: yields its messages in order, then the response. Dropping it drops the work.
struct Call {
    id: RequestId,
    /// `None` once it is complete.
    work: Option<Work>,
    context: Option<Context>,
    answer: Option<Answer>,
}

impl Call {
    fn poll_work(&mut self, cx: &mut TaskContext<'_>) -> Poll<Answer> {
        let Some(work) = &mut self.work else {
            return Poll::Pending;
        };
        let polled = catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(cx)));
        let answer = match polled {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(answer)) => answer,
            Err(_) => Err(panicked()),
        };
        self.work = None;
        Poll::Ready(answer)
    }
}

impl Stream for Call {
    type Item = Result<Message, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        loop {
            // Messages sent before the answer come first.
            if let Some(message) = this.context.as_ref().and_then(Context::pop) {
                return Poll::Ready(Some(Ok(message)));
            }
            if let Some(answer) = this.answer.take() {
                return Poll::Ready(Some(Ok(respond(this.id.clone(), answer).into())));
            }
            match this.poll_work(cx) {
                Poll::Ready(answer) => this.answer = Some(answer),
                // A message may have been sent by this poll, or by a task that the handler started.
                Poll::Pending => match &this.context {
                    Some(context) if !context.park(cx) => {}
                    _ => return Poll::Pending,
                },
            }
        }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        if let Some(context) = &self.context {
            context.close();
        }
    }
}

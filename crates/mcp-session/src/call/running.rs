//! The future of a call.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

use mcp_core::MethodResult;

use super::{
    request::{CallRequest, Received},
    rounds::{Started, run},
};
use crate::{
    Error,
    deadline::Deadline,
    exchange::{First, Opening},
};

/// The future of a [`Call`](crate::Call). Dropping it cancels the call at the server.
#[must_use = "the call is sent only when it is awaited"]
pub struct CallFuture<R>(pub(super) Running<R>);

/// A call that is sent. The exchange of a [plain](CallRequest::is_plain) one is polled directly; any other is run by a
/// boxed future.
pub(super) struct Running<R>(State<R>);

#[expect(clippy::large_enum_variant, reason = "most calls are sent and polled in place")]
enum State<R> {
    Unsent(Box<CallRequest>),
    /// A plain call waits for the first item of its exchange.
    Sent(Sent),
    /// Any other call, or the rest of one that got something else than its result first.
    Rounds(Pin<Box<dyn Future<Output = Result<Received<R>, Error>> + Send>>),
    Done,
}

/// A plain call that was sent.
struct Sent {
    // Dropped before the session of the request.
    opening: Opening,
    deadline: Deadline,
    request: Box<CallRequest>,
}

impl<R> Running<R> {
    pub(super) fn new(request: Box<CallRequest>) -> Self {
        Self(State::Unsent(request))
    }
}

impl<R: MethodResult + Send + 'static> State<R> {
    /// Begins to send the call.
    fn begin(request: Box<CallRequest>) -> Self {
        let deadline = request.session.deadline(request.timeout);
        let mut started = Started { first: None, span: None, ticket: request.ticket() };
        if started.ticket.is_none() && request.is_plain() {
            started.span = Some(request.span()).filter(|span| !span.is_disabled());
            if started.span.is_none() {
                match request.begin_plain::<R>() {
                    Ok(opening) => return Self::Sent(Sent { opening, deadline, request }),
                    Err(error) => started.first = Some(First::End(Err(error))),
                }
            }
        }
        Self::rounds(request, started, deadline)
    }

    fn rounds(request: Box<CallRequest>, started: Started, deadline: Deadline) -> Self {
        Self::Rounds(Box::pin(async move { run(&request, started, deadline).await }))
    }
}

impl<R: MethodResult + Send + 'static> Future for Running<R> {
    type Output = Result<Received<R>, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let state = &mut self.0;
        loop {
            let first = match state {
                State::Sent(Sent { opening, deadline, request }) => {
                    let first = ready!(request.session.poll_first(cx, opening, deadline));
                    if let Some(received) = request.plain_result(&first) {
                        *state = State::Done;
                        return Poll::Ready(Ok(received));
                    }
                    Some(match first {
                        First::End(Ok(result)) => {
                            First::End(request.session.validated(opening.answered_by(), result))
                        }
                        other => other,
                    })
                }
                State::Rounds(rounds) => return rounds.as_mut().poll(cx),
                State::Unsent(_) | State::Done => None,
            };
            *state = match (std::mem::replace(state, State::Done), first) {
                (State::Unsent(request), _) => State::begin(request),
                (State::Sent(Sent { deadline, request, .. }), first) => {
                    State::rounds(request, Started { first, span: None, ticket: None }, deadline)
                }
                _ => panic!("a call is not polled after its end"),
            };
        }
    }
}

impl<R: MethodResult + Send + 'static> Future for CallFuture<R> {
    type Output = Result<R, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx).map_ok(|received| received.value)
    }
}

impl<R> fmt::Debug for CallFuture<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CallFuture(..)")
    }
}

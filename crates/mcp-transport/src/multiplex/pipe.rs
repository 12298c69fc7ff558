//! The state of one pipe, shared by its transports, exchanges and driver.

use std::{
    ops::Deref,
    sync::{Arc, MutexGuard},
    task::Waker,
};

use bytes::Bytes;
use mcp_core::{
    Era, ErrorObject, Message, ParseError, ParseErrorKind, ProtocolVersion, Request, RequestId,
    Response, error_code,
};
use tokio::sync::Notify;

use super::{
    outbox::Sending,
    output::WriteNow,
    pretty::{Joined, PrettyPrinted},
    routes::{RouteOptions, Routed, Routes},
    skipped::{self, Skipped, excerpt},
    sync::Mutex,
};
use crate::{Delivery, Envelope, Error, ErrorKind, InboundSender, Limits, framing::TooLong};

/// Shared by all transports and open exchanges of a connection. Dropping the last one closes the pipe.
pub(super) struct Handle(pub(super) Arc<Inner>);

pub(super) struct Inner {
    pub(super) state: Mutex<State>,
    pub(super) inbound: InboundSender,
    /// Wakes senders that wait for room in the outbox, and callers that wait for the end of the write half.
    pub(super) progress: Notify,
    /// Wakes callers that wait for the end of the connection. Apart, since a session waits all the time.
    pub(super) ended: Notify,
    pub(super) skipped: Skipped,
    /// Whether messages are encoded as lines, rather than written to a message channel.
    pub(super) encodes: bool,
    /// The write half, if a sender may write to it.
    pub(super) output: Option<Arc<dyn WriteNow>>,
    pub(super) limits: Limits,
}

pub(super) struct State {
    pub(super) routes: Routes,
    pub(super) sending: Sending,
    /// The write half is closed or broken.
    pub(super) write_ended: bool,
    /// The protocol version of the last message sent. Decides whether requests of the server get a response.
    pub(super) version: Option<ProtocolVersion>,
}

/// A reader with a backlog.
#[derive(Debug)]
pub(super) enum Busy {
    /// The reader of an exchange.
    Exchange(RequestId),
    /// The reader of `Inbound`.
    Inbound,
}

impl AsMut<Sending> for State {
    fn as_mut(&mut self) -> &mut Sending {
        &mut self.sending
    }
}

impl State {
    /// How the route of a request is opened that is queued now.
    pub(super) fn route_options(&self, envelope: &Envelope<Request>) -> RouteOptions {
        RouteOptions {
            is_long_lived: envelope.is_long_lived,
            skips_validation: envelope.skips_validation,
            offset: Some(self.sending.outbox.queued),
        }
    }
}

/// The error of a response that is not valid JSON-RPC: `frame` is what was received.
///
/// For readers of results that were [not validated](crate::Envelope::skips_validation).
pub fn invalid_response(frame: &[u8], error: ParseError) -> Error {
    let text = format!("the response is not valid JSON-RPC: {}", excerpt(frame));
    Error::new(ErrorKind::Protocol, text).with_delivery(Delivery::Answered).with_source(error)
}

impl Deref for Handle {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.begin_close();
    }
}

impl Inner {
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        // No critical section leaves the state inconsistent if it panics.
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Makes the driver write the queued messages and close the write half.
    pub(super) fn begin_close(&self) {
        let driver = {
            let mut state = self.lock();
            state.sending.closing = true;
            state.sending.driver.take()
        };
        if let Some(driver) = driver {
            driver.wake();
        }
    }

    pub(super) fn end(&self, error: &Error) {
        let mut wakers = Vec::new();
        {
            let mut state = self.lock();
            state.sending.closing = true;
            let written = state.sending.outbox.written;
            state.routes.end(error, written, &mut wakers);
            wakers.extend(state.sending.driver.take());
        }
        self.inbound.end(Some(error.clone()));
        self.progress.notify_waiters();
        self.ended.notify_waiters();
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Queues a received message for its reader. Returns the reader if it has a backlog.
    pub(super) fn deliver(&self, message: Message) -> Option<Busy> {
        let routed = self.lock().routes.deliver(message);
        match routed {
            Routed::Exchange { wake, busy } => {
                wake.into_iter().for_each(Waker::wake);
                busy.map(Busy::Exchange)
            }
            Routed::Inbound(message) => match self.inbound.offer(message) {
                Ok(wants_pause) => wants_pause.then_some(Busy::Inbound),
                Err(rejected) => {
                    self.refuse(rejected.refusal());
                    None
                }
            },
            Routed::Discarded => None,
        }
    }

    /// Queues the error response to a request of the server. It is dropped if the outbox is full, so that
    /// a server that does not read cannot grow it. In the modern era clients send no responses.
    ///
    /// Spec: basic/index#statelessness
    pub(super) fn refuse(&self, refusal: Option<Response>) {
        let Some(refusal) = refusal else { return };
        let driver = {
            let mut state = self.lock();
            let is_modern = state.version.is_some_and(|version| version.era() == Era::Modern);
            if is_modern || state.sending.outbox.waiting() >= self.limits.outbox as u64 {
                return;
            }
            state.sending.outbox.push(refusal.into());
            state.sending.driver.take()
        };
        driver.into_iter().for_each(Waker::wake);
    }

    /// Handles a frame that is not a message: it fails the request whose id it contains, or is skipped.
    pub(super) fn reject(&self, frame: &[u8], error: ParseError) {
        let mut wakers = Vec::new();
        let failed = error.id.clone().is_some_and(|id| {
            self.lock().routes.fail(&id, invalid_response(frame, error), &mut wakers)
        });
        if !failed {
            self.skipped.add(frame);
        }
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Handles a message over the limit: it fails the request that it responds to, or every open request if
    /// its id cannot be found. A request of the server is answered with an error.
    pub(super) fn reject_too_long(&self, line: &TooLong) {
        let hint = line.hint();
        let text = format!(
            "a message of {} bytes exceeds the limit of {} bytes",
            line.length, self.limits.message
        );
        if hint.is_call {
            let error = ErrorObject::new(error_code::INVALID_REQUEST, text);
            self.refuse(hint.id.map(|id| Response::error(id, error)));
            self.skipped.add(&line.head);
            return;
        }
        let error = Error::new(ErrorKind::TooLarge, text).with_delivery(Delivery::Answered);
        let mut wakers = Vec::new();
        match hint.id {
            Some(id) => {
                self.lock().routes.fail(&id, error, &mut wakers);
            }
            None => self.lock().routes.fail_open(&error, &mut wakers),
        }
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Parses a frame: one message, a batch, or none. `pretty` has the preceding lines that may belong to the
    /// same message.
    pub(super) fn parse(&self, frame: Bytes, pretty: &mut PrettyPrinted) -> Frame {
        let frame = match Response::read_unvalidated(frame) {
            Ok(response) if self.skips_validation(&response) => {
                self.skip_all(pretty);
                return Frame::One(response.into());
            }
            Ok(Response { outcome: Ok(result), .. }) => result.into_frame(),
            Ok(_) => return Frame::None,
            Err(frame) => frame,
        };
        match Message::parse(frame.clone()) {
            Ok(message) => {
                self.skip_all(pretty);
                Frame::One(message)
            }
            Err(error) => self.parse_leniently(frame, error, pretty),
        }
    }

    /// Whether the reader of a response validates it.
    fn skips_validation(&self, response: &Response) -> bool {
        response.id.as_ref().is_some_and(|id| self.lock().routes.skips_validation(id))
    }

    /// Counts lines that looked like the beginning of a pretty-printed message as skipped.
    fn skip_all(&self, pretty: &mut PrettyPrinted) {
        for _ in 0..pretty.clear() {
            self.skipped.add(b"{");
        }
    }

    /// Parses a frame that is not exactly one message: part of a pretty-printed message, a batch, or a
    /// response among other text.
    #[cold]
    pub(super) fn parse_leniently(
        &self,
        frame: Bytes,
        error: ParseError,
        pretty: &mut PrettyPrinted,
    ) -> Frame {
        match pretty.add(&frame, self.limits.message) {
            Joined::No => {}
            Joined::Part => return Frame::None,
            Joined::Whole(frame) => return self.parse(frame, pretty),
        }
        if matches!(error.kind, ParseErrorKind::Batch) {
            // Only revision 2025-03-26 has batches, but they are unambiguous in any other.
            match mcp_core::parse_batch(frame.clone()) {
                Ok(messages) => return Frame::Batch(messages),
                Err(error) => self.reject(&frame, error),
            }
            return Frame::None;
        }
        if let Some(response) = skipped::embedded_response(&frame) {
            return Frame::One(response);
        }
        #[cfg(feature = "tracing")]
        tracing::debug!(%error, length = frame.len(), excerpt = %excerpt(&frame), "not a message");
        self.reject(&frame, error);
        Frame::None
    }
}

/// The messages of a frame.
pub(super) enum Frame {
    One(Message),
    Batch(Vec<Message>),
    None,
}

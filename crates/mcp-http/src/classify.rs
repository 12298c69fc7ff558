//! What a failure of a connection means.

use std::io;

#[cfg(feature = "_tls")]
use crate::error::ConnectStep;
use crate::error::{Error, ErrorKind, Wait, WriteStalled, find};

impl Error {
    /// A failure of the connection while `doing` something with it.
    pub(crate) fn from_hyper(error: hyper::Error, doing: Doing) -> Self {
        let (kind, message) = match cause(&error) {
            Some(cause) => cause,
            None if error.is_canceled() || error.is_closed() || error.is_incomplete_message() => {
                (ErrorKind::Closed, doing.closed())
            }
            // Headers without an end are among these: hyper distinguishes them for servers alone.
            None if error.is_parse() => (ErrorKind::Protocol, "the answer is not HTTP"),
            None => match doing {
                Doing::Headers => (ErrorKind::Protocol, "the HTTP exchange failed"),
                Doing::Body => (ErrorKind::Body, "the body of the response is broken"),
            },
        };
        let message = match kind {
            ErrorKind::Closed => doing.closed(),
            _ => message,
        };
        let canceled = error.is_canceled();
        let mapped = Self::new(kind, message).with_source(error);
        if canceled { mapped.not_sent() } else { mapped }
    }
}

/// What a connection was used for when it failed.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Doing {
    Headers,
    Body,
}

impl Doing {
    fn closed(self) -> &'static str {
        match self {
            Self::Headers => "the server closed the connection without an answer",
            Self::Body => "the server closed the connection in the middle of the response",
        }
    }
}

/// What the system or TLS reports as the root of the failure, if one of them is.
fn cause(error: &hyper::Error) -> Option<(ErrorKind, &'static str)> {
    let error = find::<io::Error>(error)?;
    #[cfg(feature = "_tls")]
    if let Some(error) = error.get_ref().and_then(|inner| inner.downcast_ref()) {
        let message = match crate::tls::wants_certificate(error) {
            true => "the server asks for a certificate of the client",
            false => "the TLS connection failed",
        };
        return Some((ErrorKind::Connect(ConnectStep::Tls), message));
    }
    match error.kind() {
        io::ErrorKind::UnexpectedEof => Some((ErrorKind::Closed, "")),
        io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::BrokenPipe
        | io::ErrorKind::NotConnected => Some((ErrorKind::Reset, "the connection was reset")),
        io::ErrorKind::TimedOut
            if error.get_ref().is_some_and(|inner| inner.is::<WriteStalled>()) =>
        {
            Some((ErrorKind::Timeout(Wait::Write), "the server stopped taking the request"))
        }
        io::ErrorKind::TimedOut | io::ErrorKind::HostUnreachable => {
            Some((ErrorKind::Reset, "the connection broke"))
        }
        _ => None,
    }
}

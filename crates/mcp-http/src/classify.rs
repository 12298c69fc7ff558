//! Classification of connection failures.

use std::io;

#[cfg(feature = "_tls")]
use crate::error::ConnectStep;
use crate::error::{Error, ErrorKind, Wait, WriteStalled, find};
use crate::io::{ConnState, FirstRead};

impl Error {
    /// Converts a failure of the connection while `doing` something with it.
    pub(crate) fn from_hyper(error: hyper::Error, doing: Doing) -> Self {
        let (kind, message) = match cause(&error) {
            Some(cause) => cause,
            None if error.is_canceled() || error.is_closed() || error.is_incomplete_message() => {
                (ErrorKind::Closed, doing.closed())
            }
            // Includes headers without an end: hyper only distinguishes these for servers.
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

#[cfg(feature = "http2")]
impl Error {
    /// Converts a failure of an HTTP/2 stream while `doing` something with it.
    pub(crate) fn from_h2(error: h2::Error, doing: Doing) -> Self {
        use std::borrow::Cow;

        use h2::Reason;

        let reason = error.reason();
        let (kind, message): (_, Cow<'static, str>) = if let Some(error) = error.get_io() {
            let cause = io_cause(error).unwrap_or((ErrorKind::Reset, "the connection broke"));
            match cause.0 {
                // A closed connection, as streams report it.
                ErrorKind::Reset if error.kind() == io::ErrorKind::BrokenPipe => {
                    (ErrorKind::Closed, doing.closed().into())
                }
                ErrorKind::Closed => (ErrorKind::Closed, doing.closed().into()),
                kind => (kind, cause.1.into()),
            }
        } else if error.is_go_away() && error.is_remote() {
            (
                ErrorKind::Closed,
                "the server closes the connection and did not process the request".into(),
            )
        } else if error.is_reset() && error.is_remote() {
            match reason {
                Some(Reason::NO_ERROR) => (ErrorKind::Closed, doing.closed().into()),
                Some(Reason::HTTP_1_1_REQUIRED) if matches!(doing, Doing::Headers) => (
                    ErrorKind::Protocol,
                    "the server requires HTTP/1.1: see HttpClientBuilder::http1_only".into(),
                ),
                Some(reason) => {
                    let text = reason.description();
                    (ErrorKind::Reset, format!("the server reset the stream: {text}").into())
                }
                None => (ErrorKind::Reset, "the server reset the stream".into()),
            }
        } else if error.is_library() {
            (ErrorKind::Protocol, "the answer is not HTTP/2".into())
        } else {
            (ErrorKind::Other, "the request cannot be sent by HTTP/2".into())
        };
        Self::new(kind, message).with_source(error)
    }
}

impl Error {
    /// The same, with a hint if a server reached over plain HTTP seems to use TLS.
    pub(crate) fn with_tls_hint(self, state: &ConnState) -> Self {
        match state.first_read() {
            FirstRead::Tls => Self::new(
                ErrorKind::Protocol,
                "the server uses TLS: use a URL that begins with https",
            )
            .with_source(self),
            FirstRead::Nothing if matches!(self.kind(), ErrorKind::Reset | ErrorKind::Closed) => {
                self.amended("if the server uses TLS, use a URL that begins with https")
            }
            _ => self,
        }
    }
}

/// The operation during which a connection failed.
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

/// The I/O or TLS error at the root of the failure, if any.
fn cause(error: &hyper::Error) -> Option<(ErrorKind, &'static str)> {
    io_cause(find::<io::Error>(error)?)
}

fn io_cause(error: &io::Error) -> Option<(ErrorKind, &'static str)> {
    #[cfg(feature = "_tls")]
    if let Some(error) = error.get_ref().and_then(|inner| inner.downcast_ref()) {
        let message = match crate::tls::wants_certificate(error) {
            true => "the server requires a client certificate",
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
            Some((ErrorKind::Timeout(Wait::Write), "the server stopped reading the request"))
        }
        io::ErrorKind::TimedOut | io::ErrorKind::HostUnreachable => {
            Some((ErrorKind::Reset, "the connection broke"))
        }
        _ => None,
    }
}

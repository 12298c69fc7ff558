use std::time::Duration;

use http::{HeaderName, header};
use mcp_http::Extras;
use mcp_transport::{Envelope, Error, IdleLimit};

/// Headers that say how a message is sent: nobody else may set them.
pub(crate) static OWNED: [HeaderName; 4] =
    [header::ACCEPT, header::CONTENT_TYPE, header::CONTENT_LENGTH, header::TRANSFER_ENCODING];

/// What the HTTP request of one message has beside the headers that all have.
#[derive(Clone, Default)]
pub(crate) struct Head {
    /// With an [`IdleLimit`] for the POST too: the server may answer it only when it is done.
    pub(crate) extras: Extras,
    /// How long the stream may stay silent while this message waits for its answer, where that is longer
    /// than usual.
    pub(crate) patience: Option<Duration>,
}

impl Head {
    pub(crate) fn new<M>(envelope: &Envelope<M>) -> Result<Self, Error> {
        let patience = match envelope.idle_limit {
            IdleLimit::Transport if !envelope.is_long_lived => None,
            limit => Some(limit.or(None).unwrap_or(Duration::MAX)),
        };
        Ok(Self { extras: Extras::new(envelope, &OWNED)?, patience })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use http::{HeaderMap, HeaderValue};
    use mcp_http::ReadTimeout;
    use mcp_transport::ErrorKind;

    use super::*;

    #[test]
    fn headers_of_the_protocol_are_refused() {
        for name in OWNED.iter().cloned() {
            let mut extra = HeaderMap::new();
            extra.insert(name, HeaderValue::from_static("x"));
            let envelope = Envelope::new(()).with_extension(extra);
            let Err(error) = Head::new(&envelope) else { panic!() };
            assert_eq!(error.kind(), ErrorKind::InvalidRequest);
        }
    }

    #[test]
    fn an_idle_limit_holds_for_the_stream_and_the_post() {
        let seconds = Duration::from_secs(9);
        for (limit, patience, post) in [
            (IdleLimit::Caller, Duration::MAX, None),
            (IdleLimit::After(seconds), seconds, Some(seconds)),
        ] {
            let mut head = Head::new(&Envelope::new(()).with_idle_limit(limit)).unwrap();
            assert_eq!(head.patience, Some(patience));
            assert_eq!(head.extras.extensions_mut().get(), Some(&ReadTimeout(post)));
        }
        let long_lived = Head::new(&Envelope::new(()).long_lived()).unwrap();
        assert_eq!(long_lived.patience, Some(Duration::MAX));
        assert_eq!(Head::new(&Envelope::new(())).unwrap().patience, None);
    }
}

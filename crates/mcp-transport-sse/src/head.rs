use std::time::Duration;

use http::{Extensions, HeaderName, header};
use mcp_http::Extras;
use mcp_transport::{Error, IdleLimit};

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
    pub(crate) fn new(extensions: Extensions) -> Result<Self, Error> {
        let limit = extensions.get().copied();
        let patience = limit.map(|IdleLimit(limit)| limit.unwrap_or(Duration::MAX));
        Ok(Self { extras: Extras::new(extensions, &OWNED)?, patience })
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
            let mut extensions = Extensions::new();
            extensions.insert(extra);
            let Err(error) = Head::new(extensions) else { panic!() };
            assert_eq!(error.kind(), ErrorKind::InvalidRequest);
        }
    }

    #[test]
    fn an_idle_limit_holds_for_the_stream_and_the_post() {
        for (limit, patience) in
            [(None, Duration::MAX), (Some(Duration::from_secs(9)), Duration::from_secs(9))]
        {
            let mut extensions = Extensions::new();
            extensions.insert(IdleLimit(limit));
            let mut head = Head::new(extensions).unwrap();
            assert_eq!(head.patience, Some(patience));
            assert_eq!(head.extras.extensions_mut().get(), Some(&ReadTimeout(limit)));
        }
        assert_eq!(Head::new(Extensions::new()).unwrap().patience, None);
    }
}

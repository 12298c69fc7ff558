use std::time::Duration;

use http::{Extensions, HeaderMap, HeaderName, header};
use mcp_http::ReadTimeout;
use mcp_transport::{Delivery, Error, ErrorKind, IdleLimit};

/// Headers that say how a message is sent: nobody else may set them.
const OWNED: [HeaderName; 4] =
    [header::ACCEPT, header::CONTENT_TYPE, header::CONTENT_LENGTH, header::TRANSFER_ENCODING];

/// The first header of `headers` that belongs to the protocol.
pub(crate) fn owned_by_protocol(headers: &HeaderMap) -> Option<&HeaderName> {
    headers.keys().find(|name| OWNED.contains(name))
}

/// What the HTTP request of one message has beside the headers that all have.
#[derive(Clone, Default)]
pub(crate) struct Head {
    extra: HeaderMap,
    extensions: Extensions,
    /// How long the stream may stay silent while this message waits for its answer, where that is longer
    /// than usual.
    pub(crate) patience: Option<Duration>,
}

impl Head {
    pub(crate) fn new(mut extensions: Extensions) -> Result<Self, Error> {
        let extra = extensions.remove::<HeaderMap>().unwrap_or_default();
        if let Some(name) = owned_by_protocol(&extra) {
            let text = format!("the header {name} is set by the protocol");
            return Err(
                Error::new(ErrorKind::InvalidRequest, text).with_delivery(Delivery::NotSent)
            );
        }
        let limit = extensions.remove();
        if let Some(IdleLimit(limit)) = limit {
            // The server may answer the POST only when it is done.
            extensions.insert(ReadTimeout(limit));
        }
        let patience = limit.map(|IdleLimit(limit)| limit.unwrap_or(Duration::MAX));
        Ok(Self { extra, extensions, patience })
    }

    /// Adds everything to a request that has the headers of all.
    pub(crate) fn put_into(&self, headers: &mut HeaderMap, extensions: &mut Extensions) {
        if !self.extra.is_empty() {
            headers.extend(self.extra.clone());
        }
        if !self.extensions.is_empty() {
            extensions.extend(self.extensions.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use http::HeaderValue;

    use super::*;

    #[test]
    fn headers_of_the_protocol_are_refused_and_others_added() {
        for name in OWNED {
            let mut extra = HeaderMap::new();
            extra.insert(name, HeaderValue::from_static("x"));
            let mut extensions = Extensions::new();
            extensions.insert(extra);
            let Err(error) = Head::new(extensions) else { panic!() };
            assert_eq!(error.kind(), ErrorKind::InvalidRequest);
            assert_eq!(error.delivery(), Delivery::NotSent);
        }
        let mut extra = HeaderMap::new();
        extra.insert("x-region", HeaderValue::from_static("eu"));
        let mut extensions = Extensions::new();
        extensions.insert(extra);
        extensions.insert(7_u8);
        extensions.insert(IdleLimit(None));
        let head = Head::new(extensions).unwrap();
        assert_eq!(head.patience, Some(Duration::MAX));
        let (mut headers, mut extensions) = (HeaderMap::new(), Extensions::new());
        head.put_into(&mut headers, &mut extensions);
        assert_eq!(headers.len(), 1);
        assert_eq!(headers["x-region"], "eu");
        assert_eq!(extensions.get(), Some(&7_u8));
        assert_eq!(extensions.get(), Some(&ReadTimeout(None)));
        assert!(extensions.get::<HeaderMap>().is_none());
    }
}

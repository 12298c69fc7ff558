use std::any::Any;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::Response;
use http::response::Parts;
use http_body::{Body as HttpBody, Frame, SizeHint};

use crate::collect::read_to_end;
#[cfg(feature = "decompression")]
use crate::decompress::Decompress;
use crate::error::Error;
use crate::received::Received;
use crate::secrets::SentSecrets;

/// The body of a response, read as it arrives.
///
/// The read timeout applies between two parts. Dropping it before its end closes an HTTP/1.1 connection (unless only
/// the end was missing), or resets an HTTP/2 stream. After an error it yields nothing more.
pub struct ResponseBody {
    received: Received,
    /// The secrets of the request, for a transport.
    pub(crate) secrets: Option<SentSecrets>,
    #[cfg(feature = "decompression")]
    decompress: Option<Box<Decompress>>,
}

impl ResponseBody {
    /// A response with this body, which is decompressed if `decompresses` is set and its headers require it.
    #[cfg(feature = "decompression")]
    pub(crate) fn respond(
        mut parts: Parts,
        received: Received,
        decompresses: bool,
    ) -> Response<Self> {
        let decompress = match decompresses {
            true => Decompress::take(&mut parts.headers),
            false => None,
        };
        Response::from_parts(parts, Self { received, secrets: None, decompress })
    }

    /// A response with this body.
    #[cfg(not(feature = "decompression"))]
    pub(crate) fn respond(parts: Parts, received: Received, _: bool) -> Response<Self> {
        Response::from_parts(parts, Self { received, secrets: None })
    }

    /// Reads the whole body. Does not copy if it arrives in one piece.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future discards the data read and ends the response.
    ///
    /// # Errors
    ///
    /// [`TooLarge`](crate::ErrorKind::TooLarge) if the body exceeds `limit` bytes, and errors of reading.
    pub async fn read_to_end(self, limit: usize) -> Result<Bytes, Error> {
        read_to_end(self, limit).await
    }
}

impl SentSecrets {
    /// Takes the secrets of the request from its response.
    pub fn take<B: 'static>(response: &mut Response<B>) -> Option<Self> {
        let body = (response.body_mut() as &mut dyn Any).downcast_mut::<ResponseBody>();
        let own = body.and_then(|body| body.secrets.take());
        own.or_else(|| response.extensions_mut().remove())
    }
}

impl HttpBody for ResponseBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let this = self.get_mut();
        #[cfg(feature = "decompression")]
        if let Some(decompress) = &mut this.decompress {
            return decompress.poll_frame(&mut this.received, cx);
        }
        Pin::new(&mut this.received).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        #[cfg(feature = "decompression")]
        if let Some(decompress) = &self.decompress {
            return decompress.is_over();
        }
        self.received.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        #[cfg(feature = "decompression")]
        if self.decompress.is_some() {
            return SizeHint::default();
        }
        self.received.size_hint()
    }
}

impl fmt::Debug for ResponseBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseBody")
            .field("is_end", &self.is_end_stream())
            .finish_non_exhaustive()
    }
}

use std::error::Error as StdError;
use std::future::poll_fn;
use std::pin::{Pin, pin};

use bytes::{Bytes, BytesMut};
use http_body::Body as HttpBody;

use crate::error::Error;

/// Reads the whole `body`, which may be that of any HTTP service. Does not copy if it arrives in one piece; trailers
/// are dropped.
///
/// # Cancel safety
///
/// Dropping the future discards the data read and drops the body.
///
/// # Errors
///
/// [`TooLarge`](crate::ErrorKind::TooLarge) if the body exceeds `limit` bytes, and errors of the body (see
/// [`Error::from_service`]).
pub async fn read_to_end<B>(body: B, limit: usize) -> Result<Bytes, Error>
where
    B: HttpBody<Data = Bytes>,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
{
    let mut body = pin!(body);
    let mut first = Bytes::new();
    let mut rest = BytesMut::new();
    while let Some(data) = next_data(body.as_mut()).await? {
        if data.len() > limit - first.len() - rest.len() {
            return Err(Error::too_large("the body of the response", limit));
        }
        if first.is_empty() && rest.is_empty() {
            first = data;
        } else {
            if !first.is_empty() {
                // Based on the size hint, but no more than the data that has already arrived.
                let hint = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
                rest.reserve(first.len() + data.len() + hint.min(first.len() + data.len()));
                rest.extend_from_slice(&std::mem::take(&mut first));
            }
            rest.extend_from_slice(&data);
        }
    }
    Ok(if rest.is_empty() { first } else { rest.freeze() })
}

/// The next bytes of `body`, or `None` at its end.
pub(crate) async fn next_data<B>(mut body: Pin<&mut B>) -> Result<Option<Bytes>, Error>
where
    B: HttpBody<Data = Bytes>,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
{
    while !body.is_end_stream() {
        let data = match poll_fn(|cx| body.as_mut().poll_frame(cx)).await {
            None => break,
            Some(Err(error)) => return Err(Error::from_service(error)),
            Some(Ok(frame)) => frame.into_data().ok().filter(|data| !data.is_empty()),
        };
        if data.is_some() {
            return Ok(data);
        }
        // A body that is always ready with empty frames must not block the thread.
        tokio::task::coop::consume_budget().await;
    }
    Ok(None)
}

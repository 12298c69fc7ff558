use std::error::Error as StdError;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, Method, Request, Uri};
use mcp_transport::Background;

use crate::error::{Error, ErrorKind, Wait};

/// The head of a request that is about to be sent.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RequestHead {
    /// The method.
    pub method: Method,
    /// The URL, absolute, including any secrets in it.
    pub uri: Uri,
    /// Whether no caller waits for the response, so that no user may be prompted; see [`Background`].
    pub is_background: bool,
}

impl RequestHead {
    /// The head of `request`.
    #[must_use]
    pub fn of<B>(request: &Request<B>) -> Self {
        Self {
            method: request.method().clone(),
            uri: request.uri().clone(),
            is_background: request.extensions().get::<Background>().is_some(),
        }
    }

    /// Calls `reader` with the head of `request`. The URL is moved, which costs less than a copy.
    pub(crate) fn lend<B, T>(request: &mut Request<B>, reader: impl FnOnce(&Self) -> T) -> T {
        let head = Self {
            method: request.method().clone(),
            is_background: request.extensions().get::<Background>().is_some(),
            uri: std::mem::take(request.uri_mut()),
        };
        let result = reader(&head);
        *request.uri_mut() = head.uri;
        result
    }
}

/// Returns headers for each request.
#[derive(Clone)]
pub(crate) struct Hook(Arc<dyn Fn(RequestHead) -> HookHeaders + Send + Sync>);

type HookHeaders =
    Pin<Box<dyn Future<Output = Result<HeaderMap, Box<dyn StdError + Send + Sync>>> + Send>>;

impl Hook {
    pub(crate) fn new<F, R, E>(hook: F) -> Self
    where
        F: Fn(RequestHead) -> R + Send + Sync + 'static,
        R: Future<Output = Result<HeaderMap, E>> + Send + 'static,
        E: Into<Box<dyn StdError + Send + Sync>>,
    {
        Self(Arc::new(move |head| {
            let headers = hook(head);
            Box::pin(async { headers.await.map_err(Into::into) })
        }))
    }

    /// The headers for a request, within `limit`.
    pub(crate) async fn headers(
        &self,
        head: RequestHead,
        limit: Duration,
    ) -> Result<HeaderMap, Error> {
        match tokio::time::timeout(limit, (self.0)(head)).await {
            Ok(Ok(headers)) => Ok(headers),
            Ok(Err(error)) => {
                let message = "the header hook failed";
                Err(Error::new(ErrorKind::Hook, message).with_source(error).not_sent())
            }
            Err(_) => {
                let message = format!("the header hook did not finish within {limit:?}");
                Err(Error::new(ErrorKind::Timeout(Wait::Hook), message).not_sent())
            }
        }
    }
}

impl fmt::Debug for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hook")
    }
}

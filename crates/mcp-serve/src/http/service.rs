//! The tower services.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{Request, Response};
use mcp_transport::Serve;
use tower_service::Service;

use super::{Body, Http, Routes};

/// Implements [`Service`] with the method `respond` of a clone. It is always ready, and never fails.
macro_rules! service {
    ($type:ty) => {
        impl<S: Serve, B> Service<Request<B>> for $type
        where
            B: http_body::Body<Data = Bytes> + Send + 'static,
            B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
        {
            type Response = Response<Body>;
            type Error = Infallible;
            type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

            fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
                Poll::Ready(Ok(()))
            }

            fn call(&mut self, request: Request<B>) -> Self::Future {
                let this = self.clone();
                Box::pin(async move { Ok(this.respond(request).await) })
            }
        }
    };
}

service!(Http<S>);
service!(Routes<S>);
#[cfg(feature = "sse")]
service!(super::HttpSse<S>);

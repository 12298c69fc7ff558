use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Frame;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use mcp_http::{HttpClient, sse::Events};
use tokio::time::Sleep;

use crate::server::{Server, post};

/// An event sent shortly after the headers.
struct Late(Option<Pin<Box<Sleep>>>);

impl http_body::Body for Late {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let Some(sleep) = &mut self.0 else {
            return Poll::Ready(None);
        };
        ready!(sleep.as_mut().poll(cx));
        self.0 = None;
        Poll::Ready(Some(Ok(Frame::data("data: {}\n\n".into()))))
    }
}

async fn answer(request: Request<Incoming>) -> Result<Response<Late>, Infallible> {
    request.into_body().collect().await.unwrap();
    let late = tokio::time::sleep(Duration::from_millis(1));
    Ok(Response::new(Late(Some(Box::pin(late)))))
}

/// A hyper server, which by default does not disable Nagle's algorithm.
#[tokio::test]
async fn events_do_not_wait_for_a_delayed_acknowledgement() {
    let server = Server::start(|stream| async move {
        let connection = hyper::server::conn::http1::Builder::new();
        let _ = connection.serve_connection(TokioIo::new(stream), service_fn(answer)).await;
    })
    .await;
    let client = HttpClient::new();
    let mut times = Vec::new();
    for _ in 0..40 {
        let begin = Instant::now();
        let response = client.send(post(&server.url, "{}")).await.unwrap();
        let mut events = Events::new(response.into_body());
        assert_eq!(events.next().await.unwrap().unwrap().data.unwrap(), "{}");
        assert!(events.next().await.is_none());
        times.push(begin.elapsed());
    }
    assert_eq!(server.connections(), 1);
    times.sort();
    let median = times[times.len() / 2];
    assert!(median < Duration::from_millis(20), "{times:?}");
}

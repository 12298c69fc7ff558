use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use http::header::{HOST, HeaderValue, PROXY_AUTHORIZATION};
use http::uri::{Authority, Uri};
use http::{Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::{ProxyServer, failed};
use crate::body::Body;
use crate::error::Error;
use crate::url::host_and_port;

/// Requests a tunnel to `server` from the HTTP proxy at the other end of `stream`.
pub(crate) async fn open_tunnel(
    proxy: &ProxyServer,
    stream: TcpStream,
    server: &Uri,
) -> Result<TcpStream, Error> {
    let broken = |error: hyper::Error| {
        failed(format!("the proxy {proxy} does not answer as an HTTP proxy")).with_source(error)
    };
    let request = ask_for(server, proxy.authorization());
    let (mut sender, mut connection) =
        http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
    let mut answer = pin!(sender.send_request(request));
    // The connection is driven only here.
    let answer = poll_fn(|cx| {
        if let Poll::Ready(answer) = answer.as_mut().poll(cx) {
            return Poll::Ready(answer);
        }
        match connection.poll_without_shutdown(cx) {
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            // The response is available, or `answer` returns the error.
            Poll::Ready(Ok(())) | Poll::Pending => answer.as_mut().poll(cx),
        }
    });
    accept(proxy, server, &answer.await.map_err(broken)?)?;
    let parts = connection.into_parts();
    if !parts.read_buf.is_empty() {
        // A TLS server never sends first.
        return Err(failed(format!("the proxy {proxy} sent bytes into the tunnel")));
    }
    Ok(parts.io.into_inner())
}

fn ask_for(server: &Uri, authorization: Option<&HeaderValue>) -> Request<Body> {
    let (_, port) = host_and_port(server);
    // The host of a URL includes the brackets of an IPv6 address.
    let target = format!("{}:{port}", server.host().unwrap_or_default());
    let authority = Authority::try_from(target).expect("host and port of a URL are an authority");
    let host = HeaderValue::try_from(authority.as_str()).expect("an authority is fit for a header");
    let mut request = Request::new(Body::empty());
    *request.method_mut() = Method::CONNECT;
    *request.uri_mut() = Uri::from(authority);
    request.headers_mut().insert(HOST, host);
    if let Some(value) = authorization {
        request.headers_mut().insert(PROXY_AUTHORIZATION, value.clone());
    }
    request
}

fn accept(proxy: &ProxyServer, server: &Uri, answer: &Response<Incoming>) -> Result<(), Error> {
    match answer.status() {
        status if status.is_success() => Ok(()),
        StatusCode::PROXY_AUTHENTICATION_REQUIRED => Err(failed(proxy.unauthorized())),
        status => {
            let (host, port) = host_and_port(server);
            Err(failed(format!("the proxy {proxy} refuses to connect to {host}:{port}: {status}")))
        }
    }
}

//! Headers, credentials, other HTTP clients.

use http::{HeaderMap, HeaderValue};
use mcp_http::{Body, HttpClient};
use mcp_testkit::{http::SseServer, within};
use mcp_transport::{Binding, Carrier, Connect, Connection, ErrorKind, Transport};
use mcp_transport_sse::Sse;
use tower::util::MapRequest;

use crate::{ask, at, handshake, open, request, stream_is_over};

#[tokio::test]
async fn headers_go_with_the_get_and_every_post_and_those_of_a_message_with_it() {
    let server = SseServer::friendly().await;
    let sse = at(&server.url).bearer_token("s3cret").header("x-tenant", "blue");
    let shown = format!("{sse:?}");
    assert!(shown.contains("x-tenant") && !shown.contains("s3cret") && !shown.contains("blue"));
    let Connection { transport, info, .. } = within(sse.connect()).await.unwrap();
    assert_eq!((info.binding, info.carrier), (Binding::HttpSse, Carrier::Tcp));
    assert_eq!((&info.description, info.peer.unwrap().host.as_str()), (&server.url, "127.0.0.1"));
    handshake(&transport).await;
    let mut extra = HeaderMap::new();
    extra.insert("x-once", HeaderValue::from_static("1"));
    let call = request(1, "ping").with_extension(extra.clone());
    within(within(transport.request(call)).await.unwrap().response()).await.unwrap();
    for request in server.log() {
        assert_eq!(request.headers["authorization"], "Bearer s3cret");
        assert_eq!(request.headers["x-tenant"], "blue");
        assert_eq!(request.headers.contains_key("x-once"), request.rpc() == "ping");
    }
    extra.insert("content-type", HeaderValue::from_static("text/plain"));
    let error = transport.request(request(2, "ping").with_extension(extra)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRequest);
    ask(&transport, 2, "ping").await.unwrap();
}

#[tokio::test]
async fn credentials_and_queries_of_the_url_are_sent_and_never_shown() {
    let server = SseServer::friendly().await;
    let url = server.url.replace("http://", "http://user:hidden@") + "?key=hidden";
    let sse = at(&url);
    assert!(!format!("{sse:?} {}", sse.describe()).contains("hidden"));
    let mut connection = within(sse.connect()).await.unwrap();
    assert!(!format!("{:?}", connection.transport).contains("hidden"));
    ask(&connection.transport, 1, "ping").await.unwrap();
    let log = server.log();
    assert_eq!(log[0].path, "/sse?key=hidden");
    for request in &log {
        assert_eq!(request.headers["authorization"], "Basic dXNlcjpoaWRkZW4=");
    }
    // The endpoint is a secret too, as it names the session.
    let url = server.url.clone();
    server.stop().await;
    stream_is_over(&mut connection.inbound).await;
    let error = ask(&connection.transport, 1, "ping").await.unwrap_err();
    assert!(!format!("{error:?}").contains("hidden"), "{error:?}");
    assert!(error.to_string().contains(&url), "{error}");
}

#[tokio::test]
async fn wrong_settings_fail_the_connect() {
    let sse = || Sse::new("http://127.0.0.1:1/sse").unwrap();
    for (sse, says) in [
        (sse().header("accept", "text/html"), "accept"),
        (sse().header("a b", "x"), "name of a header"),
        (sse().header("x-a", "line\nbreak"), "x-a"),
        (sse().bearer_token("line\nbreak"), "token"),
    ] {
        let error = sse.connect().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().contains(says), "{error}");
    }
    assert_eq!(Sse::new("ftp://host/sse").unwrap_err().kind(), ErrorKind::Config);
}

#[tokio::test]
async fn a_service_of_the_users_sends_the_requests() {
    let server = SseServer::friendly().await;
    let add = |mut request: http::Request<Body>| {
        request.headers_mut().insert("x-mine", HeaderValue::from_static("1"));
        request
    };
    let sse = at(&server.url).with_service(MapRequest::new(HttpClient::new(), add));
    let transport = within(sse.connect()).await.unwrap().transport;
    ask(&transport, 1, "ping").await.unwrap();
    assert!(server.log().iter().all(|request| request.headers["x-mine"] == "1"));
    let _ = open(&server.url).await;
}

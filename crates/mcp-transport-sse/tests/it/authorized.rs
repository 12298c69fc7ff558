//! Authorized requests.

use std::time::Duration;

use http::HeaderValue;
use mcp_http::{Authorize, Credentials, Error, NextStep, Refusal, RequestHead};
use mcp_testkit::{
    http::{Get, SseServer},
    within,
};
use mcp_transport::{Connect, Hold};

use crate::{ask, at, handshake};

/// A user whose login takes longer than the endpoint timeout.
struct SlowLogin(Hold);

impl Authorize for SlowLogin {
    fn ready(&self, request: &RequestHead) -> Option<Credentials> {
        // A caller waits for the stream.
        assert!(!request.is_background);
        (request.method != http::Method::GET).then(credentials)
    }

    async fn authorize(&self, _: &RequestHead) -> Result<Credentials, Error> {
        let _form = self.0.begin();
        tokio::time::sleep(Duration::from_millis(400)).await;
        Ok(credentials())
    }

    async fn challenged(&self, _: &RequestHead, _: Refusal<'_>) -> Result<NextStep, Error> {
        Ok(NextStep::GiveUp)
    }

    fn hold(&self) -> Option<Hold> {
        Some(self.0.clone())
    }
}

fn credentials() -> Credentials {
    Credentials::new(HeaderValue::from_static("Bearer good"))
}

#[tokio::test]
async fn a_login_does_not_count_and_every_request_has_the_token() {
    let server = SseServer::start(|_| Get::endpoint("/m"), SseServer::answer).await;
    let sse = at(&server.url).endpoint_timeout(Duration::from_millis(200));
    let sse = sse.auth(SlowLogin(Hold::new()));
    let transport = within(sse.connect()).await.unwrap().transport;
    handshake(&transport).await;
    ask(&transport, 1, "ping").await.unwrap();
    let log = server.log();
    assert_eq!(log.len(), 4);
    assert!(log.iter().all(|request| request.header("authorization") == Some("Bearer good")));
}

//! Requests to the service, without a network.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use mcp_serve::{Body, Http};
use mcp_testkit::within;
use mcp_transport::Serve;
use serde_json::{Value, json};
use tower_service::Service;

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    body: Body,
    unread: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        Some(self.headers.get(name)?.to_str().unwrap())
    }

    pub(crate) async fn text(self) -> String {
        let rest = within(self.body.collect()).await.unwrap().to_bytes();
        self.unread + std::str::from_utf8(&rest).unwrap()
    }

    pub(crate) async fn json(self) -> Value {
        let text = self.text().await;
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    /// The next event: its id and its message.
    pub(crate) async fn event(&mut self) -> Option<(String, Value)> {
        within(self.next_event()).await
    }

    async fn next_event(&mut self) -> Option<(String, Value)> {
        loop {
            if let Some((event, rest)) = self.unread.split_once("\n\n") {
                let field = |name: &str| {
                    let line = event.lines().find_map(|line| line.strip_prefix(name));
                    line.map(|value| value.trim().to_owned())
                };
                let (id, data) = (field("id:"), field("data:"));
                self.unread = rest.to_owned();
                if let Some(data) = data {
                    let message = match data.is_empty() {
                        true => Value::Null,
                        false => serde_json::from_str(&data).unwrap(),
                    };
                    return Some((id.unwrap_or_default(), message));
                }
                continue;
            }
            let frame = self.body.frame().await?;
            let data = frame.unwrap().into_data().unwrap();
            self.unread.push_str(std::str::from_utf8(&data).unwrap());
        }
    }

    /// The next bytes.
    pub(crate) async fn frame(&mut self) -> String {
        let data = within(self.body.frame()).await.unwrap().unwrap().into_data().unwrap();
        String::from_utf8(data.into()).unwrap()
    }

    /// Whether nothing comes for a while.
    pub(crate) async fn is_silent(&mut self) -> bool {
        tokio::time::timeout(Duration::from_secs(5), self.event()).await.is_err()
    }
}

pub(crate) fn request(id: u32, method: &str, params: Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params })
}

pub(crate) async fn send<S: Serve>(
    http: &Http<S>,
    method: Method,
    headers: &[(&str, &str)],
    body: impl Into<Bytes>,
) -> Answer {
    let mut request = Request::builder().method(method).uri("/mcp");
    if !headers.iter().any(|(name, _)| *name == "host") {
        request = request.header("host", "localhost:80");
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Full::new(body.into())).unwrap();
    let response = within(http.clone().call(request)).await.unwrap();
    let (head, body) = response.into_parts();
    Answer { status: head.status, headers: head.headers, body, unread: String::new() }
}

pub(crate) async fn post<S: Serve>(
    http: &Http<S>,
    headers: &[(&str, &str)],
    body: &Value,
) -> Answer {
    send(http, Method::POST, headers, body.to_string()).await
}

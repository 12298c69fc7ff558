use std::{
    future::{poll_fn, ready},
    sync::Arc,
    task::Poll,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use futures_util::{StreamExt, stream};
use http_body_util::{BodyExt, Full, Limited, StreamBody};
use hyper::{
    HeaderMap, Method, Request as HttpRequest, Response as HttpResponse, StatusCode, body::Incoming,
};
use mcp_core::{
    Era, ErrorObject, Message, ProtocolVersion, Request, Response, error_code, meta_key, method,
};
use mcp_transport::{Envelope, Exchange, OneWay, Serve};
use serde::Deserialize;
use serde_json::Value;

use crate::peer::{
    HttpPeer,
    http::{ResponseBody, empty, event, listen, response},
};

/// The longest body of a request, in bytes.
const MAX_BODY: usize = 4 << 20;

/// Serves a server over Streamable HTTP on a free port of 127.0.0.1, without sessions. All clients share the
/// server.
///
/// A response that is ready immediately is sent as JSON, any other as an event stream. Closing the stream
/// cancels the request. The headers of modern requests are validated against the body, and requests with a
/// foreign `Host` or `Origin` are rejected.
///
/// Spec: [Server
/// validation](https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http#server-validation)
///
/// # Panics
/// If no port is free.
pub async fn serve_http<S: Serve>(server: S) -> HttpPeer {
    let server = Arc::new(server);
    listen(move |request| answer(Arc::clone(&server), request)).await
}

async fn answer<S: Serve>(
    server: Arc<S>,
    request: HttpRequest<Incoming>,
) -> HttpResponse<ResponseBody> {
    let (head, body) = request.into_parts();
    if !is_local(&head.headers) {
        return empty(StatusCode::FORBIDDEN);
    }
    if head.method != Method::POST {
        return empty(StatusCode::METHOD_NOT_ALLOWED);
    }
    let Ok(body) = Limited::new(body, MAX_BODY).collect().await else {
        return empty(StatusCode::PAYLOAD_TOO_LARGE);
    };
    let version = header(&head.headers, "mcp-protocol-version");
    let version: Option<ProtocolVersion> = version.and_then(|version| version.parse().ok());
    let send = async |message: OneWay| {
        server.send(Envelope::new(message).with_version(version)).await;
        empty(StatusCode::ACCEPTED)
    };
    match Message::parse(body.to_bytes()) {
        Ok(Message::Request(request)) => {
            let mirrored = MirroredFields::of(&request);
            let is_modern = mirrored.version.is_some() || version.is_some_and(is_modern);
            if is_modern && let Err(error) = mirrored.check(&request, &head.headers) {
                return json(Response::error(request.id, error), StatusCode::BAD_REQUEST);
            }
            let exchange = server.request(Envelope::new(request).with_version(version)).await;
            respond(exchange, is_modern.then_some(&mirrored)).await
        }
        Ok(Message::Notification(notification)) => send(notification.into()).await,
        Ok(Message::Response(response)) => send(response.into()).await,
        Err(_) => empty(StatusCode::BAD_REQUEST),
    }
}

fn is_modern(version: ProtocolVersion) -> bool {
    version.era() == Era::Modern
}

/// Sends the messages of an exchange. `mirrored` is set for a modern request.
async fn respond(
    mut exchange: Exchange,
    mirrored: Option<&MirroredFields>,
) -> HttpResponse<ResponseBody> {
    let first = poll_fn(|cx| Poll::Ready(exchange.poll_item(cx))).await;
    let first = match first {
        Poll::Ready(Some(Ok(Message::Response(response)))) => {
            let status = mirrored.map_or(StatusCode::OK, |fields| fields.status(&response));
            return json(response, status);
        }
        Poll::Ready(Some(Ok(message))) => Some(message),
        _ => None,
    };
    // The exchange of a `Serve` never fails.
    let rest = exchange.filter_map(|item| ready(item.ok()));
    let events = stream::iter(first).chain(rest).map(event);
    response("text/event-stream", StreamBody::new(events).boxed_unsync())
}

fn json(answer: Response, status: StatusCode) -> HttpResponse<ResponseBody> {
    let mut body = Vec::new();
    Message::from(answer).encode(&mut body);
    let mut response = response("application/json", Full::from(body).boxed_unsync());
    *response.status_mut() = status;
    response
}

/// Whether the `Host` of a request is this machine, and its `Origin` too if it has one.
fn is_local(headers: &HeaderMap) -> bool {
    let is_local = |authority: &str| {
        let host = match authority.rsplit_once(':') {
            Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
            _ => authority,
        };
        matches!(host, "localhost" | "127.0.0.1" | "[::1]")
    };
    let origin = header(headers, "origin");
    let origin = origin.map(|origin| origin.split_once("://").map_or(origin, |(_, rest)| rest));
    header(headers, "host").is_some_and(is_local) && origin.is_none_or(is_local)
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    Some(headers.get(name)?.to_str().ok()?.trim())
}

/// The fields of a request that headers repeat.
struct MirroredFields {
    version: Option<String>,
    has_capabilities: bool,
    /// The name of the tool or prompt, or the URI of the resource.
    name: Option<String>,
}

impl MirroredFields {
    fn of(request: &Request) -> Self {
        #[derive(Default, Deserialize)]
        struct Params {
            #[serde(default, rename = "_meta")]
            meta: Value,
            #[serde(default)]
            name: Value,
            #[serde(default)]
            uri: Value,
        }
        let params = request.params.as_ref().and_then(|params| params.decode().ok());
        let Params { meta, name, uri } = params.unwrap_or_default();
        let name = match &*request.method {
            method::TOOLS_CALL | method::PROMPTS_GET => name,
            method::RESOURCES_READ => uri,
            _ => Value::Null,
        };
        Self {
            version: meta[meta_key::PROTOCOL_VERSION].as_str().map(str::to_owned),
            has_capabilities: meta[meta_key::CLIENT_CAPABILITIES].is_object(),
            name: name.as_str().map(str::to_owned),
        }
    }

    fn check(&self, request: &Request, headers: &HeaderMap) -> Result<(), ErrorObject> {
        let same = |name: &str, field: Option<&str>| {
            let value = header(headers, name).map(decoded);
            match field.is_none_or(|field| value.as_deref() == Some(field)) {
                true => Ok(()),
                false => {
                    let text = format!("the header {name} does not match the body");
                    Err(ErrorObject::new(error_code::HEADER_MISMATCH, text))
                }
            }
        };
        same("mcp-protocol-version", self.version.as_deref())?;
        same("mcp-method", Some(&request.method))?;
        same("mcp-name", self.name.as_deref())
    }

    /// Spec: basic/transports/streamable-http#server-validation
    fn status(&self, response: &Response) -> StatusCode {
        match response.outcome.as_ref().map_err(|error| error.code) {
            Err(error_code::METHOD_NOT_FOUND) => StatusCode::NOT_FOUND,
            Err(
                error_code::HEADER_MISMATCH
                | error_code::MISSING_REQUIRED_CLIENT_CAPABILITY
                | error_code::UNSUPPORTED_PROTOCOL_VERSION,
            ) => StatusCode::BAD_REQUEST,
            Err(error_code::INVALID_PARAMS) if self.version.is_none() || !self.has_capabilities => {
                StatusCode::BAD_REQUEST
            }
            _ => StatusCode::OK,
        }
    }
}

/// Decodes a header value that may be encoded as `=?base64?...?=`.
fn decoded(value: &str) -> String {
    let encoded = value.strip_prefix("=?base64?").and_then(|rest| rest.strip_suffix("?="));
    let bytes = encoded.and_then(|text| STANDARD.decode(text).ok());
    bytes.and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_else(|| value.to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpStream,
    };

    use super::*;
    use crate::ContractPeer;

    const MODERN: &str = r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}"#;

    /// Returns the status and the body.
    async fn post(host: &str, headers: &str, method: &str, params: &str) -> (u16, String) {
        let peer = serve_http(ContractPeer::new()).await;
        let url = peer.url();
        let address = url.strip_prefix("http://").and_then(|url| url.strip_suffix("/mcp")).unwrap();
        let mut stream = TcpStream::connect(address).await.unwrap();
        let body =
            format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{{{params}}}}}"#);
        let head = format!(
            "POST /mcp HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n{headers}content-length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all((head + &body).as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
    }

    #[tokio::test]
    async fn both_eras_are_served() {
        let legacy = post("localhost:80", "", "contract/echo", r#""a":1"#).await;
        assert_eq!(legacy, (200, r#"{"jsonrpc":"2.0","id":1,"result":{"a":1}}"#.to_owned()));

        let headers = "mcp-protocol-version: 2026-07-28\r\nmcp-method:   contract/echo  \r\n";
        let (status, body) = post("127.0.0.1", headers, "contract/echo", MODERN).await;
        assert_eq!(status, 200, "{body}");

        let headers = "mcp-protocol-version: 2026-07-28\r\nmcp-method: ping\r\n";
        let (status, body) = post("[::1]:7", headers, "ping", MODERN).await;
        assert_eq!(status, 404);
        assert!(body.contains("-32601"), "{body}");
    }

    #[tokio::test]
    async fn headers_must_match_the_body() {
        let version = "mcp-protocol-version: 2026-07-28\r\n";
        let call = format!(r#""name":"é",{MODERN}"#);
        let rows = [
            ("", 400),
            ("mcp-method: tools/call\r\n", 400),
            ("mcp-method: tools/call\r\nmcp-name: e\r\n", 400),
            ("mcp-method: TOOLS/CALL\r\nmcp-name: =?base64?w6k=?=\r\n", 400),
            // The headers are valid, but the method is unknown.
            ("mcp-method: tools/call\r\nmcp-name: =?base64?w6k=?=\r\n", 404),
        ];
        for (headers, expected) in rows {
            let headers = format!("{version}{headers}");
            let (status, body) = post("localhost", &headers, "tools/call", &call).await;
            assert_eq!(status, expected, "{headers}{body}");
            assert_eq!(body.contains("-32020"), expected == 400, "{headers}{body}");
        }
    }

    #[tokio::test]
    async fn requests_of_foreign_origins_are_rejected() {
        let origin = "origin: https://evil.example\r\n";
        for (host, headers, expected) in [
            ("evil.example", "", 403),
            ("localhost", origin, 403),
            ("localhost", "origin: http://localhost:3000\r\n", 200),
        ] {
            let (status, body) = post(host, headers, "contract/echo", "").await;
            assert_eq!(status, expected, "{host} {headers}{body}");
        }
    }
}

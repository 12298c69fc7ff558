use std::collections::HashMap;

use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, BufReader},
    net::TcpStream,
};

/// A request as the server received it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Received {
    /// The HTTP method.
    pub method: String,
    /// The path with its query.
    pub path: String,
    /// The headers, by names in lower case.
    pub headers: HashMap<String, String>,
    /// The body.
    pub body: String,
    /// The number of its connection, from 0.
    pub connection: usize,
}

impl Received {
    /// The value of a header. The name is in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    /// The body as JSON, or `null` if it is not JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }

    /// The JSON-RPC method; `response` if the body has none; the HTTP method if there is no body.
    pub fn rpc(&self) -> String {
        match &self.json()["method"] {
            Value::String(method) => method.clone(),
            _ if self.body.is_empty() => self.method.clone(),
            _ => "response".to_owned(),
        }
    }

    /// The id of the JSON-RPC request, or `null` if it has none.
    pub fn id(&self) -> Value {
        self.json()["id"].clone()
    }

    /// The JSON-RPC response to this request with a result, given as JSON.
    pub fn result(&self, result: &str) -> String {
        format!(r#"{{"jsonrpc":"2.0","id":{},"result":{result}}}"#, self.id())
    }

    /// Reads the next request of a connection, or `None` at its end.
    pub(super) async fn read(stream: &mut BufReader<TcpStream>, connection: usize) -> Option<Self> {
        let mut line = String::new();
        stream.read_line(&mut line).await.ok().filter(|read| *read > 0)?;
        let mut words = line.split(' ').map(str::to_owned);
        let (method, path) = (words.next()?, words.next()?);
        let mut headers = HashMap::new();
        loop {
            let mut line = String::new();
            stream.read_line(&mut line).await.ok()?;
            let Some((name, value)) = line.trim_end().split_once(':') else { break };
            headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
        }
        let length = headers.get("content-length").and_then(|length| length.parse().ok());
        let mut body = vec![0; length.unwrap_or(0)];
        stream.read_exact(&mut body).await.ok()?;
        let body = String::from_utf8(body).ok()?;
        Some(Self { method, path, headers, body, connection })
    }
}

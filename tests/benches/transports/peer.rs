//! The benchmark server, in a separate process: it responds with prepared bytes, so that only the client is measured.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    sync::Arc,
};

use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, DuplexStream, ReadHalf, WriteHalf};

use crate::measure::{Carrier, Load, TOOLS};

/// The header of every request to the server that requires a token.
pub(crate) const AUTHORIZATION: &str = "Bearer 2YotnFZFEjr1zCsicMWpAA.2YotnFZFEjr1zCsicMWpAA";

/// The response mode of an HTTP peer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Json,
    /// As JSON, to requests with a token, which the peer also issues.
    Token,
    Sse,
    /// With sessions and streams of their own, of revisions before 2026-07-28.
    Legacy,
}

/// The size of the buffers of a pipe within the process.
pub(crate) const DUPLEX: usize = 1 << 16;

/// The text of a tool's results.
pub(crate) fn text(load: Load) -> String {
    match load {
        Load::One | Load::Many | Load::List => {
            "The Left Hand of Darkness, The Dispossessed".to_owned()
        }
        Load::Mib1 => "x".repeat(1 << 20),
        Load::Mib10 => "x".repeat(10 << 20),
    }
}

pub(crate) fn run(carrier: &str) {
    let answers = Answers::new();
    match carrier {
        "stdio" => stdio(&answers),
        "http-json" => http(answers, Kind::Json),
        "http-token" => http(answers, Kind::Token),
        "http-legacy" => http(answers, Kind::Legacy),
        #[cfg(feature = "full")]
        "https" => crate::peer_tls::run(answers, "http/1.1"),
        #[cfg(feature = "full")]
        "http2" => crate::peer_tls::run(answers, "h2"),
        _ => http(answers, Kind::Sse),
    }
}

/// The prepared results by tool or method.
pub(crate) struct Answers([(&'static str, String); 6]);

impl Answers {
    fn new() -> Self {
        let tool = |load: Load| {
            let text = text(load);
            let result = format!(
                r#"{{"resultType":"complete","content":[{{"type":"text","text":"{text}"}}],"isError":false}}"#
            );
            (load.tool(), result)
        };
        let discover = r#"{"resultType":"complete","supportedVersions":["2026-07-28"],"capabilities":{"tools":{}},"ttlMs":0,"cacheScope":"private"}"#;
        let initialize = r#"{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":{"name":"bench","version":"0.0.0"}}"#;
        let list = format!(
            r#"{{"resultType":"complete","ttlMs":0,"cacheScope":"private","tools":[{}]}}"#,
            (0..TOOLS).map(listed).collect::<Vec<_>>().join(",")
        );
        Self([
            tool(Load::One),
            tool(Load::Mib1),
            tool(Load::Mib10),
            ("server/discover", discover.to_owned()),
            ("initialize", initialize.to_owned()),
            ("tools/list", list),
        ])
    }

    /// The same as a line.
    fn answer_line(&self, request: &[u8], out: &mut Vec<u8>) {
        let before = out.len();
        self.answer(request, out);
        if out.len() > before {
            out.push(b'\n');
        }
    }

    /// The complete response to a request. Nothing to a notification.
    pub(crate) fn answer(&self, request: &[u8], out: &mut Vec<u8>) {
        #[derive(Deserialize)]
        struct Request<'a> {
            #[serde(borrow)]
            id: Option<&'a RawValue>,
            method: &'a str,
            #[serde(borrow, default)]
            params: Option<Params<'a>>,
        }
        #[derive(Deserialize)]
        struct Params<'a> {
            #[serde(default)]
            name: &'a str,
        }
        let request: Request<'_> = serde_json::from_slice(request).unwrap();
        let Some(id) = request.id else { return };
        let name = match (request.method, request.params) {
            ("tools/call", Some(params)) => params.name,
            (method, _) => method,
        };
        let (_, result) = self.0.iter().find(|(of, _)| *of == name).unwrap();
        out.extend_from_slice(br#"{"jsonrpc":"2.0","id":"#);
        out.extend_from_slice(id.get().as_bytes());
        out.extend_from_slice(br#","result":"#);
        out.extend_from_slice(result.as_bytes());
        out.push(b'}');
    }
}

/// A tool as servers describe theirs.
fn listed(number: usize) -> String {
    let name = match number {
        0 => Load::One.tool().to_owned(),
        number => format!("search_{number}"),
    };
    format!(
        r#"{{"name":"{name}","title":"Search shelf {number}","description":"Searches the books of a shelf by title, author and year, and returns at most as many as asked for.","inputSchema":{{"type":"object","properties":{{"query":{{"type":"string","description":"What to search for"}},"limit":{{"type":"integer","minimum":1,"maximum":100,"default":10}},"sort":{{"type":"string","enum":["title","author","year"]}}}},"required":["query"]}},"annotations":{{"readOnlyHint":true,"openWorldHint":false}}}}"#
    )
}

/// The client's end of a pipe within the process, whose other end responds as the peer over stdio.
pub(crate) fn duplex() -> (ReadHalf<DuplexStream>, WriteHalf<DuplexStream>) {
    let (ours, theirs) = tokio::io::duplex(DUPLEX);
    tokio::spawn(async move {
        let answers = Answers::new();
        let (reader, mut writer) = tokio::io::split(theirs);
        let mut reader = tokio::io::BufReader::with_capacity(DUPLEX, reader);
        let (mut line, mut out) = (Vec::new(), Vec::new());
        while reader.read_until(b'\n', &mut line).await.unwrap() > 0 {
            answers.answer_line(&line, &mut out);
            line.clear();
            writer.write_all(&out).await.unwrap();
            out.clear();
        }
    });
    tokio::io::split(ours)
}

/// A peer over stdio.
pub(crate) fn spawn() -> tokio::process::Child {
    tokio::process::Command::new(std::env::current_exe().unwrap())
        .args(["--peer", "stdio"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap()
}

fn stdio(answers: &Answers) {
    let mut input = BufReader::with_capacity(1 << 16, std::io::stdin().lock());
    let mut output = std::io::stdout().lock();
    let (mut line, mut out) = (Vec::new(), Vec::new());
    while input.read_until(b'\n', &mut line).unwrap() > 0 {
        answers.answer_line(&line, &mut out);
        line.clear();
        // Requests that arrived together are answered together.
        if memchr::memchr(b'\n', input.buffer()).is_none() {
            output.write_all(&out).unwrap();
            out.clear();
        }
    }
}

/// A small HTTP/1.1 server with a thread for each connection and keep-alive.
fn http(answers: Answers, kind: Kind) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    println!("{}", listener.local_addr().unwrap().port());
    std::io::stdout().flush().unwrap();
    let answers = Arc::new(answers);
    for stream in listener.incoming() {
        let (stream, answers) = (stream.unwrap(), Arc::clone(&answers));
        std::thread::spawn(move || connection(&stream, &answers, kind));
    }
}

fn connection(stream: &TcpStream, answers: &Answers, kind: Kind) -> Option<()> {
    let sse = kind == Kind::Sse;
    stream.set_nodelay(true).ok()?;
    let mut input = BufReader::with_capacity(1 << 16, stream);
    let mut output = stream;
    let (mut line, mut body, mut answer) = (String::new(), Vec::new(), Vec::new());
    loop {
        let (mut length, mut method) = (0, String::new());
        let (mut target, mut has_token) = (String::new(), false);
        loop {
            line.clear();
            if input.read_line(&mut line).ok()? == 0 {
                return None;
            }
            let header = line.trim_end();
            if header.is_empty() {
                break;
            }
            if target.is_empty() {
                let mut words = header.split(' ');
                words.next()?.clone_into(&mut method);
                words.next()?.clone_into(&mut target);
            } else if let Some((name, value)) = header.split_once(':') {
                if name.eq_ignore_ascii_case("content-length") {
                    length = value.trim().parse().ok()?;
                }
                has_token |=
                    name.eq_ignore_ascii_case("authorization") && value.trim() == AUTHORIZATION;
            }
        }
        body.resize(length, 0);
        input.read_exact(&mut body).ok()?;
        if kind == Kind::Token && !has_token {
            output.write_all(refusal(&target).as_bytes()).ok()?;
            continue;
        }
        if method != "POST" {
            // The stream of a session stays open without an event.
            let head = match &*method {
                "GET" if kind == Kind::Legacy => {
                    "200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked"
                }
                "GET" => "405 Method Not Allowed\r\ncontent-length: 0",
                _ => "200 OK\r\ncontent-length: 0",
            };
            output.write_all(format!("HTTP/1.1 {head}\r\n\r\n").as_bytes()).ok()?;
            continue;
        }
        answer.clear();
        if sse {
            answer.extend_from_slice(b"event: message\ndata: ");
        }
        answers.answer(&body, &mut answer);
        if answer.is_empty() {
            output.write_all(b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n").ok()?;
            continue;
        }
        if sse {
            answer.extend_from_slice(b"\n\n");
        }
        let media_type = if sse { "text/event-stream" } else { "application/json" };
        let mut head = format!("HTTP/1.1 200 OK\r\ncontent-type: {media_type}\r\n");
        if kind == Kind::Legacy {
            head.push_str("mcp-session-id: of-the-benchmark\r\n");
        }
        if sse {
            head.push_str(&format!("transfer-encoding: chunked\r\n\r\n{:x}\r\n", answer.len()));
            answer.extend_from_slice(b"\r\n0\r\n\r\n");
        } else {
            head.push_str(&format!("content-length: {}\r\n\r\n", answer.len()));
        }
        let mut whole = head.into_bytes();
        whole.extend_from_slice(&answer);
        output.write_all(&whole).ok()?;
    }
}

/// The response to a request without the token; at the token endpoint, the token.
fn refusal(target: &str) -> String {
    let (head, body) = match target {
        "/token" => {
            let token = AUTHORIZATION.trim_start_matches("Bearer ");
            let body =
                format!(r#"{{"access_token":"{token}","token_type":"Bearer","expires_in":36000}}"#);
            ("200 OK\r\ncontent-type: application/json", body)
        }
        "/mcp" => ("401 Unauthorized\r\nwww-authenticate: Bearer", String::new()),
        _ => ("404 Not Found", String::new()),
    };
    format!("HTTP/1.1 {head}\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

/// An HTTP peer, stopped on drop.
pub(crate) struct Http {
    pub(crate) child: Child,
    pub(crate) port: u16,
}

impl Http {
    pub(crate) fn start(carrier: Carrier) -> Self {
        Self::named(carrier.name())
    }

    /// With the response mode of this name.
    pub(crate) fn named(name: &str) -> Self {
        let mut peer = Self::spawn(name);
        let mut line = String::new();
        BufReader::new(peer.child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        peer.port = line.trim().parse().unwrap();
        peer
    }

    pub(crate) fn spawn(name: &str) -> Self {
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--peer", name])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        Self { child, port: 0 }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/mcp", self.port)
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }
}

impl Drop for Http {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

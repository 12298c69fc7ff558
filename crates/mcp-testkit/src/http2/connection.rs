use std::{collections::HashMap, sync::Arc};

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::server::TlsStream;

use super::{
    frame::{Frame, flag, kind},
    log::Log,
};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A received request.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Posted {
    /// Its stream.
    pub stream: u32,
    /// Its body; empty if only the head was read.
    pub body: String,
}

impl Posted {
    /// The JSON-RPC response to it with a result, given as JSON.
    pub fn result(&self, result: &str) -> String {
        let request: Value = serde_json::from_str(&self.body).unwrap_or_default();
        format!(r#"{{"jsonrpc":"2.0","id":{},"result":{result}}}"#, request["id"])
    }
}

/// The server side of a connection.
#[derive(Debug)]
pub struct Connection {
    stream: TlsStream<TcpStream>,
    log: Arc<Log>,
    /// The number of the connection, from 0.
    pub number: usize,
    bodies: HashMap<u32, Vec<u8>>,
    /// Streams that the client has reset, with the error codes.
    pub resets: Vec<(u32, u32)>,
    /// Whether pings get a response. Default: yes.
    pub answers_pings: bool,
    /// Whether flow-control windows grow as data arrives. Default: yes.
    pub opens_windows: bool,
}

impl Connection {
    /// Reads the client's preface. Sends nothing.
    pub(super) async fn accept(
        mut stream: TlsStream<TcpStream>,
        log: Arc<Log>,
        number: usize,
    ) -> Option<Self> {
        let mut preface = [0; PREFACE.len()];
        stream.read_exact(&mut preface).await.ok()?;
        let (bodies, resets) = Default::default();
        let (answers_pings, opens_windows) = (true, true);
        Some(Self { stream, log, number, bodies, resets, answers_pings, opens_windows })
    }

    async fn write(&mut self, frame: Frame) {
        // The next read notices a closed connection.
        let _ = self.stream.write_all(&frame.encode()).await;
        let _ = self.stream.flush().await;
    }

    /// Sends settings: 3 is the number of concurrent streams, 4 the initial window.
    pub async fn settings(&mut self, settings: &[(u16, u32)]) {
        let mut payload = Vec::new();
        for (id, value) in settings {
            payload.extend(id.to_be_bytes());
            payload.extend(value.to_be_bytes());
        }
        self.write(Frame::new(kind::SETTINGS, 0, 0, payload)).await;
    }

    /// Sets the maximum number of concurrent streams.
    pub async fn allow(&mut self, streams: u32) {
        self.settings(&[(3, streams)]).await;
    }

    /// Sends the head of a JSON response.
    pub async fn head(&mut self, stream: u32, status: u16) {
        let mut block = vec![0x08, 3];
        block.extend(status.to_string().bytes());
        block.extend([0x0f, 0x10, 16]);
        block.extend(b"application/json");
        self.write(Frame::new(kind::HEADERS, flag::END_HEADERS, stream, block)).await;
    }

    /// Sends response data.
    pub async fn data(&mut self, stream: u32, data: &str, is_end: bool) {
        let flags = if is_end { flag::END_STREAM } else { 0 };
        self.write(Frame::new(kind::DATA, flags, stream, data)).await;
    }

    /// Responds to a request with a result, given as JSON.
    pub async fn answer(&mut self, request: &Posted, result: &str) {
        self.head(request.stream, 200).await;
        self.data(request.stream, &request.result(result), true).await;
    }

    /// Grows the flow-control window of a stream or, for stream 0, of the connection, by this many bytes.
    pub async fn open_window(&mut self, stream: u32, bytes: u32) {
        self.write(Frame::new(kind::WINDOW_UPDATE, 0, stream, bytes.to_be_bytes())).await;
    }

    /// Resets a stream.
    pub async fn reset(&mut self, stream: u32, code: u32) {
        self.write(Frame::new(kind::RST_STREAM, 0, stream, code.to_be_bytes())).await;
    }

    /// Announces that the connection is closed after this stream (`GOAWAY`).
    pub async fn go_away(&mut self, last_stream: u32, code: u32) {
        let payload = [last_stream.to_be_bytes(), code.to_be_bytes()].concat();
        self.write(Frame::new(kind::GOAWAY, 0, 0, payload)).await;
    }

    /// The next request with its whole body, or `None` at the end of the connection.
    pub async fn request(&mut self) -> Option<Posted> {
        loop {
            let frame = self.frame().await?;
            let is_end = frame.has(flag::END_STREAM);
            match frame.kind {
                kind::HEADERS if !is_end => _ = self.bodies.insert(frame.stream, Vec::new()),
                kind::HEADERS => return Some(self.posted(frame.stream, Vec::new())),
                kind::DATA => {
                    let body = self.bodies.entry(frame.stream).or_default();
                    body.extend(frame.payload);
                    if is_end {
                        let body = self.bodies.remove(&frame.stream).unwrap_or_default();
                        return Some(self.posted(frame.stream, body));
                    }
                }
                _ => {}
            }
        }
    }

    /// The next request once its head has arrived, or `None` at the end of the connection.
    pub async fn request_head(&mut self) -> Option<Posted> {
        loop {
            let frame = self.frame().await?;
            if frame.kind == kind::HEADERS {
                return Some(self.posted(frame.stream, Vec::new()));
            }
        }
    }

    /// Reads until the client closes the connection.
    pub async fn until_closed(&mut self) {
        while self.frame().await.is_some() {}
    }

    /// Reads until the client resets a stream. Returns `false` if the connection ended first.
    pub async fn until_reset(&mut self, stream: u32) -> bool {
        while !self.resets.iter().any(|(reset, _)| *reset == stream) {
            if self.frame().await.is_none() {
                return false;
            }
        }
        true
    }

    fn posted(&mut self, stream: u32, body: Vec<u8>) -> Posted {
        let request = Posted { stream, body: String::from_utf8_lossy(&body).into_owned() };
        self.log.requests().push(request.body.clone());
        request
    }

    /// The next frame, after the reactions common to all servers.
    async fn frame(&mut self) -> Option<Frame> {
        let frame = Frame::read(&mut self.stream).await?;
        match frame.kind {
            kind::SETTINGS if !frame.has(flag::ACK) => {
                self.write(Frame::new(kind::SETTINGS, flag::ACK, 0, [])).await;
            }
            kind::PING if !frame.has(flag::ACK) => {
                self.log.count_ping();
                if self.answers_pings {
                    let payload = frame.payload.clone();
                    self.write(Frame::new(kind::PING, flag::ACK, 0, payload)).await;
                }
            }
            kind::DATA if self.opens_windows && !frame.payload.is_empty() => {
                let size = u32::try_from(frame.payload.len()).expect("a frame is small");
                for stream in [0, frame.stream] {
                    self.open_window(stream, size).await;
                }
            }
            kind::RST_STREAM => {
                let code = frame.payload.first_chunk().map_or(0, |code| u32::from_be_bytes(*code));
                self.resets.push((frame.stream, code));
            }
            _ => {}
        }
        Some(frame)
    }
}

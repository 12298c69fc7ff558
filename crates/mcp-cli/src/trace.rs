//! `--trace`: writes each message of a connection as a line of JSON.

use std::{
    fmt,
    fs::File,
    io::{self, Write},
    path::Path,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, ready},
    time::Instant,
};

use futures_util::{Stream, StreamExt};
use mcp_client::{
    transport::{
        Connect, Connection, Diagnostics, Envelope, Error, Exchange, Hold, Inbound, InboundItem,
        OneWay, SharedConnect, SharedTransport, Transport,
    },
    types::{Message, Request},
};
use serde_json::Value;

use crate::{escape, failure::Failure, target::Secrets};

/// The destination of the messages.
#[derive(Clone)]
pub(crate) struct Trace(Arc<Log>);

struct Log {
    out: Mutex<Box<dyn Write + Send>>,
    start: Instant,
    secrets: Secrets,
}

impl fmt::Debug for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Trace")
    }
}

impl Trace {
    /// Writes to a file, which is overwritten, or to stderr for `-`. Masks `secrets`.
    pub(crate) fn to(file: &Path, secrets: Secrets) -> Result<Self, Failure> {
        let out: Box<dyn Write + Send> =
            match file.to_str() {
                Some("-") => Box::new(io::stderr()),
                _ => Box::new(File::create(file).map_err(|error| {
                    Failure::usage(format!("--trace {}: {error}", file.display()))
                })?),
            };
        Ok(Self(Arc::new(Log { out: Mutex::new(out), start: Instant::now(), secrets })))
    }

    /// Wraps a connector, to write its messages.
    pub(crate) fn around(&self, connect: SharedConnect) -> Traced<SharedConnect> {
        Traced { inner: connect, trace: self.clone() }
    }

    /// `what` is JSON.
    fn write(&self, key: &str, to: &str, what: &str) {
        let time = self.0.start.elapsed().as_secs_f64();
        let line = format!(r#"{{"time":{time:.3},"to":"{to}","{key}":{what}}}"#);
        let line = self.0.secrets.masked_json(line);
        let mut out = self.0.out.lock().unwrap_or_else(PoisonError::into_inner);
        // A failed write does not fail the call.
        let _ = writeln!(out, "{}", escape::json(&line)).and_then(|()| out.flush());
    }

    fn message(&self, to: &str, encode: impl FnOnce(&mut Vec<u8>)) {
        let mut json = Vec::new();
        encode(&mut json);
        self.write("message", to, String::from_utf8_lossy(&json).trim_end());
    }

    fn text(&self, key: &str, text: impl ToString) {
        self.write(key, "client", &Value::from(text.to_string()).to_string());
    }

    fn received(&self, item: &Result<Message, Error>) {
        match item {
            Ok(message) => self.message("client", |out| message.encode(out)),
            Err(error) => self.text("failure", error),
        }
    }
}

/// Writes the messages of a connector or a transport.
pub(crate) struct Traced<T> {
    inner: T,
    trace: Trace,
}

impl Connect for Traced<SharedConnect> {
    type Transport = Traced<SharedTransport>;

    async fn connect(&self) -> Result<Connection<Self::Transport>, Error> {
        let trace = self.trace.clone();
        let connection =
            self.inner.connect().await.inspect_err(|error| trace.text("failure", error))?;
        let connection = connection.map(|inner| Traced { inner, trace: trace.clone() });
        Ok(connection.map_inbound(|inbound| match inbound.is_none() {
            true => inbound,
            false => Inbound::from_stream(inbound.inspect(move |item| match item {
                Ok(InboundItem::Message(message)) => {
                    trace.message("client", |out| message.encode(out));
                }
                Ok(InboundItem::Gap(gap)) => trace.text("gap", gap),
                Err(error) => trace.text("failure", error),
            })),
        }))
    }

    fn describe(&self) -> String {
        self.inner.describe()
    }

    fn hold(&self) -> Option<Hold> {
        self.inner.hold()
    }
}

impl Transport for Traced<SharedTransport> {
    async fn request(&self, request: Envelope<Request>) -> Result<Exchange, Error> {
        self.trace.message("server", |out| request.message.encode(out));
        let exchange = self.inner.request(request).await;
        let exchange = exchange.inspect_err(|error| self.trace.text("failure", error))?;
        let id = exchange.id().clone();
        Ok(Exchange::from_stream(id, Received { exchange, trace: self.trace.clone() }))
    }

    async fn send(&self, message: Envelope<OneWay>) -> Result<(), Error> {
        let sent: Message = message.message.clone().into();
        self.trace.message("server", |out| sent.encode(out));
        self.inner.send(message).await.inspect_err(|error| self.trace.text("failure", error))
    }

    async fn closed(&self) -> Error {
        self.inner.closed().await
    }

    fn diagnostics(&self) -> Diagnostics {
        self.inner.diagnostics()
    }

    async fn close(&self) -> Result<(), Error> {
        self.inner.close().await
    }
}

/// Writes the messages of an exchange. Dropping it drops the exchange, which cancels the request.
struct Received {
    exchange: Exchange,
    trace: Trace,
}

impl Stream for Received {
    type Item = Result<Message, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let item = ready!(self.exchange.poll_item(cx));
        if let Some(item) = &item {
            self.trace.received(item);
        }
        Poll::Ready(item)
    }
}

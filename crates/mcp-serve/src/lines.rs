//! Serves one client over a byte stream with newline-delimited JSON.

use std::{
    collections::{HashMap, VecDeque},
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use futures_util::{
    StreamExt,
    stream::{AbortHandle, Abortable, SelectAll},
};
use mcp_core::{
    Era, ErrorObject, Message, ParseError, ParseErrorKind, ProtocolVersion, Request, RequestId,
    Response, error_code, method,
};
use mcp_transport::{
    Envelope, Error, Inbound, InboundItem, Limits, OneWay, Serve,
    framing::{Line, LineDecoder, TooLong},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::Sleep,
};

use crate::{
    cancelled::cancelled,
    version::{modern_version, negotiated_version},
    work::{Work, internal},
};

/// Maximum number of open requests; further ones receive an error.
const MAX_OPEN: usize = 1024;
/// Maximum number of queued notifications and responses of the client before reading pauses.
const MAX_ONE_WAY: usize = 64;
/// Maximum number of unwritten bytes before reading and handlers pause.
const MAX_UNWRITTEN: usize = 1 << 20;
/// Size of one read, in bytes.
const READ_SIZE: usize = 64 << 10;
/// Maximum number of rounds of one poll before it yields to other tasks.
const MAX_ROUNDS: usize = 32;
/// How long open requests may run after the client has closed its side.
const GRACE_PERIOD: Duration = Duration::from_secs(1);

/// Serves one client over standard input and output, until the client closes the input.
///
/// The same as [`serve_lines`]. Nothing else may write to standard output. After an error while the input is still
/// open, tokio's thread that reads it keeps waiting, which blocks the shutdown of the runtime: exit the process with
/// [`std::process::exit`].
///
/// # Errors
/// As [`serve_lines`].
///
/// Spec: [stdio](https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/stdio)
pub async fn serve_stdio(server: impl Serve) -> io::Result<()> {
    serve_lines(server, tokio::io::stdin(), tokio::io::stdout()).await
}

/// Serves one client over a pair of byte streams, one message a line, until `reader` ends.
///
/// The client gets [its own server](Serve::for_client) if `server` has state for each client. Requests are served
/// concurrently within this future: it spawns no task, and dropping it drops them all. At most 1024 are open at a time.
/// While 1 MiB is unwritten because the client does not read, no input is read and no handler is polled. A message has
/// at most 64 MiB. When `reader` ends, requests have one second to finish; then the server is [closed](Serve::close).
///
/// # Errors
/// Reading or writing fails, or the server's [`Inbound`] ends with an error in a session of the legacy era, which the
/// server cannot continue; the source is that error. The server is closed in these cases too.
///
/// # Panics
/// Panics outside a tokio runtime with time enabled.
///
/// Spec: [Custom
/// transports](https://modelcontextprotocol.io/specification/2026-07-28/basic/transports#custom-transports)
pub async fn serve_lines<S, R, W>(server: S, reader: R, writer: W) -> io::Result<()>
where
    S: Serve,
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    serve_shared(&Arc::new(server), reader, writer).await
}

/// The same for a shared server.
pub(crate) async fn serve_shared<S, R, W>(server: &Arc<S>, reader: R, writer: W) -> io::Result<()>
where
    S: Serve,
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let limit = Limits::default().message;
    let server = server.for_client().map_or_else(|| Arc::clone(server), Arc::new);
    let inbound = server.open();
    let mut lines = Lines {
        server: Arc::clone(&server),
        inbound: (!inbound.is_none()).then_some(inbound),
        reader: Some(reader),
        chunk: vec![0; READ_SIZE].into(),
        decoder: LineDecoder::new(limit),
        limit,
        writer,
        out: Vec::new(),
        written: 0,
        flushed: true,
        running: SelectAll::new(),
        open: HashMap::new(),
        one_way: VecDeque::new(),
        sending: None,
        initialize: None,
        version: None,
        grace: None,
        failure: None,
    };
    let ended = std::future::poll_fn(|cx| lines.poll(cx)).await;
    // Open requests are dropped before the server is closed.
    drop(lines);
    server.close().await;
    ended
}

struct Lines<S, R, W> {
    server: Arc<S>,
    /// The server's messages outside exchanges, until they end.
    inbound: Option<Inbound>,
    /// `None` once it has ended.
    reader: Option<R>,
    chunk: Box<[u8]>,
    decoder: LineDecoder,
    limit: usize,
    writer: W,
    out: Vec<u8>,
    /// The number of written bytes of `out`.
    written: usize,
    flushed: bool,
    running: SelectAll<Abortable<Work>>,
    open: HashMap<RequestId, Open>,
    /// Notifications and responses of the client, in order.
    one_way: VecDeque<OneWay>,
    /// The message that the server is handling.
    sending: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    /// The pending `initialize` request.
    initialize: Option<RequestId>,
    /// The negotiated revision.
    version: Option<ProtocolVersion>,
    grace: Option<Pin<Box<Sleep>>>,
    /// Why the server has ended.
    failure: Option<Error>,
}

struct Open {
    abort: AbortHandle,
    /// Whether only the client ends the exchange.
    is_endless: bool,
}

impl<S: Serve, R: AsyncRead + Unpin, W: AsyncWrite + Unpin> Lines<S, R, W> {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        for _ in 0..MAX_ROUNDS {
            self.poll_write(cx)?;
            let worked = self.poll_running(cx);
            let sent = self.poll_one_way(cx);
            let told = self.poll_inbound(cx);
            let read = self.poll_read(cx)?;
            if worked || sent || told || read {
                continue;
            }
            let is_idle = self.open.is_empty() && self.sending.is_none() && self.flushed;
            let is_done = self.reader.is_none() && is_idle;
            let is_late =
                self.grace.as_mut().is_some_and(|grace| grace.as_mut().poll(cx).is_ready());
            return match is_done || is_late {
                true => Poll::Ready(match self.failure.take() {
                    Some(error) => Err(io::Error::other(error)),
                    None => Ok(()),
                }),
                false => Poll::Pending,
            };
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Writes as much as the client reads.
    fn poll_write(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        while self.written < self.out.len() {
            match Pin::new(&mut self.writer).poll_write(cx, &self.out[self.written..]) {
                Poll::Ready(Ok(0)) => return Err(io::ErrorKind::WriteZero.into()),
                Poll::Ready(written) => self.written += written?,
                Poll::Pending => return Ok(()),
            }
        }
        self.written = 0;
        self.out.clear();
        // Releases the memory of a large message.
        self.out.shrink_to(MAX_UNWRITTEN);
        if !self.flushed
            && let Poll::Ready(flushed) = Pin::new(&mut self.writer).poll_flush(cx)
        {
            flushed?;
            self.flushed = true;
        }
        Ok(())
    }

    /// Polls the handlers. Returns whether one of them had a message.
    fn poll_running(&mut self, cx: &mut Context<'_>) -> bool {
        let mut worked = false;
        while self.has_room()
            && let Poll::Ready(Some(message)) = self.running.poll_next_unpin(cx)
        {
            if let Message::Response(response) = &message {
                self.answered(response);
            }
            self.push(&message);
            worked = true;
        }
        worked
    }

    fn answered(&mut self, response: &Response) {
        if let Some(id) = &response.id {
            self.open.remove(id);
            if self.initialize.as_ref() == Some(id) {
                self.initialize = None;
                self.version = negotiated_version(response).or(self.version);
            }
        }
    }

    /// Passes notifications and responses to the server, one at a time. Returns whether there was one.
    fn poll_one_way(&mut self, cx: &mut Context<'_>) -> bool {
        let mut worked = false;
        loop {
            if let Some(sending) = &mut self.sending {
                if sending.as_mut().poll(cx).is_pending() {
                    return worked;
                }
                self.sending = None;
            }
            let Some(message) = self.one_way.pop_front() else { return worked };
            let message = Envelope::new(message).with_version(self.version);
            let server = Arc::clone(&self.server);
            self.sending = Some(Box::pin(async move { server.send(message).await }));
            worked = true;
        }
    }

    /// Writes the server's messages outside exchanges. Returns whether there was one.
    fn poll_inbound(&mut self, cx: &mut Context<'_>) -> bool {
        let mut worked = false;
        while self.has_room()
            && let Some(inbound) = &mut self.inbound
            && let Poll::Ready(item) = inbound.poll_next_unpin(cx)
        {
            match item {
                Some(Ok(InboundItem::Message(message))) => self.push(&message),
                // A pipe cannot report a gap.
                Some(Ok(InboundItem::Gap(_))) => {}
                Some(Err(error)) => {
                    self.inbound = None;
                    self.server_ended(error);
                }
                None => self.inbound = None,
            }
            worked = true;
        }
        worked
    }

    /// Handles the received lines. Returns whether there was one.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> io::Result<bool> {
        let mut read = false;
        loop {
            while self.has_room()
                && self.one_way.len() < MAX_ONE_WAY
                && let Some(line) = self.decoder.next_line()
            {
                self.handle_line(line, cx);
                read = true;
            }
            let Some(reader) =
                self.reader.as_mut().filter(|_| self.out.len() - self.written < MAX_UNWRITTEN)
            else {
                return Ok(read);
            };
            if self.one_way.len() >= MAX_ONE_WAY {
                return Ok(read);
            }
            let mut chunk = ReadBuf::new(&mut self.chunk);
            let Poll::Ready(result) = Pin::new(reader).poll_read(cx, &mut chunk) else {
                return Ok(read);
            };
            result?;
            let is_end = chunk.filled().is_empty();
            self.decoder.buffer_mut().extend_from_slice(chunk.filled());
            if is_end {
                self.reader = None;
                if let Some(line) = self.decoder.finish() {
                    self.handle_line(line, cx);
                }
                self.end();
            }
            // Responses are written before more input is read.
            if !self.out.is_empty() || is_end {
                return Ok(true);
            }
        }
    }

    /// A session of the legacy era ends with its server, as if the client had connected to it directly.
    fn server_ended(&mut self, error: Error) {
        if self.version.is_some_and(|version| version.era() == Era::Legacy) {
            self.reader = None;
            self.failure = Some(error);
            self.end();
        }
    }

    /// Ends the exchanges that only the client could end, since it has closed its side.
    fn end(&mut self) {
        self.open.retain(|_, open| {
            if open.is_endless {
                open.abort.abort();
            }
            !open.is_endless
        });
        self.grace = Some(Box::pin(tokio::time::sleep(GRACE_PERIOD)));
    }

    fn handle_line(&mut self, line: Line, cx: &mut Context<'_>) {
        match line {
            Line::Complete(frame) => self.handle_frame(frame, cx),
            Line::TooLong(line) => self.refuse_too_long(&line),
            _ => {}
        }
    }

    fn handle_frame(&mut self, frame: Bytes, cx: &mut Context<'_>) {
        match Message::parse(frame.clone()) {
            Ok(message) => self.handle(message, cx),
            // Spec: 2025-03-26 basic/index#batching
            Err(ParseError { kind: ParseErrorKind::Batch, .. })
                if self.version == Some(ProtocolVersion::V2025_03_26) =>
            {
                match mcp_core::parse_batch(frame) {
                    Ok(messages) => messages.into_iter().for_each(|it| self.handle(it, cx)),
                    Err(error) => self.refuse(error.id.clone(), not_a_message(&error)),
                }
            }
            Err(error) => self.refuse(error.id.clone(), not_a_message(&error)),
        }
    }

    fn handle(&mut self, message: Message, cx: &mut Context<'_>) {
        match message {
            Message::Request(request) => self.begin(request, cx),
            Message::Notification(notification) => match cancelled(&notification) {
                Some(id) => {
                    if let Some(open) = self.open.remove(&id) {
                        open.abort.abort();
                    }
                }
                None => self.one_way.push_back(notification.into()),
            },
            Message::Response(response) => self.one_way.push_back(response.into()),
        }
    }

    fn begin(&mut self, request: Request, cx: &mut Context<'_>) {
        let id = request.id.clone();
        if self.open.contains_key(&id) {
            // With the id, it would look like the response to the open request.
            let text = format!("the id {id} is in flight already");
            return self.refuse(None, ErrorObject::new(error_code::INVALID_REQUEST, text));
        }
        if self.open.len() >= MAX_OPEN {
            return self.refuse(Some(id), internal("too many requests are open"));
        }
        if request.method == method::INITIALIZE {
            self.initialize = Some(id.clone());
        }
        let version = modern_version(&request).or(self.version);
        let request = Envelope::new(request).with_version(version);
        let is_endless = request.is_long_lived;
        let mut work = Work::new(&self.server, request);
        // A request that completes at once needs no entry.
        while self.has_room()
            && let Poll::Ready(Some(message)) = work.poll_next_unpin(cx)
        {
            self.push(&message);
            if let Message::Response(response) = &message {
                return self.answered(response);
            }
        }
        let (abort, registration) = AbortHandle::new_pair();
        self.open.insert(id, Open { abort, is_endless });
        self.running.push(Abortable::new(work, registration));
    }

    /// Spec: basic/transports/stdio. The limit is defined by this server.
    fn refuse_too_long(&mut self, line: &TooLong) {
        let hint = line.hint();
        if hint.is_call && hint.id.is_none() {
            return;
        }
        let (length, limit) = (line.length, self.limit);
        let text = format!("a message of {length} bytes exceeds the limit of {limit} bytes");
        self.refuse(hint.id, ErrorObject::new(error_code::INVALID_REQUEST, text));
    }

    fn refuse(&mut self, id: Option<RequestId>, error: ErrorObject) {
        self.push(&Response::error(id, error).into());
    }

    fn push(&mut self, message: &Message) {
        message.encode(&mut self.out);
        self.out.push(b'\n');
        self.flushed = false;
    }

    fn has_room(&self) -> bool {
        self.out.len() - self.written < MAX_UNWRITTEN
    }
}

fn not_a_message(error: &ParseError) -> ErrorObject {
    let code = match &error.kind {
        ParseErrorKind::Json(json) if !json.is_data() => error_code::PARSE_ERROR,
        _ => error_code::INVALID_REQUEST,
    };
    ErrorObject::new(code, error.to_string())
}

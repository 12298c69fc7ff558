//! Response bodies: events that are split into chunks, delayed, and cut off at any byte.

use std::{
    error::Error,
    fmt,
    future::{pending, poll_fn},
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http_body::Frame;
use serde_json::Value;
use tokio::{
    sync::{mpsc, watch},
    time::{sleep, timeout},
};

use crate::{log::Log, world::World};

/// Interval of comments on an idle stream.
const PING: Duration = Duration::from_secs(20);

/// The connection broke.
#[derive(Debug)]
pub(crate) struct Broken;

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the simulated connection broke")
    }
}

impl Error for Broken {}

/// The body of a response.
pub(crate) struct Body(Option<mpsc::Receiver<Result<Bytes, Broken>>>);

/// The content of an event stream.
pub(crate) struct Stream {
    pub(crate) log: Log,
    /// The index of the first message to send.
    pub(crate) from: usize,
    /// The number in its event ids; `None` without ids.
    pub(crate) number: Option<u64>,
    /// An event before the messages.
    pub(crate) first: Option<String>,
    /// Whether the stream may last without limit, so that its silence must not hide a loss.
    pub(crate) is_long_lived: bool,
    /// Called when the client or the connection has ended.
    pub(crate) when_gone: Box<dyn Fn() + Send>,
}

/// How a body ends early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cut {
    /// With an error.
    Break,
    /// As if it were complete.
    End,
    /// It stalls: no more data arrives.
    Stall,
}

struct Writer {
    world: World,
    sender: mpsc::Sender<Result<Bytes, Broken>>,
    /// After this many bytes.
    cut: Option<(usize, Cut)>,
}

/// The body has ended.
struct Over;

impl Body {
    pub(crate) fn empty() -> Self {
        Self(None)
    }

    /// A body with a length: an early end is an error.
    pub(crate) fn json(world: &World, message: &Value) -> Self {
        let bytes = message.to_string().into_bytes();
        let (mut writer, body) = Writer::new(world, false);
        if let Some((_, cut @ Cut::End)) = &mut writer.cut {
            *cut = Cut::Break;
        }
        let sender = writer.sender.clone();
        let writing = async move { writer.write(&bytes).await };
        world.spawn(unless_broken(world.breaks(), sender, writing));
        body
    }

    /// An event stream.
    pub(crate) fn events(world: &World, stream: Stream) -> Self {
        let (writer, body) = Writer::new(world, stream.is_long_lived);
        let sender = writer.sender.clone();
        let running = unless_broken(world.breaks(), sender, writer.write_events(stream));
        world.spawn(running);
        body
    }
}

/// Ends the body with an error when the connections break, and without one when the client disconnects.
async fn unless_broken(
    mut breaks: watch::Receiver<u64>,
    sender: mpsc::Sender<Result<Bytes, Broken>>,
    writing: impl Future<Output = Result<(), Over>>,
) {
    tokio::select! {
        biased;
        () = sender.closed() => {}
        _ = breaks.changed() => drop(sender.send(Err(Broken)).await),
        _ = writing => {}
    }
}

impl Writer {
    fn new(world: &World, is_long_lived: bool) -> (Self, Body) {
        let (sender, receiver) = mpsc::channel(1);
        let cut = world.fails("a body is cut").then(|| {
            world.random(|random| {
                let cuts = [Cut::Break, Cut::End, Cut::Stall];
                let cuts = if is_long_lived { &cuts[..2] } else { &cuts };
                (random.between(0, 700) as usize, random.pick(cuts))
            })
        });
        (Self { world: world.clone(), sender, cut }, Body(Some(receiver)))
    }

    async fn write_events(mut self, stream: Stream) -> Result<(), Over> {
        let Stream { log, from, number, first, .. } = &stream;
        if let Some(first) = first {
            self.write_event(first).await?;
        }
        if let Some(number) = number {
            // Makes the stream resumable before its first message.
            self.write_event(&format!("id: {number}-{from}\ndata:\n\n")).await?;
        }
        for index in *from.. {
            let message = loop {
                match timeout(PING, log.get(index)).await {
                    Ok(message) => break message,
                    Err(_) => self.write_event(": ping\n\n").await?,
                }
            };
            let Some(message) = message else { break };
            let id = number.map_or(String::new(), |number| format!("id: {number}-{}\n", index + 1));
            self.write_event(&format!("{id}event: message\ndata: {message}\n\n")).await?;
        }
        Ok(())
    }

    async fn write_event(&mut self, event: &str) -> Result<(), Over> {
        match self.world.plan().has_crlf {
            true => self.write(event.replace('\n', "\r\n").as_bytes()).await,
            false => self.write(event.as_bytes()).await,
        }
    }

    /// Writes bytes in chunks, up to the early end of the body.
    async fn write(&mut self, mut bytes: &[u8]) -> Result<(), Over> {
        while !bytes.is_empty() {
            if let Some((0, cut)) = self.cut {
                match cut {
                    Cut::Break => _ = self.sender.send(Err(Broken)).await,
                    Cut::End => {}
                    Cut::Stall => pending().await,
                }
                return Err(Over);
            }
            let (size, delay) = self.world.random(|random| {
                let size = random.between(1, 200) as usize;
                (size, random.chance(30).then(|| random.millis(1, 40)))
            });
            let left = self.cut.map_or(usize::MAX, |(left, _)| left);
            let (chunk, rest) = bytes.split_at(size.min(left).min(bytes.len()));
            if let Some((left, _)) = &mut self.cut {
                *left -= chunk.len();
            }
            bytes = rest;
            if let Some(delay) = delay {
                sleep(delay).await;
            }
            self.sender.send(Ok(Bytes::copy_from_slice(chunk))).await.map_err(|_| Over)?;
        }
        Ok(())
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        (self.when_gone)();
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        match &mut self.0 {
            Some(receiver) => receiver.poll_recv(cx).map(|item| item.map(|it| it.map(Frame::data))),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_none()
    }
}

/// The next frame of a body.
pub(crate) async fn next<B>(body: &mut B) -> Option<Result<Frame<B::Data>, B::Error>>
where
    B: http_body::Body + Unpin,
{
    poll_fn(|cx| Pin::new(&mut *body).poll_frame(cx)).await
}

/// The bytes of a request body.
pub(crate) async fn collect(mut body: mcp_http::Body) -> Vec<u8> {
    let mut bytes = Vec::new();
    while let Some(Ok(frame)) = next(&mut body).await {
        bytes.extend(frame.into_data().unwrap_or_default());
    }
    bytes
}

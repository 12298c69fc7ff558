use std::{collections::HashMap, io};

use futures_util::{Sink, SinkExt, Stream, StreamExt};
use mcp_core::{Message, Notification, RequestId, method};
use mcp_transport::{
    Envelope, Serve,
    framing::{Line, LineDecoder},
};
use serde::Deserialize;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    sync::mpsc,
    task::{AbortHandle, JoinSet},
};

use super::ContractPeer;

/// Runs a new [`ContractPeer`] over newline-delimited JSON until `reader` ends.
///
/// # Errors
/// If the streams fail.
pub async fn contract_peer_lines<R, W>(mut reader: R, mut writer: W) -> io::Result<()>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let (mut exchanges, mut answers) = Exchanges::new();
    let read = async move {
        let mut decoder = LineDecoder::new(256 << 20);
        while reader.read_buf(decoder.buffer_mut()).await? > 0 {
            while let Some(line) = decoder.next_line() {
                exchanges.receive_line(line).await;
            }
        }
        if let Some(line) = decoder.finish() {
            exchanges.receive_line(line).await;
        }
        Ok(())
    };
    let write = async move {
        let mut line = Vec::new();
        while let Some(message) = answers.recv().await {
            line.clear();
            message.encode(&mut line);
            line.push(b'\n');
            writer.write_all(&line).await?;
            if answers.is_empty() {
                writer.flush().await?;
            }
        }
        writer.shutdown().await
    };
    let (read, written): (io::Result<()>, io::Result<()>) = tokio::join!(read, write);
    read.and(written)
}

/// Runs a new [`ContractPeer`] over a stream and a sink of messages until `stream` ends.
///
/// # Errors
/// If the sink fails.
pub async fn contract_peer_messages<Si, St>(mut sink: Si, mut stream: St) -> Result<(), Si::Error>
where
    Si: Sink<Message> + Unpin,
    St: Stream<Item = Message> + Unpin,
{
    let (mut exchanges, mut answers) = Exchanges::new();
    let read = async move {
        while let Some(message) = stream.next().await {
            exchanges.receive(message).await;
        }
    };
    let write = async move {
        while let Some(message) = answers.recv().await {
            sink.send(message).await?;
        }
        sink.close().await
    };
    tokio::join!(read, write).1
}

/// The read half. It never waits for the write half: each exchange has a task that waits for it.
pub(super) struct Exchanges {
    peer: ContractPeer,
    out: mpsc::Sender<Message>,
    /// The tasks of the exchanges. Dropping it aborts them.
    tasks: JoinSet<()>,
    open: HashMap<RequestId, AbortHandle>,
}

impl Exchanges {
    pub(super) fn new() -> (Self, mpsc::Receiver<Message>) {
        let (out, answers) = mpsc::channel(64);
        let peer = ContractPeer::new();
        (Self { peer, out, tasks: JoinSet::new(), open: HashMap::new() }, answers)
    }

    async fn receive_line(&mut self, line: Line) {
        match line {
            Line::Complete(frame) => match Message::parse(frame) {
                Ok(message) => self.receive(message).await,
                Err(_) => self.count_junk(),
            },
            _ => self.count_junk(),
        }
    }

    /// Counts a frame that is not a message.
    pub(super) fn count_junk(&self) {
        self.peer.received().junk += 1;
    }

    pub(super) async fn receive(&mut self, message: Message) {
        while self.tasks.try_join_next().is_some() {}
        match message {
            Message::Request(request) => {
                let (id, out) = (request.id.clone(), self.out.clone());
                // Opened before the task is spawned, so that an immediate cancellation finds it.
                let mut exchange = self.peer.request(Envelope::new(request)).await;
                let task = self.tasks.spawn(async move {
                    while let Some(Ok(message)) = exchange.next().await {
                        if out.send(message).await.is_err() {
                            return;
                        }
                    }
                });
                self.open.insert(id, task);
            }
            Message::Notification(notification) => match cancelled(&notification) {
                Some(id) => {
                    if let Some(task) = self.open.remove(&id) {
                        task.abort();
                    }
                }
                None => self.peer.send(Envelope::new(notification.into())).await,
            },
            Message::Response(response) => self.peer.send(Envelope::new(response.into())).await,
        }
    }
}

fn cancelled(notification: &Notification) -> Option<RequestId> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Params {
        request_id: RequestId,
    }
    let params = notification.params.as_ref()?;
    (notification.method == method::NOTIFICATIONS_CANCELLED)
        .then(|| params.decode::<Params>().ok().map(|params| params.request_id))?
}

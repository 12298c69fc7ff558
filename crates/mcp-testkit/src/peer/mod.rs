//! The server of the contract tests, and its transports.

pub(crate) mod http;
mod sse;
mod streams;

use std::{
    collections::HashSet,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
};

use futures_util::{Stream, stream};
use mcp_core::{
    ErrorObject, Message, Notification, RawJson, Request, RequestId, Response, error_code, method,
};
use mcp_transport::{Envelope, Error, Exchange, OneWay, Serve};
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

pub use self::{
    http::{HttpPeer, contract_peer_http},
    sse::{SsePeer, contract_peer_sse},
    streams::{contract_peer_lines, contract_peer_messages},
};

/// The server of the contract tests. Clones share its state.
///
/// | method | behaviour |
/// |---|---|
/// | `contract/echo` | returns its parameters unchanged |
/// | `contract/error` | returns its parameters as the error |
/// | `contract/stream {count}` | sends `count` progress notifications, then responds |
/// | `contract/late {until}` | responds after a `contract/release` with the same word |
/// | `contract/release {until}` | responds immediately |
/// | `contract/silent` | never responds, and records its cancellation |
/// | `contract/received` | returns the recorded `messages`, `cancelled` requests and the count of `junk` (frames that are not messages) |
#[derive(Debug, Clone, Default)]
pub struct ContractPeer(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    received: Mutex<Received>,
    released: Mutex<HashSet<String>>,
    release: Notify,
}

/// The messages that a [`ContractPeer`] has received.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Received {
    /// The methods and parameters of the one-way messages, in order.
    pub(crate) messages: Vec<(String, serde_json::Value)>,
    /// The silent requests that were cancelled.
    pub(crate) cancelled: Vec<RequestId>,
    /// The number of frames that were not messages.
    pub(crate) junk: usize,
}

impl ContractPeer {
    /// Creates a peer without recorded messages.
    pub fn new() -> Self {
        Self::default()
    }

    fn received(&self) -> MutexGuard<'_, Received> {
        self.0.received.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn released(&self) -> MutexGuard<'_, HashSet<String>> {
        self.0.released.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn wait_for(&self, word: &str) {
        loop {
            let mut release = std::pin::pin!(self.0.release.notified());
            release.as_mut().enable();
            if self.released().contains(word) {
                return;
            }
            release.await;
        }
    }

    fn begin(&self, request: &Request) -> Result<Exchange, ErrorObject> {
        let id = request.id.clone();
        let result = match &*request.method {
            "contract/echo" => request.params.clone().unwrap_or(RawJson::trusted("{}")),
            "contract/error" => return Err(decode::<WireError>(request)?.into()),
            "contract/stream" => {
                let Streamed { count, meta } = decode(request)?;
                let last = Response::result(id.clone(), RawJson::trusted("{}")).into();
                let messages = (0..count).map(move |step| meta.progress(step)).chain([last]);
                return Ok(Exchange::from_stream(id, stream::iter(messages.map(Ok))));
            }
            "contract/late" => {
                let Until { until } = decode(request)?;
                let last = Response::result(id.clone(), RawJson::trusted("{}")).into();
                let peer = self.clone();
                let answer = async move {
                    peer.wait_for(&until).await;
                    Ok(last)
                };
                return Ok(Exchange::from_stream(id, stream::once(answer)));
            }
            "contract/release" => {
                self.released().insert(decode::<Until>(request)?.until);
                self.0.release.notify_waiters();
                RawJson::trusted("{}")
            }
            "contract/silent" => {
                let silent = Silent { peer: self.clone(), id: id.clone() };
                return Ok(Exchange::from_stream(id, silent));
            }
            "contract/received" => json(&*self.received()),
            method => {
                let text = format!("unknown method {method}");
                return Err(ErrorObject::new(error_code::METHOD_NOT_FOUND, text));
            }
        };
        Ok(Exchange::answered(id.clone(), Response::result(id, result)))
    }
}

impl Serve for ContractPeer {
    async fn request(&self, request: Envelope<Request>) -> Exchange {
        let id = request.message.id.clone();
        self.begin(&request.message).unwrap_or_else(|error| {
            Exchange::answered(id.clone(), Response::error(Some(id), error))
        })
    }

    async fn send(&self, message: Envelope<OneWay>) {
        let OneWay::Notification(notification) = message.message else { return };
        let params = notification.params.and_then(|params| params.decode().ok());
        let params = params.unwrap_or(serde_json::Value::Null);
        self.received().messages.push((notification.method.into_owned(), params));
    }

    fn name(&self) -> String {
        "contract peer".to_owned()
    }
}

/// An exchange without messages. Dropping it records a cancellation.
struct Silent {
    peer: ContractPeer,
    id: RequestId,
}

impl Stream for Silent {
    type Item = Result<Message, Error>;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Pending
    }
}

impl Drop for Silent {
    fn drop(&mut self) {
        self.peer.received().cancelled.push(self.id.clone());
    }
}

#[derive(Deserialize)]
struct Until {
    until: String,
}

#[derive(Deserialize)]
struct Streamed {
    count: u64,
    #[serde(rename = "_meta")]
    meta: Meta,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Meta {
    progress_token: RequestId,
}

impl Meta {
    fn progress(&self, step: u64) -> Message {
        let params = serde_json::json!({ "progressToken": self.progress_token, "progress": step });
        Notification::new(method::NOTIFICATIONS_PROGRESS).with_params(json(&params)).into()
    }
}

#[derive(Deserialize)]
struct WireError {
    code: i64,
    message: String,
    data: RawJson,
}

impl From<WireError> for ErrorObject {
    fn from(error: WireError) -> Self {
        ErrorObject::new(error.code, error.message).with_data(error.data)
    }
}

fn decode<'a, T: Deserialize<'a>>(request: &'a Request) -> Result<T, ErrorObject> {
    let invalid = |text: String| ErrorObject::new(error_code::INVALID_PARAMS, text);
    let params = request.params.as_ref().ok_or_else(|| invalid("no parameters".to_owned()))?;
    params.decode().map_err(|error| invalid(error.to_string()))
}

fn json(value: &impl Serialize) -> RawJson {
    RawJson::from_serialize(value).expect("these values are JSON")
}

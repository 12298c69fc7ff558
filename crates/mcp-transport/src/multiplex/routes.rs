//! The routing table of a shared pipe, without I/O: assigns each received message to an exchange and queues
//! it there.

use std::{
    collections::{HashMap, VecDeque},
    hash::BuildHasherDefault,
    sync::LazyLock,
    task::{Context, Poll, Waker},
};

use mcp_core::{Message, Notification, Request, RequestId, Response, error_code, method};
use memchr::memmem;
use serde::Deserialize;

use super::IdHasher;
use crate::{
    Delivery, Error, ErrorKind, Limits,
    mailbox::{Bounds, Mailbox, Pushed},
};

/// The number of cancelled requests whose ids are stored.
const MAX_CANCELLED: usize = 64;

pub(super) struct Routes {
    open: HashMap<RequestId, Slot, BuildHasherDefault<IdHasher>>,
    /// Progress tokens of open requests.
    tokens: HashMap<RequestId, RequestId>,
    /// The number of open subscriptions.
    subscriptions: usize,
    /// The request for whose reader the driver pauses.
    paused: Option<RequestId>,
    /// The ids of the last cancelled requests. Late responses to them are expected.
    cancelled: VecDeque<RequestId>,
    /// The number of responses to no open request, and the id of the last one.
    unmatched: (u64, Option<RequestId>),
    ended: Option<Error>,
    bounds: Bounds,
}

struct Slot {
    mailbox: Mailbox<Message>,
    end: Option<Result<Response, Error>>,
    waker: Option<Waker>,
    token: Option<RequestId>,
    purpose: Purpose,
    /// Whether the reader validates the result.
    skips_validation: bool,
    /// The offset of the request in the outgoing stream; `None` if it was sent outside the pipe.
    offset: Option<u64>,
}

/// How a route is opened.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct RouteOptions {
    pub(super) is_long_lived: bool,
    /// Whether the reader validates the result.
    pub(super) skips_validation: bool,
    /// The position of the request in the outgoing stream, or `None` if it is sent outside the pipe.
    pub(super) offset: Option<u64>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Call,
    /// `initialize` and `server/discover`. `initialize` must not be cancelled, and a legacy server may exit
    /// on a cancelled probe.
    Opening,
    /// A long-lived exchange, such as `subscriptions/listen`.
    Subscription,
}

/// The destination of a message.
pub(super) enum Routed {
    /// Queued for an exchange. `wake` is its reader; `busy` is its id if the reader has a backlog.
    Exchange { wake: Option<Waker>, busy: Option<RequestId> },
    /// Outside any exchange.
    Inbound(Message),
    /// Discarded: the exchange or the connection has ended.
    Discarded,
}

impl Routes {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            open: HashMap::default(),
            tokens: HashMap::new(),
            subscriptions: 0,
            paused: None,
            cancelled: VecDeque::new(),
            unmatched: (0, None),
            ended: None,
            bounds: Bounds { messages: limits.exchange, bytes: limits.waiting },
        }
    }

    /// The reason why the connection ended.
    pub(super) fn ended(&self) -> Option<&Error> {
        self.ended.as_ref()
    }

    /// The error of new messages if the connection has ended.
    pub(super) fn refusal(&self) -> Option<Error> {
        self.ended.clone().map(|error| error.with_delivery(Delivery::NotSent))
    }

    /// Opens a route for a request.
    pub(super) fn open(&mut self, request: &Request, options: RouteOptions) -> Result<(), Error> {
        let RouteOptions { is_long_lived, skips_validation, offset } = options;
        if self.open.contains_key(&request.id) {
            let message = format!("a request with the id {} is already in flight", request.id);
            return Err(
                Error::new(ErrorKind::InvalidRequest, message).with_delivery(Delivery::NotSent)
            );
        }
        let purpose = match &*request.method {
            method::INITIALIZE | method::SERVER_DISCOVER => Purpose::Opening,
            _ if is_long_lived => Purpose::Subscription,
            _ => Purpose::Call,
        };
        let token = request.params.as_ref().and_then(|params| progress_token(params.as_bytes()));
        if let Some(token) = &token {
            // A token that is already in use stays with the earlier request.
            self.tokens.entry(token.clone()).or_insert_with(|| request.id.clone());
        }
        self.subscriptions += usize::from(purpose == Purpose::Subscription);
        self.open.insert(
            request.id.clone(),
            Slot {
                mailbox: Mailbox::new(self.bounds),
                end: None,
                waker: None,
                token,
                purpose,
                skips_validation,
                offset,
            },
        );
        Ok(())
    }

    /// Whether one call is open, apart from subscriptions.
    pub(super) fn has_one_call(&self) -> bool {
        self.open.len() - self.subscriptions == 1
    }

    /// Whether the reader of an open request validates its result.
    pub(super) fn skips_validation(&self, id: &RequestId) -> bool {
        self.open.get(id).is_some_and(|slot| slot.skips_validation)
    }

    /// Polls the route of an open request. A terminal item closes it.
    pub(super) fn poll(
        &mut self,
        id: &RequestId,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Message, Error>>> {
        let Some(slot) = self.open.get_mut(id) else { return Poll::Ready(None) };
        if let Some(message) = slot.mailbox.pop() {
            return Poll::Ready(Some(Ok(message)));
        }
        match slot.end.take() {
            Some(end) => {
                // An exchange that ended locally is still open at the server: `close` cancels it.
                if !ended_locally(&end) {
                    self.remove(id);
                }
                Poll::Ready(Some(end.map(Message::Response)))
            }
            None => {
                if !slot.waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
                    slot.waker = Some(cx.waker().clone());
                }
                Poll::Pending
            }
        }
    }

    /// The bytes queued for the reader of an exchange.
    #[cfg(test)]
    pub(super) fn waiting_bytes(&self, id: &RequestId) -> usize {
        self.open.get(id).map_or(0, |slot| slot.mailbox.bytes())
    }

    /// Closes the route of a request. Returns the notification that cancels it, if the server still works
    /// on it.
    pub(super) fn close(&mut self, id: &RequestId) -> Option<Notification> {
        let slot = self.remove(id)?;
        if slot.end.is_some_and(|end| !ended_locally(&end)) {
            return None;
        }
        if self.cancelled.len() == MAX_CANCELLED {
            self.cancelled.pop_front();
        }
        self.cancelled.push_back(id.clone());
        if slot.purpose == Purpose::Opening || self.ended.is_some() {
            return None;
        }
        let params = serde_json::json!({ "requestId": id });
        let params = mcp_core::RawJson::from_serialize(&params).ok()?;
        Some(Notification::new(method::NOTIFICATIONS_CANCELLED).with_params(params))
    }

    fn remove(&mut self, id: &RequestId) -> Option<Slot> {
        let slot = self.open.remove(id)?;
        if let Some(token) = &slot.token
            && self.tokens.get(token) == Some(id)
        {
            self.tokens.remove(token);
        }
        self.subscriptions -= usize::from(slot.purpose == Purpose::Subscription);
        Some(slot)
    }

    /// Determines the destination of a received message, and queues it if that is an exchange.
    pub(super) fn deliver(&mut self, message: Message) -> Routed {
        if self.ended.is_some() {
            return Routed::Discarded;
        }
        let (id, end) = match &message {
            Message::Response(response) => match &response.id {
                Some(id) => match resolve_key(&self.open, id) {
                    Some(key) => (Some(key), None),
                    None => {
                        self.record_unmatched(id);
                        return Routed::Discarded;
                    }
                },
                None => (self.only_open_request(response), None),
            },
            Message::Notification(notification) => self.owner(notification),
            Message::Request(_) => (None, None),
        };
        let Some((id, slot)) = id.and_then(|id| self.open.get_mut(&id).map(|slot| (id, slot)))
        else {
            return Routed::Inbound(message);
        };
        // Messages after the end of an exchange are dropped, such as a second response.
        if slot.end.is_some() {
            return Routed::Discarded;
        }
        match message {
            Message::Response(response) => slot.end = Some(Ok(response)),
            message => match slot.mailbox.push(message) {
                Pushed::Queued | Pushed::Shed(_) => slot.end = end.map(Err),
                Pushed::Full(_) => {
                    let Bounds { messages, bytes } = self.bounds;
                    let text = format!(
                        "the reader is too slow: more than {messages} messages or {bytes} bytes are \
                         unread"
                    );
                    let error = Error::new(ErrorKind::Lagged, text);
                    slot.end = Some(Err(error.with_delivery(Delivery::Answered)));
                }
            },
        }
        let busy = slot.mailbox.wants_pause().then_some(id);
        Routed::Exchange { wake: slot.waker.take(), busy }
    }

    /// Whether to pause for the reader of an exchange. The pause lasts until [`resumes`](Self::resumes)
    /// returns true.
    pub(super) fn wants_pause(&mut self, id: &RequestId) -> bool {
        let wants_pause = self.open.get(id).is_some_and(|slot| slot.mailbox.wants_pause());
        self.paused = wants_pause.then(|| id.clone());
        wants_pause
    }

    /// Records the end of a pause for the reader of an exchange.
    pub(super) fn paused(&mut self, id: &RequestId) {
        self.paused = None;
        if let Some(slot) = self.open.get_mut(id) {
            slot.mailbox.paused();
        }
    }

    /// Whether the paused driver can continue, since the reader has caught up.
    pub(super) fn resumes(&self) -> bool {
        self.paused
            .as_ref()
            .is_some_and(|id| self.open.get(id).is_none_or(|slot| !slot.mailbox.wants_pause()))
    }

    /// The number of responses to no open request, and the id of the last one.
    pub(super) fn unmatched(&self) -> (u64, Option<RequestId>) {
        self.unmatched.clone()
    }

    fn record_unmatched(&mut self, id: &RequestId) {
        if !self.cancelled.contains(id) {
            self.unmatched = (self.unmatched.0 + 1, Some(id.clone()));
        }
    }

    /// Ends one exchange with an error. Returns whether it is open.
    pub(super) fn fail(&mut self, id: &RequestId, error: Error, wakers: &mut Vec<Waker>) -> bool {
        let Some(slot) = resolve_key(&self.open, id).and_then(|id| self.open.get_mut(&id)) else {
            return false;
        };
        slot.end.get_or_insert(Err(error));
        wakers.extend(slot.waker.take());
        true
    }

    /// Ends every open exchange with an error. The connection stays open.
    pub(super) fn fail_open(&mut self, error: &Error, wakers: &mut Vec<Waker>) {
        for slot in self.open.values_mut() {
            slot.end.get_or_insert_with(|| Err(error.clone()));
            wakers.extend(slot.waker.take());
        }
    }

    /// Ends the connection. `written` is the number of bytes of the outgoing stream that were written.
    pub(super) fn end(&mut self, error: &Error, written: u64, wakers: &mut Vec<Waker>) {
        if self.ended.is_some() {
            return;
        }
        self.ended = Some(error.clone());
        for slot in self.open.values_mut() {
            let delivery = match slot.offset {
                Some(offset) if written <= offset => Delivery::NotSent,
                _ => Delivery::Unknown,
            };
            slot.end.get_or_insert_with(|| Err(error.clone().with_delivery(delivery)));
            wakers.extend(slot.waker.take());
        }
    }

    /// The open request that a notification belongs to, and the error with which it ends that request.
    fn owner(&self, notification: &Notification) -> (Option<RequestId>, Option<Error>) {
        let Some(params) = &notification.params else { return (None, None) };
        match &*notification.method {
            method::NOTIFICATIONS_PROGRESS if !self.tokens.is_empty() => {
                let token =
                    params.decode::<Progress>().ok().map(|progress| progress.progress_token);
                let token = token.and_then(|token| resolve_key(&self.tokens, &token));
                (token.and_then(|token| self.tokens.get(&token)).cloned(), None)
            }
            // In the legacy era the id is that of a request of the server, which may equal one of ours.
            method::NOTIFICATIONS_CANCELLED if self.subscriptions > 0 => {
                let id = params.decode::<Cancelled>().ok().map(|cancelled| cancelled.request_id);
                let id = id.and_then(|id| resolve_key(&self.open, &id));
                let error = Error::new(ErrorKind::Cancelled, "the server ended the subscription")
                    .with_delivery(Delivery::Answered);
                (id.filter(|id| self.is_subscription(id)), Some(error))
            }
            _ if self.subscriptions > 0 => {
                let id = params.decode::<Tagged>().ok().and_then(|tagged| tagged.meta.subscription);
                let id = id.and_then(|id| resolve_key(&self.open, &id));
                (id.filter(|id| self.is_subscription(id)), None)
            }
            _ => (None, None),
        }
    }

    fn is_subscription(&self, id: &RequestId) -> bool {
        self.open.get(id).is_some_and(|slot| slot.purpose == Purpose::Subscription)
    }

    /// The request that a response without an id belongs to: the only open one, if the server could not
    /// parse it or the connection is still being opened. Any other such response may answer a notification,
    /// which some servers do.
    fn only_open_request(&self, response: &Response) -> Option<RequestId> {
        let (1, Some((id, slot))) = (self.open.len(), self.open.iter().next()) else { return None };
        let is_unparsed =
            |code| matches!(code, error_code::PARSE_ERROR | error_code::INVALID_REQUEST);
        let is_unparsed =
            response.outcome.as_ref().err().is_some_and(|error| is_unparsed(error.code));
        (is_unparsed || slot.purpose == Purpose::Opening).then(|| id.clone())
    }
}

/// Finds the key of an id that the server sent. A number may be echoed as a string.
fn resolve_key<V, S: std::hash::BuildHasher>(
    table: &HashMap<RequestId, V, S>,
    id: &RequestId,
) -> Option<RequestId> {
    if table.contains_key(id) {
        return Some(id.clone());
    }
    id.to_number().filter(|number| table.contains_key(number))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Progress {
    progress_token: RequestId,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Cancelled {
    request_id: RequestId,
}

#[derive(Deserialize)]
struct Tagged {
    #[serde(rename = "_meta")]
    meta: SubscriptionMeta,
}

#[derive(Deserialize)]
struct SubscriptionMeta {
    #[serde(rename = "io.modelcontextprotocol/subscriptionId")]
    subscription: Option<RequestId>,
}

/// The progress token of a request's parameters. They are parsed only if the key occurs in them.
fn progress_token(params: &[u8]) -> Option<RequestId> {
    static KEY: LazyLock<memmem::Finder<'static>> =
        LazyLock::new(|| memmem::Finder::new(b"\"progressToken\""));

    #[derive(Deserialize)]
    struct Params {
        #[serde(rename = "_meta")]
        meta: Meta,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Meta {
        progress_token: RequestId,
    }
    KEY.find(params)?;
    serde_json::from_slice::<Params>(params).ok().map(|params| params.meta.progress_token)
}

/// Whether an exchange ended on the client side only, so that the server still works on it.
fn ended_locally(end: &Result<Response, Error>) -> bool {
    end.as_ref().is_err_and(|error| error.kind() == ErrorKind::Lagged)
}

#[cfg(test)]
#[path = "routes_tests.rs"]
mod tests;

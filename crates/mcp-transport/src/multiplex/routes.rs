//! The routing table of a shared pipe: pure, without I/O. It decides to whom each received message
//! belongs and keeps it there until it is polled for.

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

/// How many cancelled requests are remembered.
const CANCELLED: usize = 64;

pub(super) struct Routes {
    open: HashMap<RequestId, Slot, BuildHasherDefault<IdHasher>>,
    /// Progress tokens of open requests.
    tokens: HashMap<RequestId, RequestId>,
    /// How many open requests are subscriptions.
    subscriptions: usize,
    /// The request whose reader the driver gives time to read.
    paused: Option<RequestId>,
    /// Requests that were cancelled last: late answers to them are no surprise.
    cancelled: VecDeque<RequestId>,
    /// Answers to no open request, and the id of the last of them.
    unmatched: (u64, Option<RequestId>),
    ended: Option<Error>,
    bounds: Bounds,
}

struct Slot {
    mail: Mailbox<Message>,
    end: Option<Result<Response, Error>>,
    waker: Option<Waker>,
    token: Option<RequestId>,
    purpose: Purpose,
    /// Where its line begins in all that was ever written; `None` if it goes another way.
    begins_at: Option<u64>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Call,
    /// `initialize` may not be cancelled, and a server whose era is unknown may die of it.
    Opening,
    /// A long-lived exchange, such as `subscriptions/listen`.
    Subscription,
}

/// To whom a message belongs.
pub(super) enum Routed {
    /// To an exchange, where it waits now. Its reader is to be woken, and given time to read if it is `busy`.
    Exchange { wake: Option<Waker>, busy: Option<RequestId> },
    /// To no exchange.
    Inbound(Message),
    /// To nobody: it is late, or one too many.
    Nobody,
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

    /// Why the connection is over.
    pub(super) fn ended(&self) -> Option<&Error> {
        self.ended.as_ref()
    }

    /// Why the connection is over, as a new message meets it.
    pub(super) fn refusal(&self) -> Option<Error> {
        self.ended.clone().map(|error| error.with_delivery(Delivery::NotSent))
    }

    /// Opens a route for a request that will be written at the offset `begins_at`, or go another way.
    pub(super) fn open(
        &mut self,
        request: &Request,
        is_long_lived: bool,
        begins_at: Option<u64>,
    ) -> Result<(), Error> {
        if self.open.contains_key(&request.id) {
            let message = format!("a request with the id {} is in flight already", request.id);
            return Err(
                Error::new(ErrorKind::InvalidRequest, message).with_delivery(Delivery::NotSent)
            );
        }
        let purpose = match &*request.method {
            method::INITIALIZE | method::SERVER_DISCOVER => Purpose::Opening,
            method::SUBSCRIPTIONS_LISTEN => Purpose::Subscription,
            _ if is_long_lived => Purpose::Subscription,
            _ => Purpose::Call,
        };
        let token = request.params.as_ref().and_then(|params| progress_token(params.as_bytes()));
        if let Some(token) = &token {
            // A token that is in use already stays with the request that came first.
            self.tokens.entry(token.clone()).or_insert_with(|| request.id.clone());
        }
        self.subscriptions += usize::from(purpose == Purpose::Subscription);
        self.open.insert(
            request.id.clone(),
            Slot {
                mail: Mailbox::new(self.bounds),
                end: None,
                waker: None,
                token,
                purpose,
                begins_at,
            },
        );
        Ok(())
    }

    /// Polls the route of an open request; a terminal item closes it.
    pub(super) fn poll(
        &mut self,
        id: &RequestId,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Message, Error>>> {
        let Some(slot) = self.open.get_mut(id) else { return Poll::Ready(None) };
        if let Some(message) = slot.mail.pop() {
            return Poll::Ready(Some(Ok(message)));
        }
        match slot.end.take() {
            Some(end) => {
                // An exchange that was ended here is still open over there: `close` has to cancel it.
                if !ended_here(&end) {
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

    /// The bytes that wait for the reader of an exchange.
    #[cfg(test)]
    pub(super) fn waiting_bytes(&self, id: &RequestId) -> usize {
        self.open.get(id).map_or(0, |slot| slot.mail.bytes())
    }

    /// Closes the route of a request; the notification that cancels it, if the server still works on it.
    pub(super) fn close(&mut self, id: &RequestId) -> Option<Notification> {
        let slot = self.remove(id)?;
        let over = slot.end.is_some_and(|end| !ended_here(&end));
        if over {
            return None;
        }
        if self.cancelled.len() == CANCELLED {
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

    /// Says to whom a received message belongs, and keeps it for an exchange.
    pub(super) fn deliver(&mut self, message: Message) -> Routed {
        if self.ended.is_some() {
            return Routed::Nobody;
        }
        let (id, end) = match &message {
            Message::Response(response) => match &response.id {
                Some(id) => match known(&self.open, id) {
                    Some(known) => (Some(known), None),
                    None => {
                        self.note_unmatched(id);
                        return Routed::Nobody;
                    }
                },
                None => (self.only_open(response), None),
            },
            Message::Notification(notification) => self.owner(notification),
            Message::Request(_) => (None, None),
        };
        let Some((id, slot)) = id.and_then(|id| self.open.get_mut(&id).map(|slot| (id, slot)))
        else {
            return Routed::Inbound(message);
        };
        // After the end of an exchange nothing more belongs to it: a second answer is dropped.
        if slot.end.is_some() {
            return Routed::Nobody;
        }
        match message {
            Message::Response(response) => slot.end = Some(Ok(response)),
            message => match slot.mail.push(message) {
                Pushed::Queued | Pushed::Shed(_) => slot.end = end.map(Err),
                Pushed::Full(_) => {
                    let Bounds { messages, bytes } = self.bounds;
                    let text =
                        format!("more than {messages} messages or {bytes} bytes waited to be read");
                    let error = Error::new(ErrorKind::Lagged, text);
                    slot.end = Some(Err(error.with_delivery(Delivery::Answered)));
                }
            },
        }
        let busy = slot.mail.wants_pause().then_some(id);
        Routed::Exchange { wake: slot.waker.take(), busy }
    }

    /// Whether the reader of an exchange, for which much waits, should be given more time. It is given some
    /// until [`resumes`](Self::resumes) says so.
    pub(super) fn wants_pause(&mut self, id: &RequestId) -> bool {
        let wants_pause = self.open.get(id).is_some_and(|slot| slot.mail.wants_pause());
        self.paused = wants_pause.then(|| id.clone());
        wants_pause
    }

    /// The reader of an exchange was given time.
    pub(super) fn paused(&mut self, id: &RequestId) {
        self.paused = None;
        if let Some(slot) = self.open.get_mut(id) {
            slot.mail.paused();
        }
    }

    /// Whether the driver, which has given a reader time, can go on.
    pub(super) fn resumes(&self) -> bool {
        self.paused
            .as_ref()
            .is_some_and(|id| self.open.get(id).is_none_or(|slot| !slot.mail.wants_pause()))
    }

    /// Answers to no open request, and the id of the last of them.
    pub(super) fn unmatched(&self) -> (u64, Option<RequestId>) {
        self.unmatched.clone()
    }

    fn note_unmatched(&mut self, id: &RequestId) {
        if !self.cancelled.contains(id) {
            self.unmatched = (self.unmatched.0 + 1, Some(id.clone()));
        }
    }

    /// Ends one exchange with an error, if it is open.
    pub(super) fn fail(&mut self, id: &RequestId, error: Error, wakers: &mut Vec<Waker>) -> bool {
        let Some(slot) = known(&self.open, id).and_then(|id| self.open.get_mut(&id)) else {
            return false;
        };
        slot.end.get_or_insert(Err(error));
        wakers.extend(slot.waker.take());
        true
    }

    /// Ends every open exchange with an error, and goes on.
    pub(super) fn fail_open(&mut self, error: &Error, wakers: &mut Vec<Waker>) {
        for slot in self.open.values_mut() {
            slot.end.get_or_insert_with(|| Err(error.clone()));
            wakers.extend(slot.waker.take());
        }
    }

    /// Ends the connection. `written` bytes of all that was queued have reached the peer.
    pub(super) fn end(&mut self, error: &Error, written: u64, wakers: &mut Vec<Waker>) {
        if self.ended.is_some() {
            return;
        }
        self.ended = Some(error.clone());
        for slot in self.open.values_mut() {
            let delivery = match slot.begins_at {
                Some(begins_at) if written <= begins_at => Delivery::NotSent,
                _ => Delivery::Unknown,
            };
            slot.end.get_or_insert_with(|| Err(error.clone().with_delivery(delivery)));
            wakers.extend(slot.waker.take());
        }
    }

    /// The open request that a notification belongs to, and the error that it ends it with.
    fn owner(&self, notification: &Notification) -> (Option<RequestId>, Option<Error>) {
        let Some(params) = &notification.params else { return (None, None) };
        match &*notification.method {
            method::NOTIFICATIONS_PROGRESS if !self.tokens.is_empty() => {
                let token =
                    params.decode::<Progress>().ok().map(|progress| progress.progress_token);
                let token = token.and_then(|token| known(&self.tokens, &token));
                (token.and_then(|token| self.tokens.get(&token)).cloned(), None)
            }
            // In the legacy era this names a request of the server, whose ids are its own.
            method::NOTIFICATIONS_CANCELLED if self.subscriptions > 0 => {
                let id = params.decode::<Cancelled>().ok().map(|cancelled| cancelled.request_id);
                let id = id.and_then(|id| known(&self.open, &id));
                let error = Error::new(ErrorKind::Cancelled, "the server ended the subscription")
                    .with_delivery(Delivery::Answered);
                (id.filter(|id| self.is_subscription(id)), Some(error))
            }
            _ if self.subscriptions > 0 => {
                let id = params.decode::<Tagged>().ok().and_then(|tagged| tagged.meta.subscription);
                let id = id.and_then(|id| known(&self.open, &id));
                (id.filter(|id| self.is_subscription(id)), None)
            }
            _ => (None, None),
        }
    }

    fn is_subscription(&self, id: &RequestId) -> bool {
        self.open.get(id).is_some_and(|slot| slot.purpose == Purpose::Subscription)
    }

    /// The one request that an answer without an id can be about: an error of a server that could not read
    /// the request, or does not know yet how to answer. Some servers answer notifications, too.
    fn only_open(&self, response: &Response) -> Option<RequestId> {
        let (1, Some((id, slot))) = (self.open.len(), self.open.iter().next()) else { return None };
        let is_unread =
            |code| matches!(code, error_code::PARSE_ERROR | error_code::INVALID_REQUEST);
        let is_unread = response.outcome.as_ref().err().is_some_and(|error| is_unread(error.code));
        (is_unread || slot.purpose == Purpose::Opening).then(|| id.clone())
    }
}

/// The key in a table that an id of the server stands for: itself, or the number that it is the text of.
fn known<V, S: std::hash::BuildHasher>(
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

/// The progress token of a request's parameters. They are parsed only where the word occurs.
fn progress_token(params: &[u8]) -> Option<RequestId> {
    static WORD: LazyLock<memmem::Finder<'static>> =
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
    WORD.find(params)?;
    serde_json::from_slice::<Params>(params).ok().map(|params| params.meta.progress_token)
}

/// Whether an exchange was given up on this side alone, so that the server still works on it.
fn ended_here(end: &Result<Response, Error>) -> bool {
    end.as_ref().is_err_and(|error| error.kind() == ErrorKind::Lagged)
}

#[cfg(test)]
#[path = "routes_tests.rs"]
mod tests;

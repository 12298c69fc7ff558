//! The routing table of a shared pipe: pure, without I/O. It decides to whom each received message
//! belongs and keeps it there until it is polled for.

use std::{
    collections::HashMap,
    hash::BuildHasherDefault,
    sync::LazyLock,
    task::{Context, Poll, Waker},
};

use mcp_core::{
    ErrorObject, IdHasher, Message, Notification, Request, RequestId, Response, error_code, method,
};
use memchr::memmem;
use serde::Deserialize;

use super::mailbox::Mailbox;
use crate::{Delivery, Error, ErrorKind, Limits};

pub(super) struct Routes {
    open: HashMap<RequestId, Slot, BuildHasherDefault<IdHasher>>,
    /// Progress tokens of open requests.
    tokens: HashMap<RequestId, RequestId>,
    /// How many open requests are subscriptions.
    subscriptions: usize,
    inbound: Mailbox,
    inbound_lost: u64,
    inbound_waker: Option<Waker>,
    inbound_read: bool,
    ended: Option<Error>,
    end_told: bool,
    limits: Limits,
}

struct Slot {
    mail: Mailbox,
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
    /// `subscriptions/listen`.
    Subscription,
}

/// What to do after a message was routed.
#[derive(Default)]
pub(super) struct Routed {
    pub(super) wake: Option<Waker>,
    pub(super) reply: Option<Response>,
}

impl Routes {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            open: HashMap::default(),
            tokens: HashMap::new(),
            subscriptions: 0,
            inbound: Mailbox::default(),
            inbound_lost: 0,
            inbound_waker: None,
            inbound_read: true,
            ended: None,
            end_told: false,
            limits,
        }
    }

    /// Why the connection is over, as a new message meets it.
    pub(super) fn refusal(&self) -> Option<Error> {
        self.ended.clone().map(|error| error.with_delivery(Delivery::NotSent))
    }

    /// Opens a route for a request that will be written at the offset `begins_at`, or go another way.
    pub(super) fn open(&mut self, request: &Request, begins_at: Option<u64>) -> Result<(), Error> {
        if self.open.contains_key(&request.id) {
            let message = format!("a request with the id {} is in flight already", request.id);
            return Err(
                Error::new(ErrorKind::InvalidRequest, message).with_delivery(Delivery::NotSent)
            );
        }
        let purpose = match &*request.method {
            method::INITIALIZE | method::SERVER_DISCOVER => Purpose::Opening,
            method::SUBSCRIPTIONS_LISTEN => Purpose::Subscription,
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
            Slot { mail: Mailbox::default(), end: None, waker: None, token, purpose, begins_at },
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

    /// Closes the route of a request; the notification that cancels it, if the server still works on it.
    pub(super) fn close(&mut self, id: &RequestId) -> Option<Notification> {
        let slot = self.remove(id)?;
        let over = slot.end.is_some_and(|end| !ended_here(&end));
        if over || slot.purpose == Purpose::Opening || self.ended.is_some() {
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

    /// Hands a received message to whom it belongs.
    pub(super) fn deliver(&mut self, message: Message) -> Routed {
        if self.ended.is_some() {
            return Routed::default();
        }
        let (id, end) = match &message {
            Message::Response(response) => match &response.id {
                // A late answer, after a cancel or a time-out, is nobody's.
                Some(id) if !self.open.contains_key(id) => return Routed::default(),
                Some(id) => (Some(id.clone()), None),
                None => (self.only_open(), None),
            },
            Message::Notification(notification) => self.owner(notification),
            Message::Request(_) => (None, None),
        };
        let Some(slot) = id.and_then(|id| self.open.get_mut(&id)) else {
            return self.deliver_inbound(message);
        };
        // After the end of an exchange nothing more belongs to it: a second answer is dropped.
        if slot.end.is_some() {
            return Routed::default();
        }
        match message {
            Message::Response(response) => slot.end = Some(Ok(response)),
            message => match slot.mail.push(message, self.limits.exchange, self.limits.message) {
                Ok(()) => slot.end = end.map(Err),
                Err(_) => {
                    let text = format!(
                        "more than {} messages or {} bytes waited to be read",
                        self.limits.exchange, self.limits.message
                    );
                    slot.end = Some(Err(
                        Error::new(ErrorKind::Overflow, text).with_delivery(Delivery::Answered)
                    ));
                }
            },
        }
        Routed { wake: slot.waker.take(), reply: None }
    }

    /// Ends one exchange with an error, if it is open.
    pub(super) fn fail(&mut self, id: &RequestId, error: Error, wakers: &mut Vec<Waker>) -> bool {
        let Some(slot) = self.open.get_mut(id) else { return false };
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
        wakers.extend(self.inbound_waker.take());
    }

    pub(super) fn poll_inbound(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Message, Error>>> {
        // What was lost was newer than what is queued.
        if let Some(message) = self.inbound.pop() {
            return Poll::Ready(Some(Ok(message)));
        }
        if self.inbound_lost > 0 {
            let text = format!("{} messages were lost since nobody read them", self.inbound_lost);
            self.inbound_lost = 0;
            return Poll::Ready(Some(Err(Error::new(ErrorKind::Overflow, text))));
        }
        match &self.ended {
            Some(error) if !self.end_told => {
                self.end_told = true;
                Poll::Ready(Some(Err(error.clone())))
            }
            Some(_) => Poll::Ready(None),
            None => {
                self.inbound_waker = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }

    /// Nobody will read what belongs to no exchange: the refusals of requests that waited there.
    pub(super) fn drop_inbound(&mut self) -> Vec<Response> {
        self.inbound_read = false;
        let waiting = std::mem::take(&mut self.inbound);
        waiting.into_iter().filter_map(|message| self.refuse(message)).collect()
    }

    fn deliver_inbound(&mut self, message: Message) -> Routed {
        let message = match self.inbound_read {
            true => match self.inbound.push(message, self.limits.inbound, self.limits.message) {
                Ok(()) => return Routed { wake: self.inbound_waker.take(), reply: None },
                Err(message) => message,
            },
            false => message,
        };
        self.inbound_lost += 1;
        Routed { wake: None, reply: self.refuse(message) }
    }

    /// The server must not wait for an answer that cannot come.
    fn refuse(&self, message: Message) -> Option<Response> {
        let Message::Request(request) = message else { return None };
        let error = match self.inbound_read {
            true => ErrorObject::new(error_code::INTERNAL_ERROR, "the client is overloaded"),
            false => ErrorObject::new(error_code::METHOD_NOT_FOUND, "the client takes no requests"),
        };
        Some(Response::error(request.id, error))
    }

    /// The open request that a notification belongs to, and the error that it ends it with.
    fn owner(&self, notification: &Notification) -> (Option<RequestId>, Option<Error>) {
        let Some(params) = &notification.params else { return (None, None) };
        match &*notification.method {
            method::NOTIFICATIONS_PROGRESS if !self.tokens.is_empty() => {
                let owner = params
                    .decode::<Progress>()
                    .ok()
                    .and_then(|progress| self.tokens.get(&progress.progress_token));
                (owner.cloned(), None)
            }
            // In the legacy era this names a request of the server, whose ids are its own.
            method::NOTIFICATIONS_CANCELLED if self.subscriptions > 0 => {
                let id = params.decode::<Cancelled>().ok().map(|cancelled| cancelled.request_id);
                let error = Error::new(ErrorKind::Cancelled, "the server ended the subscription")
                    .with_delivery(Delivery::Answered);
                (id.filter(|id| self.is_subscription(id)), Some(error))
            }
            _ if self.subscriptions > 0 => {
                let id = params.decode::<Tagged>().ok().and_then(|tagged| tagged.meta.subscription);
                (id.filter(|id| self.is_subscription(id)), None)
            }
            _ => (None, None),
        }
    }

    fn is_subscription(&self, id: &RequestId) -> bool {
        self.open.get(id).is_some_and(|slot| slot.purpose == Purpose::Subscription)
    }

    /// The one request that an error without an id can be about.
    fn only_open(&self) -> Option<RequestId> {
        match self.open.len() {
            1 => self.open.keys().next().cloned(),
            _ => None,
        }
    }
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
    end.as_ref().is_err_and(|error| error.kind() == ErrorKind::Overflow)
}

#[cfg(test)]
#[path = "routes_tests.rs"]
mod tests;

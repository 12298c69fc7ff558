//! Self-contained requests of the modern era.

use std::{future::poll_fn, task::Poll};

use futures_util::{StreamExt, stream};
use http::{HeaderMap, Response, StatusCode};
use mcp_core::{ErrorObject, Message, ProtocolVersion, Request};
use mcp_transport::{Envelope, OneWay, Serve};

use super::{
    Http, answer,
    body::{Body, Silence, event},
    mirrored::{Checked, MirroredFields, status},
};
use crate::work::Work;

impl<S: Serve> Http<S> {
    pub(super) async fn modern(
        &self,
        headers: &HeaderMap,
        version: Option<ProtocolVersion>,
        message: Message,
    ) -> Response<Body> {
        let notification = match message {
            Message::Request(request) => {
                let fields = MirroredFields::of(&request).unwrap_or_default();
                let checked = fields.checked(&request, headers);
                return self.modern_request(version, request, checked).await;
            }
            Message::Notification(notification) => notification,
            Message::Response(_) => {
                let text = "in this revision servers send no requests to respond to";
                return answer::refusal(StatusCode::BAD_REQUEST, text);
            }
        };
        let message = Envelope::new(OneWay::from(notification)).with_version(version);
        self.server.send(message).await;
        answer::empty(StatusCode::ACCEPTED)
    }

    pub(super) async fn modern_request(
        &self,
        version: Option<ProtocolVersion>,
        request: Request,
        checked: Result<Checked, ErrorObject>,
    ) -> Response<Body> {
        let Checked { is_incomplete, routing } = match checked {
            Ok(checked) => checked,
            Err(error) => return answer::error(StatusCode::BAD_REQUEST, Some(request.id), error),
        };
        let envelope = Envelope::new(request).with_version(version).with_routing(routing);
        let mut work = Work::new(&self.server, envelope);
        // The response decides between the media types as long as nothing else has to be sent.
        let mut silence = Silence::default();
        let first = poll_fn(|cx| match work.poll_next_unpin(cx) {
            Poll::Ready(message) => Poll::Ready(message),
            Poll::Pending => silence.poll(cx).map(|()| None),
        });
        let first = match first.await {
            Some(Message::Response(response)) => {
                return answer::json(status(&response, is_incomplete), response);
            }
            first => first,
        };
        // Dropping the body cancels the request.
        let messages = stream::iter(first).chain(work);
        let events = messages.map(|message| event(None, &message));
        answer::events(Body::events_after(silence, events))
    }
}

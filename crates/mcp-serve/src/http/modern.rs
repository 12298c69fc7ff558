//! Self-contained requests of the modern era.

use std::{future::poll_fn, task::Poll};

use futures_util::{StreamExt, stream};
use http::{HeaderMap, Response, StatusCode};
use mcp_core::{Message, ProtocolVersion, Request};
use mcp_transport::{Envelope, OneWay, Serve};

use super::{
    Http, answer,
    body::{Body, event},
    mirrored::MirroredFields,
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
                return self.modern_request(headers, version, request).await;
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

    async fn modern_request(
        &self,
        headers: &HeaderMap,
        version: Option<ProtocolVersion>,
        request: Request,
    ) -> Response<Body> {
        let fields = MirroredFields::of(&request);
        if let Err(error) = fields.check(&request, headers) {
            return answer::error(StatusCode::BAD_REQUEST, Some(request.id), error);
        }
        let mut work = Work::new(&self.server, Envelope::new(request).with_version(version));
        let first = match poll_fn(|cx| Poll::Ready(work.poll_next_unpin(cx))).await {
            Poll::Ready(Some(Message::Response(response))) => {
                return answer::json(fields.status(&response), response);
            }
            Poll::Ready(first) => first,
            Poll::Pending => None,
        };
        // Dropping the body cancels the request.
        let messages = stream::iter(first).chain(work);
        answer::events(Body::events(messages.map(|message| event(None, &message))))
    }
}

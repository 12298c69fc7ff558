use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode};
use http_body::Body;
use mcp_core::{Notification, ProtocolVersion, method};
use mcp_http::{HttpService, StatusError};
use mcp_transport::{Delivery, Envelope, Error, ErrorKind, OneWay};

use crate::{
    error::expired,
    head::Head,
    renew::{Verdict, verdict},
    session::Session,
    shared::{Shared, encoded},
};

impl<S: HttpService> Shared<S> {
    pub(crate) async fn send_modern(
        self: &Arc<Self>,
        envelope: Envelope<OneWay>,
        version: ProtocolVersion,
    ) -> Result<(), Error> {
        let OneWay::Notification(notification) = &envelope.message else {
            let text = "a client of this protocol version never sends responses";
            return Err(
                Error::new(ErrorKind::InvalidRequest, text).with_delivery(Delivery::NotSent)
            );
        };
        let (method, params) = (notification.method.clone(), notification.params.as_ref());
        let head = Head::modern(version, method.clone(), params, &envelope)?;
        let body = encoded(&envelope.message.into());
        self.post_one_way(&method, &head, None, body)
            .await?
            .map_err(|refused| refused.into_transport_error(&method))
    }

    pub(crate) async fn send_legacy(
        self: &Arc<Self>,
        envelope: Envelope<OneWay>,
    ) -> Result<(), Error> {
        let head = Head::legacy(&envelope)?;
        let session = self.sessions.current();
        let OneWay::Notification(notification) = &envelope.message else {
            let body = encoded(&envelope.message.into());
            return self.post_response(&head, session.as_deref(), body).await;
        };
        let session = self.post_notification(notification, &head, session).await?;
        if let Some(session) = session
            && notification.method == method::NOTIFICATIONS_INITIALIZED
        {
            session.complete(&envelope);
            self.listen_soon(&session).await;
        }
        Ok(())
    }

    /// Answers a request of the server. It has gone if its session has.
    async fn post_response(
        self: &Arc<Self>,
        head: &Head,
        session: Option<&Session>,
        body: Bytes,
    ) -> Result<(), Error> {
        let method = "response";
        let id = session.and_then(|session| session.id.as_ref());
        let sent = self.post_one_way(method, head, id, body).await?;
        sent.map_err(|refused| match verdict(refused.status(), false, None) {
            Verdict::Lost if id.is_some() => expired(method).with_source(refused),
            _ => refused.into_transport_error(method),
        })
    }

    /// Sends a notification in the session, or in a new one where that was forgotten; gives the one that
    /// it was.
    async fn post_notification(
        self: &Arc<Self>,
        notification: &Notification,
        head: &Head,
        session: Option<Arc<Session>>,
    ) -> Result<Option<Arc<Session>>, Error> {
        let method = &*notification.method;
        let body = encoded(&notification.clone().into());
        let id = session.as_ref().and_then(|session| session.id.as_ref());
        let Err(refused) = self.post_one_way(method, head, id, body.clone()).await? else {
            return Ok(session);
        };
        let verdict = verdict(refused.status(), false, None);
        let (Some(lost), true, true) = (&session, id.is_some(), verdict != Verdict::Alive) else {
            return Err(refused.into_transport_error(method));
        };
        let renewed = self.renew(lost, verdict).await;
        let renewed = renewed.map_err(|error| expired(method).with_source(error))?;
        let Some(session) = renewed else { return Err(refused.into_transport_error(method)) };
        match self.post_one_way(method, head, session.id.as_ref(), body).await? {
            Ok(()) => Ok(Some(session)),
            Err(refused) if refused.status() == StatusCode::NOT_FOUND => {
                Err(expired(method).with_source(refused))
            }
            Err(refused) => Err(refused.into_transport_error(method)),
        }
    }

    /// POSTs a message that nothing answers.
    ///
    /// Spec: 2025-11-25 basic/transports#sending-messages-to-the-server
    pub(crate) async fn post_one_way(
        self: &Arc<Self>,
        method: &str,
        head: &Head,
        session: Option<&HeaderValue>,
        message: Bytes,
    ) -> Result<Result<(), StatusError>, Error> {
        let response = self.wire.post(method, head, session, message).await?;
        if response.status().is_success() {
            self.dismiss(response);
            return Ok(Ok(()));
        }
        let uri = self.wire.uri_of(&response).clone();
        Ok(Err(StatusError::read(response, &uri).await))
    }

    /// Lets a response end whose body says nothing.
    fn dismiss(self: &Arc<Self>, response: Response<S::ResponseBody>) {
        let body = response.into_body();
        if !body.is_end_stream() {
            self.park(self.wire.events(body));
        }
    }
}

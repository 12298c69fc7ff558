use std::{pin::pin, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderValue, StatusCode};
use http_body::Body;
use mcp_core::{Notification, ProtocolVersion, method};
use mcp_http::{HttpService, StatusError, transport::messages::encode};
use mcp_transport::{Delivery, Envelope, Error, ErrorKind, OneWay};

use crate::{
    error::{expired, not_reinitialized},
    headers::RequestHeaders,
    inner::Inner,
    session::Session,
    session_state::{SessionState, reports_loss},
};

/// The label in errors of a response to a server request.
const RESPONSE: &str = "response";

/// How long to wait for the response to `notifications/initialized` before the server stream is opened without it.
const INITIALIZED_TIMEOUT: Duration = Duration::from_secs(1);

impl<S: HttpService> Inner<S> {
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
        let headers = RequestHeaders::modern(version, method.clone(), params, &envelope)?;
        let body = encode(&envelope.message.into());
        self.post_one_way(&method, &headers, None, body)
            .await?
            .map_err(|refused| refused.into_transport_error(&method))
    }

    pub(crate) async fn send_legacy(
        self: &Arc<Self>,
        envelope: Envelope<OneWay>,
    ) -> Result<(), Error> {
        let headers = RequestHeaders::legacy(&envelope)?;
        let session = self.sessions.current();
        let OneWay::Notification(notification) = &envelope.message else {
            let body = encode(&envelope.message.into());
            return self.post_response(&headers, session.as_ref(), body).await;
        };
        if notification.method == method::NOTIFICATIONS_INITIALIZED {
            // Boxed, since it is sent once per session and would enlarge every future.
            return Box::pin(self.send_initialized(&envelope, notification, &headers, session))
                .await;
        }
        self.post_notification(notification, &headers, session).await.map(drop)
    }

    /// Completes the handshake and opens the standalone GET stream. A server that does not respond may use the session
    /// nevertheless.
    async fn send_initialized(
        self: &Arc<Self>,
        envelope: &Envelope<OneWay>,
        notification: &Notification,
        headers: &RequestHeaders,
        session: Option<Arc<Session<S>>>,
    ) -> Result<(), Error> {
        if let Some(session) = &session {
            session.handshake.complete(envelope);
            if session.is_resumed {
                self.listen(session).await;
                return Ok(());
            }
        }
        let mut posting = pin!(self.post_notification(notification, headers, session.clone()));
        match tokio::time::timeout(INITIALIZED_TIMEOUT, posting.as_mut()).await {
            Ok(posted) => {
                if let Some(session) = posted?.filter(|session| !session.has_listener()) {
                    self.listen(&session).await;
                }
                Ok(())
            }
            Err(_) => {
                if let Some(session) = session.filter(|session| !session.is_lost()) {
                    self.listen_in_background(&session);
                }
                posting.await.map(drop)
            }
        }
    }

    /// Responds to a server request, which is lost together with its session.
    async fn post_response(
        self: &Arc<Self>,
        headers: &RequestHeaders,
        session: Option<&Arc<Session<S>>>,
        body: Bytes,
    ) -> Result<(), Error> {
        let id = session.and_then(|session| session.id.as_ref());
        let _slot = self.tasks.response_slot().await;
        let Err(refused) = self.post_one_way(RESPONSE, headers, id, body).await? else {
            return Ok(());
        };
        let state = SessionState::after_status(&refused);
        let (Some(session), Some(_), true) = (session, id, state != SessionState::Alive) else {
            return Err(refused.into_transport_error(RESPONSE));
        };
        // Boxed like all rare cases, which would enlarge every future.
        match Box::pin(self.reinitialize(session, state)).await {
            Ok(None) => Err(refused.into_transport_error(RESPONSE)),
            Err(reason) if reason.is_closed() => Err(reason),
            Ok(Some(_)) | Err(_) => Err(expired(RESPONSE).with_source(refused)),
        }
    }

    /// Sends a notification in the session, or in a new one if the server has lost it. Returns the session used.
    async fn post_notification(
        self: &Arc<Self>,
        notification: &Notification,
        headers: &RequestHeaders,
        session: Option<Arc<Session<S>>>,
    ) -> Result<Option<Arc<Session<S>>>, Error> {
        let method = &*notification.method;
        let body = encode(&notification.clone().into());
        let id = session.as_ref().and_then(|session| session.id.as_ref());
        let Err(refused) = self.post_one_way(method, headers, id, body.clone()).await? else {
            return Ok(session);
        };
        let state = SessionState::after_status(&refused);
        let (Some(lost), true, true) = (&session, id.is_some(), state != SessionState::Alive)
        else {
            return Err(refused.into_transport_error(method));
        };
        // Boxed like all rare cases, which would enlarge every future.
        let replaced = Box::pin(self.reinitialize(lost, state)).await;
        let replaced = match replaced {
            Err(reason) if reason.is_closed() || reports_loss(refused.status()) => {
                return Err(not_reinitialized(method, reason));
            }
            replaced => replaced.ok().flatten(),
        };
        let Some(session) = replaced.filter(|_| state != SessionState::Suspect) else {
            return Err(refused.into_transport_error(method));
        };
        if method == method::NOTIFICATIONS_INITIALIZED && session.handshake.is_complete() {
            // It was part of the new handshake.
            return Ok(Some(session));
        }
        match self.post_one_way(method, headers, session.id.as_ref(), body).await? {
            Ok(()) => Ok(Some(session)),
            Err(refused) if refused.status() == StatusCode::NOT_FOUND => {
                Err(expired(method).with_source(refused))
            }
            Err(refused) => Err(refused.into_transport_error(method)),
        }
    }

    /// POSTs a one-way message.
    ///
    /// Spec: 2025-11-25 basic/transports#sending-messages-to-the-server
    pub(crate) async fn post_one_way(
        self: &Arc<Self>,
        method: &str,
        headers: &RequestHeaders,
        session: Option<&HeaderValue>,
        message: Bytes,
    ) -> Result<Result<(), StatusError>, Error> {
        self.reclaim();
        let response = self.endpoint.post(method, headers, session, message).await?;
        if !response.status().is_success() {
            return Ok(Err(StatusError::read(response, &self.endpoint.url).await));
        }
        let body = response.into_body();
        if !body.is_end_stream() {
            // The body is ignored, but its end returns the connection to the pool.
            self.park(self.endpoint.events(body));
        }
        Ok(Ok(()))
    }
}

//! Confirmation of a session that was opened with an earlier verdict, without probing.

use std::{pin::pin, sync::Arc};

use mcp_core::{RawJson, Request, error_code, method};
use mcp_transport::{Binding, Delivery, IdleLimit};

use super::offer::Offer;
use crate::{
    CallInfo, Error, ErrorKind, Session, deadline::Deadline, exchange::Outgoing, inner::Inner,
    params::Params,
};

/// Sends a refused request again, unless it may have been executed.
fn again(asked: Result<RawJson, Error>) -> Confirmed {
    let may_be_executed = match &asked {
        Ok(_) => true,
        Err(error) => {
            error.answer().is_some_and(|answer| answer.code == error_code::INTERNAL_ERROR)
        }
    };
    match may_be_executed {
        true => Confirmed::Answer(asked),
        false => Confirmed::Again,
    }
}

/// The outcome of the first response in a session with an earlier verdict.
pub(crate) enum Confirmed {
    /// The response is valid.
    Answer(Result<RawJson, Error>),
    /// The server refused the request in an era that it does not support, and there is a session in another one: the
    /// request must be sent again.
    Again,
}

impl Session {
    /// Checks an earlier verdict when the server's first response looks like one of the legacy era. If the verdict is
    /// outdated, another session replaces this one, which is `inner`.
    ///
    /// # Errors
    /// In the response: the errors of `asked`, and kind [`Version`](ErrorKind::Version) if no other session can be
    /// opened; the session is then closed.
    ///
    /// Spec: basic/versioning
    pub(crate) async fn confirm(
        &self,
        inner: &Inner,
        asked: Result<RawJson, Error>,
        deadline: &mut Deadline,
    ) -> Confirmed {
        let is_doubtful = match &asked {
            Ok(result) => memchr::memmem::find(result.as_bytes(), b"\"resultType\"").is_none(),
            Err(error) => match error.kind() {
                ErrorKind::Answer => true,
                // With other bindings, a refusal without a response concerns the message and not its revision.
                ErrorKind::Rejected => self.connection().binding == Binding::StreamableHttp,
                _ => false,
            },
        };
        if !is_doubtful {
            if asked.is_ok() {
                inner.confirmed();
            }
            return Confirmed::Answer(asked);
        }
        // Another call may have found out in the meantime.
        if !std::ptr::eq(inner, self.inner()) {
            return again(asked);
        }
        match self.discover_again(deadline).await {
            None => return Confirmed::Answer(asked),
            Some(true) => {
                inner.confirmed();
                return Confirmed::Answer(asked);
            }
            Some(false) => {}
        }
        let text = format!(
            "the server no longer supports {}, the revision of the kept verdict",
            inner.verdict.protocol_version
        );
        let stale = Error::new(ErrorKind::Version, Arc::clone(&inner.server), text);
        let stale = stale.with_hint("open a session without the kept verdict");
        let reopened = match &inner.reopening {
            Some(reopening) => {
                let mut reopening = pin!(reopening.reopen());
                let reopened = deadline.limit_total(reopening.as_mut()).await;
                reopened.unwrap_or_else(|reached| Err(self.late(reached)))
            }
            None => Ok(()),
        };
        match reopened {
            Ok(()) if !std::ptr::eq(inner, self.inner()) => {
                let version = self.protocol_version();
                tracing::info!(server = %inner.server, %version, "the kept verdict no longer holds");
                // Callers that wait for the end then wait for that of the other session.
                inner.closing.close(stale);
                again(asked)
            }
            // A server that refuses everything says nothing about its revisions.
            Err(_) if asked.as_ref().is_err_and(|it| it.kind() == ErrorKind::Rejected) => {
                Confirmed::Answer(asked)
            }
            reopened => {
                inner.closing.close(stale.clone());
                inner.confirmed();
                let cause = reopened.err();
                Confirmed::Answer(asked.map_err(|error| {
                    stale.with_delivery(Delivery::Answered).with_source(cause.unwrap_or(error))
                }))
            }
        }
    }

    /// Whether the server still supports the session's revision; `None` if unknown.
    async fn discover_again(&self, deadline: &mut Deadline) -> Option<bool> {
        let inner = self.inner();
        let trace = inner.tracing.context(|| None);
        let params = Params::empty().encode(&inner.meta, None, None, trace.as_deref());
        let mut request = Request::new(inner.next_id(), method::SERVER_DISCOVER);
        request.params = params.ok()?;
        let idle_limit = IdleLimit::Caller;
        let outgoing = Outgoing { idle_limit, skips_validation: false, routing: None, trace };
        let call = || CallInfo::new(method::SERVER_DISCOVER.into(), None);
        match self.ask(request, outgoing, None, deadline, call).await {
            Ok(raw) => {
                let version = self.protocol_version().as_str();
                let offer = Offer::discovered(&raw).ok()?;
                Some(offer.versions.iter().any(|it| it == version))
            }
            Err(error) => {
                use error_code::{HEADER_MISMATCH, MISSING_REQUIRED_CLIENT_CAPABILITY};
                let code = match error.answer() {
                    Some(answer) => answer.code,
                    // The endpoint does not accept such a request.
                    None => return (error.kind() == ErrorKind::Rejected).then_some(false),
                };
                Some(matches!(code, HEADER_MISMATCH | MISSING_REQUIRED_CLIENT_CAPABILITY))
            }
        }
    }
}

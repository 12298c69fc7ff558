//! A session that was opened with what was kept of the server, without asking it.

use mcp_core::{RawJson, Request, error_code, method};
use mcp_transport::{Delivery, IdleLimit};

use super::offer::Offer;
use crate::{
    CallInfo, Error, ErrorKind, Session, deadline::Deadline, exchange::Outgoing, params::Params,
};

impl Session {
    /// Checks what was kept of the server, when it answers its first request as one of the legacy era does.
    ///
    /// # Errors
    /// Those of `asked`, and kind [`Version`](ErrorKind::Version) when what was kept no longer holds; the
    /// session is closed then.
    ///
    /// Spec: basic/versioning
    pub(crate) async fn confirm(
        &self,
        asked: Result<RawJson, Error>,
        deadline: &mut Deadline<'_>,
    ) -> Result<RawJson, Error> {
        let is_doubtful = match &asked {
            Ok(result) => memchr::memmem::find(result.as_bytes(), b"\"resultType\"").is_none(),
            Err(error) if error.kind() == ErrorKind::Answer => true,
            Err(_) => return asked,
        };
        let speaks = match is_doubtful {
            true => self.discover_again(deadline).await,
            false => Some(true),
        };
        match speaks {
            None => return asked,
            Some(true) => {}
            Some(false) => {
                let version = self.protocol_version();
                let text = format!("the server no longer speaks {version}, as was kept of it");
                let stale = self.error(ErrorKind::Version, text);
                let stale = stale.with_hint("open a session without the kept verdict");
                self.inner.closing.close(stale.clone());
                self.inner.confirmed();
                let failed = asked
                    .map_err(|error| stale.with_delivery(Delivery::Answered).with_source(error));
                return failed;
            }
        }
        self.inner.confirmed();
        asked
    }

    /// Whether the server still speaks the revision of the session; `None` where it does not say.
    async fn discover_again(&self, deadline: &mut Deadline<'_>) -> Option<bool> {
        let inner = &*self.inner;
        let trace = inner.tracing.context(|| None);
        let params = Params::empty().encode(&inner.meta, None, None, trace.as_deref());
        let mut request = Request::new(inner.next_id(), method::SERVER_DISCOVER);
        request.params = params.ok()?;
        let idle_limit = IdleLimit::Caller;
        let outgoing = Outgoing { idle_limit, routing: None, trace, on_progress: None };
        let call = || CallInfo::new(method::SERVER_DISCOVER.into(), None);
        match self.ask(request, outgoing, deadline, call).await {
            Ok(raw) => {
                let version = self.protocol_version().as_str();
                let offer = Offer::discovered(&raw).ok()?;
                Some(offer.versions.iter().any(|it| it == version))
            }
            Err(error) => {
                use error_code::{HEADER_MISMATCH, MISSING_REQUIRED_CLIENT_CAPABILITY};
                let code = error.answer()?.code;
                Some(matches!(code, HEADER_MISMATCH | MISSING_REQUIRED_CLIENT_CAPABILITY))
            }
        }
    }
}

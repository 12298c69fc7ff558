use mcp_core::{CallToolResult, Entries, ErrorObject, RawJson, error_code};
use mcp_transport::Delivery;
use serde::{Deserialize, de::DeserializeOwned};

use super::hook::ForeignResult;
use crate::{
    Call, CallInfo, Error, ErrorKind, List, Session,
    handlers::RawRequest,
    server_requests::{InputError, NamedRequest},
};

/// Parts of a session for use by extensions. Cheap to clone.
#[derive(Debug, Clone)]
pub struct ExtensionHost {
    session: Session,
}

impl ExtensionHost {
    /// The host for extensions of this session.
    pub fn new(session: &Session) -> Self {
        Self { session: session.clone() }
    }

    /// The session.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// Decodes the settings that the server declares for an extension: `None` if it does not support the extension.
    ///
    /// # Errors
    /// Kind [`Decode`](ErrorKind::Decode) if the settings cannot be decoded.
    pub fn server_settings<S: DeserializeOwned>(&self, id: &str) -> Result<Option<S>, Error> {
        let offered = self.session.capabilities().extensions.as_ref().and_then(|all| all.get(id));
        offered.map(S::deserialize).transpose().map_err(|error| {
            let message = format!("its settings of {id} cannot be decoded");
            let error = self.session.error(ErrorKind::Decode, message).with_source(error);
            error.with_delivery(Delivery::Answered)
        })
    }

    /// Lists items of an extension with this method.
    pub fn list<P>(&self, method: &'static str) -> List<P> {
        List::new(self.session.clone(), method)
    }

    /// The same call, sent as a task of revision 2025-11-25 if the tool may run as one, not only if it must.
    ///
    /// Spec: 2025-11-25 basic/utilities/tasks#tool-level-negotiation
    pub fn preferring_task<R>(call: Call<R>) -> Call<R> {
        call.preferring_task()
    }

    /// A request of an extension, with the target that HTTP mirrors in the header `Mcp-Name`.
    pub fn request(
        &self,
        method: &'static str,
        target: &str,
        params: &impl serde::Serialize,
    ) -> Call<RawJson> {
        self.session.request(method, params).routing_name(target)
    }

    /// Runs work for a call until the session is [closed](Session::closed). Cancel safe if `work` is.
    ///
    /// # Errors
    /// Kind [`Closed`](ErrorKind::Closed) if the session is closed first.
    pub async fn until_closed<T>(&self, work: impl Future<Output = T>) -> Result<T, Error> {
        self.session.until_closed(work).await
    }

    /// Passes all of these input requests to the session's handlers concurrently, while the server works on `call`.
    /// Each request has a `method` and `params`; the responses have the same names.
    ///
    /// # Errors
    /// The server requests more than 64 inputs at once, or one of them fails.
    pub async fn obtain_input(
        &self,
        requests: &Entries<RawJson>,
        call: Option<&CallInfo>,
    ) -> Result<Entries<RawJson>, InputError> {
        #[derive(Deserialize)]
        struct Request {
            method: String,
            #[serde(default)]
            params: Option<RawJson>,
        }

        let inputs = requests.iter().map(|(name, request)| {
            let request = match request.decode() {
                Ok(Request { method, params }) => Ok(RawRequest::new(method.into(), params)),
                Err(error) => Err(ErrorObject::new(error_code::INVALID_REQUEST, error.to_string())),
            };
            NamedRequest { name, request }
        });
        let server_requests = &self.session.inner().server_requests;
        let results = server_requests.obtain(inputs.collect(), call, None).await?;
        Ok(requests.iter().map(|(name, _)| name).zip(results).collect())
    }

    /// Validates a tool result that was not received as the response to its call, for example that of a task, and
    /// returns it. `bytes` is the length of its JSON.
    ///
    /// # Errors
    /// The errors of the call, if the session validates results.
    ///
    /// Spec: server/tools#output-schema
    pub async fn check_output(
        &self,
        tool: &str,
        result: CallToolResult,
        bytes: usize,
    ) -> Result<CallToolResult, Error> {
        #[cfg(feature = "validation")]
        return crate::output::check(&self.session, tool, result, bytes).await;
        #[cfg(not(feature = "validation"))]
        {
            let _ = (tool, bytes);
            Ok(result)
        }
    }
}

impl From<&ForeignResult> for ExtensionHost {
    fn from(foreign: &ForeignResult) -> Self {
        Self { session: foreign.session() }
    }
}

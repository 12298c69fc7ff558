//! The methods of the protocol.

use std::borrow::Cow;

use mcp_core::{
    CallToolResult, CompleteRequestParams, CompleteResult, EmptyResult, Era, GetPromptResult,
    ListPromptsResult, ListResourceTemplatesResult, ListResourcesResult, ListToolsResult,
    LoggingLevel, Notification, RawJson, RawObject, ReadResourceResult, SetLevelRequestParams,
    method,
};
use serde::Serialize;
use tracing::Instrument;

use crate::{Call, Error, List, Session, params::Params};

impl Session {
    /// Lists the tools.
    pub fn list_tools(&self) -> List<ListToolsResult> {
        List::new(self.clone(), method::TOOLS_LIST)
    }

    /// Lists the resources.
    pub fn list_resources(&self) -> List<ListResourcesResult> {
        List::new(self.clone(), method::RESOURCES_LIST)
    }

    /// Lists the resource templates.
    pub fn list_resource_templates(&self) -> List<ListResourceTemplatesResult> {
        List::new(self.clone(), method::RESOURCES_TEMPLATES_LIST)
    }

    /// Lists the prompts.
    pub fn list_prompts(&self) -> List<ListPromptsResult> {
        List::new(self.clone(), method::PROMPTS_LIST)
    }

    /// Calls a tool. If the tool fails, the result contains the error, for the model to read;
    /// [`or_error`](Call::or_error) converts it into an error.
    ///
    /// Spec: server/tools#calling-tools
    pub fn call_tool(&self, name: &str) -> Call<CallToolResult> {
        Call::new(self.clone(), method::TOOLS_CALL, Params::named("name", name))
    }

    /// Reads a resource.
    ///
    /// Spec: server/resources#reading-resources
    pub fn read_resource(&self, uri: &str) -> Call<ReadResourceResult> {
        Call::new(self.clone(), method::RESOURCES_READ, Params::named("uri", uri))
    }

    /// Gets a prompt with its arguments inserted.
    ///
    /// Spec: server/prompts#getting-a-prompt
    pub fn get_prompt(&self, name: &str) -> Call<GetPromptResult> {
        Call::new(self.clone(), method::PROMPTS_GET, Params::named("name", name))
    }

    /// Requests completions of an argument.
    ///
    /// Spec: server/utilities/completion
    pub fn complete(&self, params: &CompleteRequestParams) -> Call<CompleteResult> {
        Call::new(self.clone(), method::COMPLETION_COMPLETE, Params::new(params))
    }

    /// Checks that the server responds: with `ping` in the legacy era, and with `server/discover` in the modern era,
    /// which has no `ping`.
    ///
    /// Spec: 2025-11-25 basic/utilities/ping, server/discover
    #[doc(alias = "is_alive")]
    #[doc(alias = "health")]
    pub fn ping(&self) -> Call<EmptyResult> {
        let method = match self.era() {
            Era::Legacy => method::PING,
            Era::Modern => method::SERVER_DISCOVER,
        };
        Call::new(self.clone(), method, Ok(Params::empty()))
    }

    /// Sends any request, with parameters that serialize as a JSON object (or `()`), and returns the raw result.
    pub fn request(
        &self,
        method: impl Into<Cow<'static, str>>,
        params: &impl Serialize,
    ) -> Call<RawJson> {
        Call::new(self.clone(), method, Params::new(params))
    }

    /// Forwards a request, as a proxy does, and returns the raw result: `params` without their `_meta`, and the
    /// members of `_meta`, to which the protocol adds its own. Both are sent with the bytes that they have.
    pub fn forward(
        &self,
        method: impl Into<Cow<'static, str>>,
        params: RawObject,
        meta: RawObject,
    ) -> Call<RawJson> {
        Call::new(self.clone(), method, Ok(Params::forwarded(params, meta)))
    }

    /// Sends a notification.
    ///
    /// Waits at most for the session's timeout. If the future is dropped, the notification may not be sent.
    ///
    /// # Errors
    /// The notification could not be sent.
    pub async fn notify(
        &self,
        method: impl Into<Cow<'static, str>>,
        params: &impl Serialize,
    ) -> Result<(), Error> {
        let method = method.into();
        let tracing = &self.inner().tracing;
        let mut span = tracing.client_span(&method, Some(self.protocol_version()), || None);
        let sending = async {
            let params = Params::new(params).map_err(|error| self.unsendable(error))?;
            let trace = tracing.context(|| params.caller_meta(None));
            let params = params.encode(&self.inner().meta, None, None, trace.as_deref());
            let mut notification = Notification::new(method.clone());
            notification.params = params.map_err(|error| self.unsendable(error))?;
            self.send(notification.into(), trace).await
        };
        let sent = sending.instrument(span.span()).await;
        let sent = sent.map_err(|error| error.with_method(method));
        span.ended(&sent);
        sent
    }

    /// Notifies the server that the roots have changed. Does nothing in the modern era, where servers request the roots
    /// when they need them, and if this client has not declared `roots.listChanged`.
    ///
    /// Spec: 2025-11-25 client/roots#root-list-changes
    ///
    /// # Errors
    /// The notification could not be sent.
    pub async fn roots_changed(&self) -> Result<(), Error> {
        match self.era() == Era::Legacy && self.inner().server_requests.reports_roots() {
            true => self.notify(method::NOTIFICATIONS_ROOTS_LIST_CHANGED, &()).await,
            false => Ok(()),
        }
    }

    /// Sets the minimum level of log messages from now on. They are passed to
    /// [`Handlers::on_log`](crate::Handlers::on_log). A legacy server is notified at once; a modern one receives the
    /// level with each request, and sends no log messages until a level is set.
    ///
    /// Spec: server/utilities/logging
    ///
    /// # Errors
    /// A legacy server refuses.
    pub async fn set_log_level(&self, level: LoggingLevel) -> Result<(), Error> {
        match self.era() {
            Era::Legacy => {
                let params = SetLevelRequestParams::new(level);
                self.request(method::LOGGING_SET_LEVEL, &params).await.map(drop)
            }
            Era::Modern => {
                self.inner().log_level.set(&level);
                Ok(())
            }
        }
    }
}

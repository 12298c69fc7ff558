use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::Arc,
};

use mcp_core::{
    Notification, ProgressNotificationParams, ProtocolVersion, RawJson, SubscriptionFilter,
};
use mcp_transport::Delivery;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::{
    CallInfo, Error, ErrorKind, Timeout, handlers::ProgressHandler, inner::Inner, task_tools::TASK,
};

/// The hooks of an extension of the protocol in a session: declaration, results and notifications.
///
/// One extension may serve many sessions. Unrelated calls do not reach it.
///
/// Spec: SEP-2133
pub trait Extension: Send + Sync + 'static {
    /// The name of the extension, such as `io.modelcontextprotocol/tasks`: a prefix and a name. A session with an
    /// invalid name is not opened.
    ///
    /// Spec: basic/versioning#extension-negotiation
    fn id(&self) -> &str;

    /// The declared settings, in `capabilities.extensions`. Default: none.
    fn settings(&self, context: &SettingsContext<'_>) -> Map<String, Value> {
        let _ = context;
        Map::new()
    }

    /// Whether [`finish`](Extension::finish) converts results of this kind into the final result of this method. A
    /// result that no extension takes is an error of the call. Default: false.
    ///
    /// Spec: basic/index#resulttype
    fn takes(&self, method: &str, result_type: &str) -> bool {
        let _ = (method, result_type);
        false
    }

    /// Obtains the final result for a result that it [takes](Extension::takes). A returned input request continues the
    /// rounds of the call, including manual ones.
    ///
    /// For a call sent as a task of revision 2025-11-25 the kind is `task`, and the result is the `CreateTaskResult` of
    /// that revision. Tool calls that must run as tasks are sent so if an extension takes that kind for `tools/call`.
    ///
    /// The future is dropped when the total timeout of the call elapses, and when the call is dropped.
    fn finish(
        &self,
        foreign: ForeignResult,
    ) -> Pin<Box<dyn Future<Output = Result<RawJson, Error>> + Send>> {
        let message = format!("no extension finishes results of kind {:?}", foreign.result_type);
        let error = Error::new(ErrorKind::Decode, Arc::clone(&foreign.inner.server), message);
        Box::pin(std::future::ready(Err(error.with_delivery(Delivery::Answered))))
    }

    /// Receives every notification of a server, before the application. `server` is the [name](crate::Session::name) of
    /// the session. It must not block. Default: ignores it.
    fn on_notification(&self, server: &str, notification: &Notification) {
        let _ = (server, notification);
    }

    /// Adds its own keys to the filter of a `subscriptions/listen`. Default: none.
    ///
    /// Spec: basic/patterns/subscriptions
    fn extend_filter(&self, filter: &mut SubscriptionFilter) {
        let _ = filter;
    }
}

/// The session for which an extension declares its settings.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct SettingsContext<'a> {
    /// The name of the server, as in errors.
    pub server: &'a str,
    /// The revision in which the settings are declared; the session may use another one of the same era.
    pub version: ProtocolVersion,
}

impl<'a> SettingsContext<'a> {
    /// The context of a session with `server`.
    pub fn new(server: &'a str, version: ProtocolVersion) -> Self {
        Self { server, version }
    }
}

/// A result of a kind defined by an extension, with its call.
#[derive(Clone)]
pub struct ForeignResult {
    pub(crate) inner: Arc<Inner>,
    pub(crate) extensions: Extensions,
    /// The timeout of the session handle, if set.
    pub(crate) handle_timeout: Option<Timeout>,
    pub(crate) call: CallInfo,
    pub(crate) result_type: String,
    pub(crate) result: RawJson,
    pub(crate) timeout: Timeout,
    pub(crate) is_manual: bool,
    pub(crate) on_progress: Option<ProgressHandler>,
}

impl ForeignResult {
    /// The call.
    pub fn call(&self) -> &CallInfo {
        &self.call
    }

    /// The kind of the result.
    pub fn result_type(&self) -> &str {
        &self.result_type
    }

    /// The whole result, unparsed.
    pub fn result(&self) -> &RawJson {
        &self.result
    }

    /// The timeouts of the call. The session enforces the total one.
    pub fn timeout(&self) -> Timeout {
        self.timeout
    }

    /// Whether the caller responds to input requests instead of the handlers: see
    /// [`Call::manual_input`](crate::Call::manual_input).
    pub fn is_manual(&self) -> bool {
        self.is_manual
    }

    /// Reports progress to the call's handler, if any. A panic of the handler is logged.
    pub fn progress(&self, progress: ProgressNotificationParams) {
        let Some(on_progress) = &self.on_progress else { return };
        if catch_unwind(AssertUnwindSafe(|| on_progress(progress))).is_err() {
            tracing::error!("the progress handler panicked");
        }
    }
}

impl fmt::Debug for ForeignResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ForeignResult")
            .field("call", &self.call)
            .field("result_type", &self.result_type)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

/// The extensions of a session.
#[derive(Clone)]
pub(crate) struct Extensions(Arc<[Arc<dyn Extension>]>);

impl From<&[Arc<dyn Extension>]> for Extensions {
    fn from(extensions: &[Arc<dyn Extension>]) -> Self {
        Self(extensions.into())
    }
}

impl Extensions {
    pub(crate) fn on_notification(&self, server: &str, notification: &Notification) {
        self.0.iter().for_each(|extension| extension.on_notification(server, notification));
    }

    /// The filter of a `subscriptions/listen`, with the keys of all extensions.
    pub(crate) fn filter(&self, mut filter: SubscriptionFilter) -> SubscriptionFilter {
        self.0.iter().for_each(|extension| extension.extend_filter(&mut filter));
        filter
    }

    /// Whether an extension takes results of this kind.
    pub(crate) fn takes(&self, method: &str, result_type: &str) -> bool {
        self.0.iter().any(|it| it.takes(method, result_type))
    }

    /// The extension that takes the result of a call sent as a task of revision 2025-11-25.
    pub(crate) fn task_taker(&self, method: &str) -> Option<(&dyn Extension, String)> {
        let extension = self.0.iter().find(|it| it.takes(method, TASK))?;
        Some((&**extension, TASK.to_owned()))
    }

    /// The extension that takes a result, and the kind of the result.
    pub(crate) fn taker(&self, method: &str, result: &RawJson) -> Option<(&dyn Extension, String)> {
        #[derive(Deserialize)]
        struct Kind {
            #[serde(rename = "resultType")]
            result_type: String,
        }

        if self.0.is_empty() {
            return None;
        }
        let Kind { result_type } = result.decode().ok()?;
        let extension = self.0.iter().find(|it| it.takes(method, &result_type))?;
        Some((&**extension, result_type))
    }
}

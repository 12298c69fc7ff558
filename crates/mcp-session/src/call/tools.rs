//! Tool lists required by calls.

use std::{pin::pin, sync::atomic::Ordering};

use mcp_core::{
    ListToolsResult, PaginatedRequestParams, ProtocolVersion, Tool, error_code, method,
    tasks_2025_11_25::TaskSupport,
};
use mcp_transport::Delivery;
use tracing::Instrument;

use super::request::{CallRequest, Received, RoundOutcome};
use crate::{
    CacheMode, Error, Session, Timeout,
    deadline::{Deadline, Reached},
    pages::{NextPage, Pages},
    params::Params,
    task_tools::TASK,
};

/// Lists all tools, so that the session records their schemas.
pub(crate) async fn list_tools(
    session: &Session,
    cache: CacheMode,
    timeout: Option<Timeout>,
) -> Result<Vec<Tool>, Error> {
    let mut pages = Pages::default();
    let (mut tools, mut is_repeated) = (Vec::new(), false);
    let mut params = PaginatedRequestParams::default();
    loop {
        let mut request =
            CallRequest::new(session.clone(), method::TOOLS_LIST, Params::new(&params));
        (request.cache, request.timeout) = (cache, timeout);
        let Received { value, bytes } = page(&request).await?;
        let error =
            |(kind, text): (_, String)| session.error(kind, text).with_method(method::TOOLS_LIST);
        pages.received(bytes).map_err(error)?;
        let before = tools.len();
        tools.extend(
            value.tools.into_vec().into_iter().filter(|tool: &Tool| pages.is_new(&tool.name)),
        );
        let Some(cursor) = value.next_cursor else { return Ok(tools) };
        if is_repeated && tools.len() == before {
            return Ok(tools);
        }
        match pages.next(&cursor).map_err(error)? {
            NextPage::None => return Ok(tools),
            next => is_repeated = next == NextPage::Repeated,
        }
        params.cursor = Some(cursor);
    }
}

async fn page(request: &CallRequest) -> Result<Received<ListToolsResult>, Error> {
    let mut deadline = request.session.deadline(request.timeout);
    let mut ticket = request.ticket();
    if let Some(ticket) = &mut ticket
        && let Some(cached) = request.cached(ticket).await
    {
        return Ok(cached);
    }
    let mut span = request.span();
    let current = span.span();
    let sending = request.send(None, &[], ticket, &mut deadline, &mut span);
    let sent = sending.instrument(current).await;
    let page = match sent {
        Ok(RoundOutcome::Done(page)) => Ok(page),
        Ok(RoundOutcome::Other(_, error)) | Err(error) => Err(error),
    };
    match &page {
        Ok(_) => span.done(&()),
        Err(error) => span.failed(error),
    }
    page
}

impl Session {
    /// Whether tool calls may be sent as tasks: the revision and the server support it, and there is an extension for
    /// it.
    pub(crate) fn runs_tasks(&self) -> bool {
        let requests = || self.capabilities().tasks.as_ref()?.requests.as_ref()?.tools.as_ref();
        self.protocol_version() == ProtocolVersion::V2025_11_25
            && requests().is_some_and(|tools| tools.contains_key("call"))
            && self.extensions.takes(method::TOOLS_CALL, TASK)
    }
}

impl CallRequest {
    /// Whether this is a tool call that may be sent as a task of revision 2025-11-25.
    pub(crate) fn may_be_task(&self) -> bool {
        self.method == method::TOOLS_CALL && self.session.runs_tasks()
    }

    /// Decides whether the call is sent as a task, based on the listed tool. Lists the tools if necessary: some servers
    /// report a call that should have been a task as a tool error.
    pub(crate) async fn choose_task(&self, deadline: &mut Deadline) -> Result<(), Error> {
        let Some(tool) = self.target() else { return Ok(()) };
        let known = &self.session.inner().task_tools;
        if known.is_empty() {
            self.list_for_tasks(CacheMode::Use, deadline).await?;
        }
        self.set_task(known.of(&tool));
        Ok(())
    }

    /// Whether to send the call again as a task: the server rejected the method, and the tool turns out to run only as
    /// a task.
    ///
    /// Spec: 2025-11-25 basic/utilities/tasks#tool-level-negotiation
    pub(crate) async fn has_to_be_task(
        &self,
        error: &Error,
        deadline: &mut Deadline,
    ) -> Result<bool, Error> {
        let is_refused = error.answer().is_some_and(|it| it.code == error_code::METHOD_NOT_FOUND);
        if !is_refused || self.is_as_task() || !self.may_be_task() {
            return Ok(false);
        }
        let Some(tool) = self.target() else { return Ok(false) };
        self.list_for_tasks(CacheMode::Refresh, deadline).await?;
        self.set_task(self.session.inner().task_tools.of(&tool));
        Ok(self.is_as_task())
    }

    async fn list_for_tasks(&self, cache: CacheMode, deadline: &mut Deadline) -> Result<(), Error> {
        let limit = self.timeout.map(|limit| Timeout { total: None, ..limit });
        let listing = pin!(list_tools(&self.session, cache, limit));
        let listed = deadline.limit_total(listing).await;
        listed.map_err(|reached| self.late(reached).with_delivery(Delivery::NotSent))??;
        deadline.restart_idle().map_err(|reached| self.late(reached))
    }

    fn late(&self, reached: Reached) -> Error {
        self.session.late(reached).with_method(self.method.clone())
    }

    fn set_task(&self, support: Option<TaskSupport>) {
        let is_task = match support {
            Some(TaskSupport::Required) => true,
            Some(TaskSupport::Optional) => self.prefers_task,
            _ => false,
        };
        self.as_task.store(is_task, Ordering::Relaxed);
    }
}

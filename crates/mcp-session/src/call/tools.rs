//! The list of tools, as calls of tools need it.

use mcp_core::{ListToolsResult, PaginatedRequestParams, Tool, method};
use tracing::Instrument;

use super::request::{CallRequest, Received, RoundOutcome};
use crate::{
    CacheMode, Error, Session, Timeout,
    pages::{NextPage, Pages},
    params::Params,
};

/// Lists all tools, of which the session remembers the schemas.
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
    let sending = request.send(&[], ticket, &mut deadline, &mut span);
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

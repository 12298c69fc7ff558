//! Execution of a call, with rounds of input.

use std::{borrow::Cow, pin::pin, sync::Arc};

use mcp_core::{MethodResult, RawJson};
use mcp_transport::Delivery;
use tracing::Instrument;

use super::{
    request::{CallRequest, Received, RoundOutcome},
    tools::list_tools,
};
use crate::{
    CacheMode, Error, Timeout,
    cache::Ticket,
    deadline::{Deadline, Reached},
    exchange::First,
    extension::ForeignResult,
    input_required::InputResponses,
    trace::MessageSpan,
};

/// The state of a call before its rounds.
pub(crate) struct Started {
    /// What the request got, if it was sent.
    pub(crate) first: Option<First>,
    /// The span, if a subscriber records it.
    pub(crate) span: Option<MessageSpan>,
    pub(crate) ticket: Option<Box<Ticket>>,
}

/// Executes a call, or the rest of it.
pub(crate) async fn run<R: MethodResult + Send + 'static>(
    request: &CallRequest,
    Started { first, span, mut ticket }: Started,
    mut deadline: Deadline,
) -> Result<Received<R>, Error> {
    if let Some(ticket) = &mut ticket
        && let Some(cached) = cached(request, ticket, &mut deadline).await?
    {
        return Ok(cached);
    }
    let mut span = span.unwrap_or_else(|| request.span());
    let current = span.span();
    let rounds = rounds(request, first, ticket, &mut deadline, &mut span);
    let mut result = rounds.instrument(current).await;
    match &mut result {
        Ok(received) => span.done(&received.value),
        Err(error) => {
            // In place, since a result is large and should not be moved for it.
            *error = request.named(error.clone());
            span.failed(error);
        }
    }
    result
}

/// The cached result, within the timeout of the call.
pub(crate) async fn cached<R: MethodResult + 'static>(
    request: &CallRequest,
    ticket: &mut Ticket,
    deadline: &mut Deadline,
) -> Result<Option<Received<R>>, Error> {
    let mut getting = Box::pin(request.cached(ticket));
    let cached = deadline.limit_total(getting.as_mut()).await;
    cached.map_err(|reached| late(request, reached).with_delivery(Delivery::NotSent))
}

async fn rounds<R: MethodResult + Send + 'static>(
    request: &CallRequest,
    mut first: Option<First>,
    mut ticket: Option<Box<Ticket>>,
    deadline: &mut Deadline,
    span: &mut MessageSpan,
) -> Result<Received<R>, Error> {
    let session = &request.session;
    let mut responses = InputResponses::new();
    let (mut round, mut is_corrected) = (0, false);
    if first.is_none() && request.may_be_task() {
        Box::pin(request.choose_task(deadline)).await?;
    }
    loop {
        let sent = once(request, first.take(), &responses, ticket.take(), deadline, span).await;
        let (result, error) = match sent {
            Ok(RoundOutcome::Done(done)) => return Ok(done),
            Ok(RoundOutcome::Other(result, error)) => (result, error),
            Err(error) if !is_corrected && request.has_wrong_headers(&error) => {
                is_corrected = true;
                Box::pin(correct_headers(request, deadline)).await?;
                continue;
            }
            Err(error) if Box::pin(request.has_to_be_task(&error, deadline)).await? => continue,
            Err(error) => return Err(error),
        };
        // Only an unexpected result is decoded a second time.
        let Some(required) = request.input_required(&result) else { return Err(error) };
        let refused = |message| input_error(request, &result, message);
        if round >= session.inner().max_rounds {
            let text = format!("the server still requests input after {round} rounds");
            return Err(refused(text.into()));
        }
        round += 1;
        let call = request.info();
        let responding = required.responses(&session.inner().server_requests, &call, round);
        // A handler may wait for a user, and its response would be for a closed session.
        let mut responding = Box::pin(session.until_closed(responding));
        let responded = deadline.limit_total(responding.as_mut()).await;
        let responded = responded.map_err(|reached| late(request, reached))?;
        let responded = responded.map_err(|error| error.with_method(request.method.clone()))?;
        responses = responded.map_err(|error| refused(error.into_message()))?;
        deadline.restart_idle().map_err(|reached| late(request, reached))?;
    }
}

/// Sends the request once, unless it was sent and got its `first` item. An extension finishes a result of a foreign kind; results are validated if the session does
/// so.
pub(crate) async fn once<R: MethodResult + Send + 'static>(
    request: &CallRequest,
    first: Option<First>,
    responses: &[u8],
    ticket: Option<Box<Ticket>>,
    deadline: &mut Deadline,
    span: &mut MessageSpan,
) -> Result<RoundOutcome<R>, Error> {
    let sent = request.send(first, responses, ticket, deadline, span).await;
    let outcome = sent.inspect_err(|error| {
        if request.has_wrong_headers(error)
            && let Some(cache) = request.session.cache()
        {
            cache.evict_tools();
        }
    })?;
    let (result, error) = match outcome {
        RoundOutcome::Done(received) => return checked(request, received, deadline).await,
        RoundOutcome::Other(result, error) => (result, error),
    };
    let Some(finished) = finished(request, &result, deadline).await? else {
        return Ok(RoundOutcome::Other(result, error));
    };
    match request.decode(&finished) {
        Ok(value) => {
            let bytes = finished.len();
            checked(request, Received { value, bytes }, deadline).await
        }
        Err(error) => {
            let error = request.undecodable(&finished, error);
            Ok(RoundOutcome::Other(finished, error))
        }
    }
}

/// The result, unless it is an invalid tool result.
async fn checked<R: MethodResult + Send + 'static>(
    request: &CallRequest,
    received: Received<R>,
    deadline: &mut Deadline,
) -> Result<RoundOutcome<R>, Error> {
    #[cfg(feature = "validation")]
    if request.session.inner().outputs.has_checks() {
        let mut received = received;
        let any: &mut (dyn std::any::Any + Send) = &mut received.value;
        if let Some(result) = any.downcast_mut::<mcp_core::CallToolResult>()
            && let Some(tool) = request.target()
        {
            let taken = std::mem::take(result);
            let checking = crate::output::check(&request.session, &tool, taken, received.bytes);
            let mut checking = Box::pin(checking);
            let checked = deadline.limit_total(checking.as_mut()).await;
            // The tool has run.
            let answered = |reached| late(request, reached).with_delivery(Delivery::Answered);
            *result = checked.map_err(answered)??;
        }
        return Ok(RoundOutcome::Done(received));
    }
    let _ = (request, deadline);
    Ok(RoundOutcome::Done(received))
}

/// The final result obtained by an extension.
async fn finished(
    request: &CallRequest,
    result: &RawJson,
    deadline: &mut Deadline,
) -> Result<Option<RawJson>, Error> {
    let session = &request.session;
    let taker = match request.is_as_task() {
        true => session.extensions.task_taker(&request.method),
        false => session.extensions.taker(&request.method, result),
    };
    let Some((extension, result_type)) = taker else { return Ok(None) };
    let timeout = request.timeout.unwrap_or_else(|| session.default_timeout());
    // An extension has its own default for long-running work.
    let timeout = match timeout == Timeout::default() {
        true => timeout.with_total(None),
        false => timeout,
    };
    let mut finishing = extension.finish(ForeignResult {
        inner: Arc::clone(session.shared()),
        extensions: session.extensions.clone(),
        handle_timeout: session.timeout,
        call: request.info(),
        result_type,
        result: result.clone(),
        timeout,
        is_manual: request.is_manual,
        on_progress: request.on_progress().cloned(),
    });
    let finished = deadline.limit_total(finishing.as_mut()).await;
    let finished = finished.unwrap_or_else(|reached| Err(late(request, reached)));
    finished.map(Some).map_err(|error| error.with_method(request.method.clone()))
}

/// Lists the tools again, since the server rejected the headers.
pub(crate) async fn correct_headers(
    request: &CallRequest,
    deadline: &mut Deadline,
) -> Result<(), Error> {
    let limit = request.timeout.map(|limit| Timeout { total: None, ..limit });
    let listing = pin!(list_tools(&request.session, CacheMode::Refresh, limit));
    let listed = deadline.limit_total(listing).await;
    // A refused request has had no effect.
    listed.map_err(|reached| late(request, reached).with_delivery(Delivery::Answered))??;
    deadline.restart_idle().map_err(|reached| late(request, reached))
}

pub(crate) fn late(request: &CallRequest, reached: Reached) -> Error {
    request.session.late(reached).with_method(request.method.clone())
}

/// The error for input that cannot be obtained.
fn input_error(request: &CallRequest, result: &RawJson, message: Cow<'static, str>) -> Error {
    let mut input = result.clone();
    // The error may be kept for longer than the frame of the result.
    input.detach();
    Error::from_input_required(request.session.inner().server.clone(), input, message)
        .with_method(request.method.clone())
}

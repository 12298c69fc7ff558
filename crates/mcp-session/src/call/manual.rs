//! Calls whose caller responds to input requests.

use std::{fmt, future::IntoFuture, marker::PhantomData, pin::Pin};

use mcp_core::{InputRequest, InputRequiredResult, InputResponse, MethodResult, RawJson};
use mcp_transport::Delivery;
use tracing::Instrument;

use super::{
    request::{CallRequest, RoundOutcome},
    rounds::{cached, correct_headers, once},
};
use crate::{
    Error, ErrorKind,
    input_required::{InputRequired, InputResponses},
    params::member,
};

/// A call that returns the server's input requests to the caller; see
/// [`Call::manual_input`](crate::Call::manual_input).
///
/// A timeout of the call applies to each round.
#[must_use = "nothing is sent unless the call is awaited"]
pub struct ManualCall<R> {
    request: CallRequest,
    responses: InputResponses,
    result: PhantomData<fn() -> R>,
}

/// The outcome of one round of a [`ManualCall`].
#[derive(Debug)]
#[expect(clippy::exhaustive_enums, reason = "the specification has no third kind")]
pub enum Input<R> {
    /// The result.
    Done(R),
    /// The server needs input first.
    Required(Box<InputRound<R>>),
}

/// The input that a server needs before it continues with a call.
pub struct InputRound<R> {
    request: CallRequest,
    raw: RawJson,
    /// The requested input, by names chosen by the server.
    pub required: InputRequiredResult,
    result: PhantomData<fn() -> R>,
}

impl<R> InputRound<R> {
    /// Repeats the call with these responses, one for each of
    /// [`required.input_requests`](InputRequiredResult::input_requests), under the same names. The server's state is
    /// added unchanged.
    ///
    /// # Errors
    /// A response cannot be encoded as JSON; kind [`Arguments`](crate::ErrorKind::Arguments) if a requested input has
    /// no response.
    ///
    /// Spec: basic/patterns/mrtr#client-requirements
    pub fn answer<N: Into<String>>(
        self,
        answers: impl IntoIterator<Item = (N, InputResponse)>,
    ) -> Result<ManualCall<R>, Error> {
        let mut out = InputResponses::new();
        let session = &self.request.session;
        // Requests of an unknown kind cannot be answered.
        let requests = self.required.input_requests.iter().flat_map(|it| it.iter());
        let known = requests.filter(|(_, request)| !matches!(request, InputRequest::Unknown(_)));
        let mut missing: Vec<&str> = known.map(|(name, _)| name).collect();
        for (name, answer) in answers {
            if out.is_empty() {
                out.extend_from_slice(b"\"inputResponses\":{");
            }
            let name = name.into();
            missing.retain(|it| *it != name);
            member(&mut out, &name, &answer).map_err(|error| session.unsendable(error))?;
        }
        if let Some(name) = missing.first() {
            let text = format!("the server requests the input {name:?}, which has no response");
            let error = session.error(ErrorKind::Arguments, text);
            let error = error.with_delivery(Delivery::NotSent);
            return Err(error.with_method(self.request.method.clone()));
        }
        if !out.is_empty() {
            out.push(b'}');
        }
        let responses = match InputRequired::read(&self.raw) {
            Some(required) => required.with_state(out),
            None => out,
        };
        Ok(ManualCall { request: self.request, responses, result: PhantomData })
    }
}

impl<R> ManualCall<R> {
    pub(crate) fn new(request: CallRequest) -> Self {
        Self { request, responses: InputResponses::new(), result: PhantomData }
    }
}

impl<R: MethodResult + Send + 'static> IntoFuture for ManualCall<R> {
    type Output = Result<Input<R>, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        let Self { request, responses, .. } = self;
        Box::pin(async move {
            match round::<R>(&request, &responses).await? {
                RoundOutcome::Done(received) => Ok(Input::Done(received.value)),
                RoundOutcome::Other(raw, error) => {
                    let Some(required) = required(&request, &raw) else { return Err(error) };
                    let result = PhantomData;
                    Ok(Input::Required(Box::new(InputRound { request, raw, required, result })))
                }
            }
        })
    }
}

async fn round<R: MethodResult + Send + 'static>(
    request: &CallRequest,
    responses: &[u8],
) -> Result<RoundOutcome<R>, Error> {
    let mut deadline = request.session.deadline(request.timeout);
    let mut ticket = if responses.is_empty() { request.ticket() } else { None };
    if let Some(ticket) = &mut ticket
        && let Some(cached) = cached(request, ticket, &mut deadline).await?
    {
        return Ok(RoundOutcome::Done(cached));
    }
    let mut span = request.span();
    let current = span.span();
    let sending = async {
        let sent = once(request, None, responses, ticket, &mut deadline, &mut span).await;
        match sent {
            Err(error) if request.has_wrong_headers(&error) => {
                correct_headers(request, &mut deadline).await?;
                once(request, None, responses, None, &mut deadline, &mut span).await
            }
            sent => sent,
        }
    };
    let sent = sending.instrument(current).await;
    match &sent {
        Ok(RoundOutcome::Done(received)) => span.done(&received.value),
        Ok(RoundOutcome::Other(raw, _)) if required(request, raw).is_some() => span.done(&()),
        Ok(RoundOutcome::Other(_, error)) | Err(error) => span.failed(error),
    }
    sent
}

fn required(request: &CallRequest, raw: &RawJson) -> Option<InputRequiredResult> {
    request.input_required(raw).and_then(|_| raw.decode().ok())
}

impl<R> fmt::Debug for ManualCall<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ManualCall").field("method", &self.request.method).finish_non_exhaustive()
    }
}

impl<R> fmt::Debug for InputRound<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InputRound")
            .field("method", &self.request.method)
            .field("required", &self.required)
            .finish_non_exhaustive()
    }
}

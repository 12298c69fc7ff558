//! The rounds in which a server of the modern era asks for input before it answers a call.
//!
//! Spec: basic/patterns/mrtr

use std::{
    borrow::Cow,
    future::{IntoFuture, poll_fn},
    pin::Pin,
    sync::Arc,
    task::Poll,
    time::Duration,
};

use mcp_core::{
    Entries, ErrorObject, InputRequiredResult, InputResponse, Meta, MethodResult, RawJson,
    error_code,
};
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::time::Instant;
use tracing::Instrument;

use crate::{Call, CallInfo, Error, answering::Answering, call::Read, params::member};

/// The key in the `_meta` of an `input_required` result under which a group of servers says, as a
/// string, which of them asks.
pub const SERVER_META_KEY: &str = "mcp-group/server";

/// The wait before a call is repeated for which the server wanted nothing but time; it doubles.
const FIRST_WAIT: Duration = Duration::from_millis(100);
const MAX_WAIT: Duration = Duration::from_secs(5);

/// What a repeated request adds to its parameters, as the inside of a JSON object.
pub(crate) type Answers = Vec<u8>;

/// An `input_required` result, read as loosely as it can be: each request by itself, the state not at all.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Wanted<'a> {
    result_type: Cow<'a, str>,
    #[serde(default, borrow)]
    input_requests: Option<Entries<WantedInput<'a>>>,
    #[serde(default, borrow)]
    request_state: Option<&'a RawValue>,
    #[serde(default, rename = "_meta")]
    meta: Option<Meta>,
}

#[derive(Deserialize)]
struct WantedInput<'a> {
    method: Cow<'a, str>,
    #[serde(default, borrow)]
    params: Option<&'a RawValue>,
}

impl<'a> Wanted<'a> {
    /// The result, if it is one that asks for input. One that names neither input nor a state is none: to
    /// repeat the same call could do its work twice.
    pub(crate) fn read(result: &'a RawJson) -> Option<Self> {
        let wanted: Self = result.decode().ok()?;
        let wants = wanted.input_requests.is_some() || wanted.request_state.is_some();
        (wanted.result_type == "input_required" && wants).then_some(wanted)
    }

    /// Asks the handlers for all that is wanted at once. An error says which of it was not to be had.
    pub(crate) async fn answers(
        &self,
        answering: &Answering,
        call: &CallInfo,
        round: u32,
    ) -> Result<Answers, (String, ErrorObject)> {
        let Some(requests) = self.input_requests.as_ref().filter(|it| !it.is_empty()) else {
            tokio::time::sleep(backoff(round)).await;
            return Ok(self.with_state(Vec::new()));
        };
        let server = self.meta.as_ref().and_then(|meta| meta.get(SERVER_META_KEY)?.as_str());
        let server: Option<Arc<str>> = server.map(Arc::from);
        let asked: Vec<_> = requests
            .iter()
            .map(|(name, request)| {
                let method = Cow::Owned(request.method.clone().into_owned());
                let params = request.params.map(|it| RawJson::trusted(it.get().to_owned()));
                let (call, server) = (Some(call.clone()), server.clone());
                let outcome = answering.traced_outcome(method, params, call, server);
                Box::pin(async move { outcome.await.map_err(|error| (name.to_owned(), error)) })
            })
            .collect();
        let mut out = b"\"inputResponses\":{".to_vec();
        for ((name, _), answer) in requests.iter().zip(all(asked).await?) {
            let raw = answer.decode::<&RawValue>();
            raw.and_then(|raw| member(&mut out, name, raw))
                .map_err(|error| (name.to_owned(), unwritable(&error)))?;
        }
        out.push(b'}');
        Ok(self.with_state(out))
    }

    /// Adds the state, as it came, and only if one came.
    fn with_state(&self, mut out: Answers) -> Answers {
        if let Some(state) = self.request_state {
            if !out.is_empty() {
                out.push(b',');
            }
            out.extend_from_slice(b"\"requestState\":");
            out.extend_from_slice(state.get().as_bytes());
        }
        out
    }
}

fn unwritable(error: &serde_json::Error) -> ErrorObject {
    ErrorObject::new(error_code::INTERNAL_ERROR, error.to_string())
}

fn backoff(round: u32) -> Duration {
    let factor = 1_u32.checked_shl(round.saturating_sub(1)).unwrap_or(u32::MAX);
    FIRST_WAIT.saturating_mul(factor).min(MAX_WAIT)
}

/// Polls all at once, up to the last or the first that fails.
pub(crate) async fn all<T, E>(
    mut futures: Vec<impl Future<Output = Result<T, E>> + Unpin>,
) -> Result<Vec<T>, E> {
    let mut outputs: Vec<Option<T>> = futures.iter().map(|_| None).collect();
    poll_fn(|cx| {
        for (future, output) in futures.iter_mut().zip(&mut outputs) {
            if output.is_none()
                && let Poll::Ready(value) = Pin::new(future).poll(cx)?
            {
                *output = Some(value);
            }
        }
        match outputs.iter().all(Option::is_some) {
            true => Poll::Ready(Ok(())),
            false => Poll::Pending,
        }
    })
    .await?;
    Ok(outputs.into_iter().flatten().collect())
}

/// A call whose requests for input come back to the caller; see [`Call::manual_input`].
#[must_use = "nothing is sent unless the call is awaited"]
#[derive(Debug)]
pub struct ManualCall<R> {
    call: Call<R>,
    answers: Answers,
}

/// What came of one round of a [`ManualCall`].
#[derive(Debug)]
#[expect(clippy::exhaustive_enums, reason = "the specification has no third kind")]
pub enum Input<R> {
    /// The result.
    Done(R),
    /// The server needs something first.
    Required(Box<InputRound<R>>),
}

/// What a server wants before it goes on with a call.
#[derive(Debug)]
pub struct InputRound<R> {
    call: Call<R>,
    result: RawJson,
    /// What it wants, by names of its choice.
    pub required: InputRequiredResult,
}

impl<R> InputRound<R> {
    /// The call to be repeated with these answers, one for each of
    /// [`required.input_requests`](InputRequiredResult::input_requests), under the same names. The state
    /// of the server is added as it came.
    ///
    /// # Errors
    /// When an answer cannot be written as JSON.
    pub fn answer<N: Into<String>>(
        self,
        answers: impl IntoIterator<Item = (N, InputResponse)>,
    ) -> Result<ManualCall<R>, Error> {
        let mut out = Vec::new();
        let failed = |error| self.call.session().unsendable(error);
        for (name, answer) in answers {
            if out.is_empty() {
                out.extend_from_slice(b"\"inputResponses\":{");
            }
            member(&mut out, &name.into(), &answer).map_err(failed)?;
        }
        if !out.is_empty() {
            out.push(b'}');
        }
        let answers = match Wanted::read(&self.result) {
            Some(wanted) => wanted.with_state(out),
            None => out,
        };
        Ok(ManualCall { call: self.call, answers })
    }
}

impl<R> ManualCall<R> {
    pub(crate) fn new(call: Call<R>) -> Self {
        Self { call, answers: Vec::new() }
    }
}

impl<R: MethodResult + Send + 'static> IntoFuture for ManualCall<R> {
    type Output = Result<Input<R>, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        let Self { mut call, answers } = self;
        Box::pin(async move {
            let mut ticket = if answers.is_empty() { call.ticket() } else { None };
            if let Some(ticket) = &mut ticket
                && let Some(kept) = call.kept(ticket).await
            {
                return Ok(Input::Done(kept));
            }
            let (limit, before) = (call.limit(), call.timeout);
            let end = limit.total.and_then(|total| Instant::now().checked_add(total));
            let mut traced = call.traced();
            let span = traced.span();
            let reading = async {
                let read = call.once(&answers, ticket, end, &mut traced).await;
                let Some(_) = read.as_ref().err().filter(|error| call.has_wrong_headers(error))
                else {
                    return read;
                };
                call.correct(limit, end).await?;
                call.once(&answers, None, end, &mut traced).await
            };
            let read = reading.instrument(span).await;
            // The limit is one on each round, and the next has all of it.
            call.timeout = before;
            let error = match read {
                Ok(Read::Done(done)) => {
                    traced.done(&done);
                    return Ok(Input::Done(done));
                }
                Ok(Read::Other(result, error)) => {
                    if let Some(required) = call.wanted(&result).and_then(|_| result.decode().ok())
                    {
                        traced.done(&());
                        let round = InputRound { call, result, required };
                        return Ok(Input::Required(Box::new(round)));
                    }
                    error
                }
                Err(error) => error,
            };
            traced.lost(&error);
            Err(error)
        })
    }
}

/// Why a call cannot go on.
pub(crate) fn refused<R>(
    call: &Call<R>,
    result: &RawJson,
    (name, why): (String, ErrorObject),
) -> Error {
    asking(call, result, format!("the input {name:?} is not to be had: {}", why.message))
}

/// Why a server that asks again and again is not asked any more.
pub(crate) fn endless<R>(call: &Call<R>, result: &RawJson, rounds: u32) -> Error {
    asking(call, result, format!("the server still asks for input after {rounds} rounds"))
}

fn asking<R>(call: &Call<R>, result: &RawJson, message: String) -> Error {
    let input = result.decode().unwrap_or_else(|_| InputRequiredResult::input_required());
    call.session().input_required(input, message)
}

//! A call on its way: its rounds, and each request of them.

use std::sync::Arc;

use mcp_core::{Era, MethodResult, RawJson, Request, error_code, method};
use mcp_transport::{Delivery, Routing};
use tokio::time::{Instant, timeout_at};
use tracing::Instrument;

use super::Call;
use crate::{
    CacheMode, Error, ErrorKind, ForeignResult, Timeout,
    cache::Ticket,
    extension::taker,
    output::Settled,
    param_headers,
    rounds::{Answers, Wanted, endless, refused},
    trace::Traced,
};

/// A page that the server refuses says something of the others.
fn failed(ticket: &Option<Box<Ticket>>, error: &Error) {
    if let Some(ticket) = ticket {
        ticket.failed(error);
    }
}

/// The methods that a server may answer with a wish for input.
const ASKING: [&str; 3] = [method::TOOLS_CALL, method::PROMPTS_GET, method::RESOURCES_READ];

/// What to do instead of setting the level of one call.
const NO_LEVEL: &str = "the legacy era has no log level for one call: use set_log_level";

/// What to do instead of calling a method of the other era.
fn foreign(method: &str, era: Era) -> Option<&'static str> {
    Some(match (era, method) {
        (Era::Modern, method::PING) => {
            "the modern era has no ping: any other call is a sign of life"
        }
        (Era::Modern, method::LOGGING_SET_LEVEL) => {
            "the modern era says it with each request: use set_log_level"
        }
        (Era::Modern, method::RESOURCES_SUBSCRIBE | method::RESOURCES_UNSUBSCRIBE) => {
            "the modern era has subscriptions/listen in its place: use subscribe"
        }
        (Era::Modern, method::INITIALIZE) => "the modern era has no sessions to begin",
        (Era::Legacy, method::SUBSCRIPTIONS_LISTEN) => {
            "the legacy era has resources/subscribe in its place: use subscribe"
        }
        (Era::Legacy, method::SERVER_DISCOVER) => {
            "the legacy era tells it with initialize: see the session's verdict"
        }
        _ => return None,
    })
}

/// What came of sending a call once.
pub(crate) enum Read<R> {
    Done(R),
    /// A result of another kind than the method has, and the error of taking it for one.
    Other(RawJson, Error),
}

impl<R: MethodResult + Send + 'static> Call<R> {
    pub(super) async fn send(mut self) -> Result<R, Error> {
        let mut ticket = self.ticket();
        if let Some(ticket) = &mut ticket
            && let Some(kept) = Box::pin(self.kept(ticket)).await
        {
            return Ok(kept);
        }
        let mut traced = self.traced();
        let span = traced.span();
        let result = self.rounds(ticket, &mut traced).instrument(span).await;
        traced.ended(&result);
        result
    }

    async fn rounds(
        &mut self,
        mut ticket: Option<Box<Ticket>>,
        traced: &mut Traced,
    ) -> Result<R, Error> {
        let mut answers = Answers::new();
        let mut round = 0;
        let limit = self.limit();
        let end = limit.total.and_then(|total| Instant::now().checked_add(total));
        let mut corrected = false;
        loop {
            let (result, error) = match self.once(&answers, ticket.take(), end, traced).await {
                Ok(Read::Done(done)) => return Ok(done),
                Ok(Read::Other(result, error)) => (result, error),
                Err(error) if !corrected && self.has_wrong_headers(&error) => {
                    corrected = true;
                    Box::pin(self.correct(limit, end)).await?;
                    continue;
                }
                Err(error) => return Err(error),
            };
            // Only a result that is not the expected one is looked at a second time.
            let Some(wanted) = self.wanted(&result) else { return Err(error) };
            round += 1;
            if round > self.session.max_rounds() {
                return Err(endless(self, &result, round - 1).with_method(self.method.clone()));
            }
            let call = self.info();
            let gathering = wanted.answers(self.session.answering(), &call, round);
            // A handler may wait for a person, and nobody would get the answer.
            let gathering = Box::pin(self.session.until_closed(gathering));
            let gathered = match end {
                Some(end) => timeout_at(end, gathering).await,
                None => Ok(gathering.await),
            };
            let late = |_| self.session.late(limit.total.unwrap_or_default());
            answers = gathered
                .map_err(late)
                .and_then(|gathered| gathered?.map_err(|why| refused(self, &result, why)))
                .map_err(|error| error.with_method(self.method.clone()))?;
            self.take_rest(limit, end);
        }
    }

    /// Learns anew what the server wants to have in headers, by `end` at the latest; `limit` was that of the
    /// call at its beginning.
    pub(crate) async fn correct(
        &mut self,
        limit: Timeout,
        end: Option<Instant>,
    ) -> Result<(), Error> {
        let listing = self.session.list_tools().cache(CacheMode::Refresh);
        let listing = listing.timeout(Timeout { total: None, ..limit });
        match end {
            Some(end) => timeout_at(end, listing).await.map_err(|_| {
                let late = self.session.late(limit.total.unwrap_or_default());
                // What the server refused has done nothing.
                late.with_delivery(Delivery::Answered).with_method(self.method.clone())
            })?,
            None => listing.await,
        }?;
        self.take_rest(limit, end);
        Ok(())
    }

    /// The limit on the whole call is one on all that is done for it.
    fn take_rest(&mut self, limit: Timeout, end: Option<Instant>) {
        let rest = end.map(|end| end.saturating_duration_since(Instant::now()));
        self.timeout = Some(Timeout { total: rest, ..limit });
    }

    /// Sends the request once, and reads what comes: by an extension where it is of a kind of its own. What
    /// there is a `ticket` for is kept.
    pub(crate) async fn once(
        &self,
        answers: &[u8],
        ticket: Option<Box<Ticket>>,
        end: Option<Instant>,
        traced: &mut Traced,
    ) -> Result<Read<R>, Error> {
        let result = self.round(answers, traced).await.inspect_err(|error| {
            failed(&ticket, error);
            if self.has_wrong_headers(error) {
                // What is known of the tool is out of date.
                self.session.tools_changed();
            }
        })?;
        let error = match self.settle(&result) {
            Ok(Settled::Done(done)) => {
                if let Some(ticket) = ticket {
                    Box::pin(ticket.keep(&result)).await;
                }
                return Ok(Read::Done(done));
            }
            Ok(Settled::Later(later)) => return later.await.map(Read::Done),
            Err(error) => self.undecodable(error),
        };
        let Some(finished) = self.finished(&result, end).await? else {
            return Ok(Read::Other(result, error));
        };
        match self.settle(&finished) {
            Ok(Settled::Done(done)) => Ok(Read::Done(done)),
            Ok(Settled::Later(later)) => later.await.map(Read::Done),
            Err(error) => Ok(Read::Other(finished, self.undecodable(error))),
        }
    }

    /// What is needed to keep the answer; `None` for nearly all calls.
    pub(crate) fn ticket(&self) -> Option<Box<Ticket>> {
        let params = self.params.as_ref().ok()?;
        let Self { session, cache, method, meta, .. } = self;
        let ticket = Ticket::new(session.cache(), *cache, method, params, meta.as_ref())?;
        // A session that is over has no answers, whatever is kept for others.
        (!session.is_closed()).then(|| Box::new(ticket))
    }

    /// The result, if it is in the cache.
    pub(crate) async fn kept(&self, ticket: &mut Ticket) -> Option<R> {
        let kept = ticket.find().await?;
        match self.settle(&kept) {
            Ok(Settled::Done(result)) => Some(result),
            Ok(Settled::Later(_)) | Err(_) => {
                ticket.is_of_no_use();
                None
            }
        }
    }

    /// What an extension makes of a result of its own kind, by `end` at the latest.
    async fn finished(
        &self,
        result: &RawJson,
        end: Option<Instant>,
    ) -> Result<Option<RawJson>, Error> {
        let taker = taker(self.session.extensions(), &self.method, result);
        let Some((extension, result_type)) = taker else { return Ok(None) };
        let limit = self.limit();
        let rest = end.map(|end| end.saturating_duration_since(Instant::now()));
        let on_progress = self.on_progress.as_ref().or(self.session.on_progress());
        let finishing = extension.finish(ForeignResult {
            session: self.session.clone(),
            call: self.info(),
            result_type,
            result: result.clone(),
            timeout: Timeout { total: rest, ..limit },
            is_manual: self.is_manual,
            on_progress: on_progress.cloned(),
        });
        let finished = match end {
            Some(end) => timeout_at(end, finishing).await,
            None => Ok(finishing.await),
        };
        let late = |_| Err(self.session.late(limit.total.unwrap_or_default()));
        let finished = finished.unwrap_or_else(late);
        finished.map(Some).map_err(|error| error.with_method(self.method.clone()))
    }

    /// What the server wants before it answers, if that is what it says.
    pub(crate) fn wanted<'a>(&self, result: &'a RawJson) -> Option<Wanted<'a>> {
        Wanted::read(result).filter(|_| ASKING.contains(&&*self.method))
    }

    pub(crate) fn limit(&self) -> Timeout {
        self.timeout.unwrap_or_else(|| self.session.default_timeout())
    }

    /// Sends the request once, with what the server has asked for, and gives the result as it came.
    pub(crate) async fn round(
        &self,
        answers: &[u8],
        traced: &mut Traced,
    ) -> Result<RawJson, Error> {
        let Self { session, method, params, meta, on_progress, log_level, .. } = self;
        let levelled = log_level.is_some() && session.era() == Era::Legacy;
        let levelled = levelled.then_some(NO_LEVEL);
        if let Some(instead) = foreign(method, session.era()).or(levelled) {
            let error = session.error(ErrorKind::Unsupported, instead);
            let error = error.with_delivery(Delivery::NotSent);
            return Err(error.with_method(method.clone()));
        }
        let on_progress = on_progress.as_ref().or(session.on_progress());
        let id = session.next_id();
        traced.has_id(id);
        let trace = session.tracing().context(|| match params {
            Ok(params) => params.meta_by_hand(meta.as_ref()),
            Err(_) => None,
        });
        let token = on_progress.is_some().then_some(id);
        let meta = session.log_level().beside(log_level.as_ref(), meta.as_ref());
        let params = match params {
            Ok(params) => params
                .encode_with(
                    session.common_meta(),
                    token,
                    meta.as_deref(),
                    trace.as_deref(),
                    answers,
                )
                .map_err(|error| session.unsendable(error)),
            Err(error) => Err(session.unsendable(Arc::clone(error))),
        };
        let mut request = Request::new(id, method.clone());
        request.params = params.map_err(|error| error.with_method(method.clone()))?;
        let routing = self.routing()?;
        session
            .ask(request, self.limit(), on_progress.map(|it| &**it), routing, trace, || self.info())
            .await
            .map_err(|error| error.with_method(method.clone()))
    }

    /// What HTTP repeats in headers: the name of the tool, and the arguments that its schema says.
    fn routing(&self) -> Result<Option<Box<Routing>>, Error> {
        let (true, Ok(params)) = (self.method == method::TOOLS_CALL, &self.params) else {
            return Ok(None);
        };
        let Some(annotated) = self.session.annotated(|| params.target()) else {
            return Ok(None);
        };
        let headers = params.arguments().and_then(|it| param_headers::headers(&annotated, &it));
        let headers = headers.map(|params| Box::new(Routing::new().with_params(params)));
        let unsendable = |error| self.session.unsendable(error).with_method(self.method.clone());
        headers.map(Some).map_err(unsendable)
    }

    /// Whether the server misses headers, or found others than it wanted.
    pub(crate) fn has_wrong_headers(&self, error: &Error) -> bool {
        self.method == method::TOOLS_CALL
            && error.answer().is_some_and(|answer| answer.code == error_code::HEADER_MISMATCH)
            && self.session.sends_headers()
    }

    pub(crate) fn undecodable(&self, error: serde_json::Error) -> Error {
        self.session.decode_error(error).with_method(self.method.clone())
    }

    /// The span of the call, all of its rounds included.
    pub(crate) fn traced(&self) -> Traced {
        let version = self.session.protocol_version();
        self.session.tracing().asking(&self.method, Some(version), || self.target())
    }
}

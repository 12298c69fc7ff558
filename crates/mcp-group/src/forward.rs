//! Forwards a request to one server.

use std::{
    borrow::Cow,
    pin::Pin,
    sync::{Arc, LazyLock},
    task::{Context, Poll, ready},
};

use mcp_core::{Era, ErrorObject, MethodResult, RawJson, RawObject, error_code, meta_key, method};
use mcp_session::{Call, CallFuture, SERVER_META_KEY, Session};
use memchr::memmem::Finder;

use crate::{
    asker::Asker,
    error::{RequestError, internal},
    member::Member,
    relay,
    request::IncomingRequest,
    rewrite::rewrite_uris,
};

static URI: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("\"uri\""));
static INPUT_REQUIRED: LazyLock<Finder<'static>> =
    LazyLock::new(|| Finder::new("\"input_required\""));

/// Forwards the request to a server, with these parameters.
pub(crate) async fn forward(
    request: &IncomingRequest,
    member: &Arc<Member>,
    params: RawObject,
) -> Result<RawJson, RequestError> {
    let session = member.session(&request.client).await?;
    let open = request.asker.as_ref().map(|asker| member.open_calls.begin(asker));
    let mut call = call(request, &session, params);
    if let Some(open) = &open {
        call = call.tag(open.number());
    }
    if let (Some(level), Era::Legacy) = (&request.level, session.era()) {
        member.set_log_level(&session, level).await;
    }
    // The session obtains the input of a modern server from a legacy client.
    let result = match open.is_some() && session.era() == Era::Modern && !request.is_modern() {
        true => call.returning::<FinalResult>().await.map(|result| result.0),
        false => call.await,
    };
    drop(open);
    respond(request, member, &session, result)
}

/// The call of a request.
fn call(request: &IncomingRequest, session: &Session, params: RawObject) -> Call<RawJson> {
    let meta = &request.meta;
    let mut call = session.forward(request.method.clone(), params, meta.for_servers.clone());
    if let (Some(level), Era::Modern) = (&request.level, session.era()) {
        call = call.log_level(level.clone());
    }
    if let Some(timeout) = request.timeout {
        call = call.timeout(timeout);
    }
    if meta.progress_token.is_some() {
        call = call.on_progress(relay::send_progress);
    }
    call
}

/// Converts the outcome of the call of a request.
fn respond(
    request: &IncomingRequest,
    member: &Member,
    session: &Session,
    result: Result<RawJson, mcp_session::Error>,
) -> Result<RawJson, RequestError> {
    if result.as_ref().err().is_none_or(|error| error.answer().is_some()) {
        member.answered();
    }
    let result = result.map_err(|error| RequestError::call_failed(&error))?;
    translate(request, member, session, result)
}

/// A server, and its session.
pub(crate) struct Target {
    pub(crate) member: Arc<Member>,
    pub(crate) session: Session,
}

/// A request that is forwarded without further work.
pub(crate) struct Forwarding {
    // Dropped before the session.
    call: CallFuture<RawJson>,
    request: IncomingRequest,
    target: Target,
}

impl Forwarding {
    pub(crate) fn new(mut request: IncomingRequest, target: Target) -> Self {
        let params = std::mem::take(&mut request.params);
        let mut call = call(&request, &target.session, params);
        if request.skips_validation {
            call = call.without_validation();
        }
        Self { call: call.into_future(), request, target }
    }

    /// The name of the server, if its result is not validated.
    pub(crate) fn unvalidated(&self) -> Option<&Arc<str>> {
        self.request.skips_validation.then_some(&self.target.member.name)
    }
}

impl Future for Forwarding {
    type Output = Result<RawJson, RequestError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let result = ready!(Pin::new(&mut self.call).poll(cx));
        let Target { member, session } = &self.target;
        Poll::Ready(respond(&self.request, member, session, result))
    }
}

/// A result that does not request input.
struct FinalResult(RawJson);

impl MethodResult for FinalResult {
    fn decode(raw: &RawJson) -> Result<Self, serde_json::Error> {
        #[derive(serde::Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Kind<'a> {
            #[serde(default, borrow)]
            result_type: Cow<'a, str>,
        }
        let Kind { result_type } = raw.decode()?;
        match &*result_type {
            "input_required" => Err(serde::de::Error::custom("the server needs input")),
            _ => Ok(Self(raw.clone())),
        }
    }
}

impl serde::Serialize for FinalResult {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

/// Whether the client supports the input that a server requests, which does not know its capabilities.
fn may_be_asked(asker: &Asker, result: &RawObject) -> Result<(), RequestError> {
    for (_, input) in result.object("inputRequests").iter() {
        let Ok(input) = RawObject::parse(RawJson::trusted(input.to_vec())) else { continue };
        let method = input.text("method").unwrap_or_default();
        if let Err(error) = asker.check(&method, input.json("params").as_ref()) {
            let code = error_code::MISSING_REQUIRED_CLIENT_CAPABILITY;
            return Err(ErrorObject::new(code, error.message).into());
        }
    }
    Ok(())
}

/// Converts a server's result into one of the group, in the client's era. Unchanged parts are not parsed.
fn translate(
    request: &IncomingRequest,
    member: &Member,
    session: &Session,
    result: RawJson,
) -> Result<RawJson, RequestError> {
    let contains = |text: &Finder<'_>| text.find(result.as_bytes()).is_some();
    let eras = (request.version.era(), session.era());
    let has_uris = !member.exposure.is_plain && contains(&URI);
    let may_ask = eras.1 == Era::Modern && contains(&INPUT_REQUIRED);
    if eras.0 == eras.1 && !has_uris && !may_ask {
        return Ok(result);
    }
    let Ok(mut object) = RawObject::parse(result.clone()) else { return Ok(result) };
    if may_ask && object.text("resultType").as_deref() == Some("input_required") {
        if eras.0 == Era::Legacy {
            let name = &member.name;
            return Err(internal(format!(
                "server {name:?} needs input, which the client's revision does not support"
            )));
        }
        if let Some(asker) = &request.asker {
            may_be_asked(asker, &object)?;
        }
        let mut meta = object.object("_meta");
        meta.set(SERVER_META_KEY, &*member.name);
        object.set_object("_meta", &meta);
        return Ok(object.to_json());
    }
    if has_uris {
        rewrite_uris(&request.method, &mut object, |uri| member.exposure.uri(uri));
    }
    match eras {
        (Era::Modern, Era::Legacy) => {
            object.set("resultType", "complete");
            if request.method == method::RESOURCES_READ {
                object.set("ttlMs", &0);
                object.set("cacheScope", "private");
            }
            if let Some(info) = session.server_info() {
                let mut meta = object.object("_meta");
                meta.set(meta_key::SERVER_INFO, info);
                object.set_object("_meta", &meta);
            }
        }
        (Era::Legacy, Era::Modern) => {
            ["resultType", "ttlMs", "cacheScope"].iter().for_each(|it| object.remove(it));
        }
        _ => {}
    }
    Ok(object.to_json())
}

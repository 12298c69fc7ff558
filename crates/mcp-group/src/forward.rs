//! Forwards a request to one server.

use std::{borrow::Cow, sync::Arc};

use mcp_core::{Era, ErrorObject, MethodResult, RawJson, RawObject, error_code, meta_key, method};
use mcp_session::{SERVER_META_KEY, Session};
use memchr::memmem;

use crate::{
    asker::Asker,
    error::{RequestError, internal},
    member::Member,
    relay,
    request::IncomingRequest,
    rewrite::rewrite_uris,
};

/// Forwards the request to a server, with these parameters.
pub(crate) async fn forward(
    request: &IncomingRequest,
    member: &Arc<Member>,
    params: RawObject,
) -> Result<RawJson, RequestError> {
    let session = member.session(&request.client).await?;
    let open = request.asker.as_ref().map(|asker| member.open_calls.begin(asker));
    let mut call = session.forward(request.method.clone(), params, request.meta_for_servers());
    if let Some(open) = &open {
        call = call.tag(open.number());
    }
    if let Some(level) = &request.level {
        match session.era() {
            Era::Modern => call = call.log_level(level.clone()),
            Era::Legacy => member.set_log_level(&session, level).await,
        }
    }
    if let Some(timeout) = request.timeout {
        call = call.timeout(timeout);
    }
    if request.progress_token().is_some() {
        call = call.on_progress(relay::send_progress);
    }
    // The session obtains the input of a modern server from a legacy client.
    let result = match open.is_some() && session.era() == Era::Modern && !request.is_modern() {
        true => call.returning::<FinalResult>().await.map(|result| result.0),
        false => call.await,
    };
    drop(open);
    if result.as_ref().err().is_none_or(|error| error.answer().is_some()) {
        member.answered();
    }
    let result = result.map_err(|error| RequestError::call_failed(&error))?;
    translate(request, member, &session, result)
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
    let contains = |text: &str| memmem::find(result.as_bytes(), text.as_bytes()).is_some();
    let eras = (request.version.era(), session.era());
    let has_uris = !member.exposure.is_plain && contains("\"uri\"");
    let may_ask = eras.1 == Era::Modern && contains("\"input_required\"");
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

//! What one server is asked, and what becomes of its answer.

use std::sync::Arc;

use mcp_core::{EmptyResult, Era, Notification, ProgressToken, RawJson, meta_key, method};
use mcp_session::{SERVER_META_KEY, Session};
use memchr::memmem;

use crate::{
    asked::Asked,
    failure::{Failure, internal, invalid_params, no_method},
    listening::can_subscribe,
    member::Member,
    names::ItemKind,
    object::Object,
    relay::{Answer, say},
    rewrite::rewrite_uris,
    subscriptions::Wish,
};

/// Spec: server/tools#calling-tools
pub(crate) async fn call_tool(asked: &mut Asked) -> Answer {
    let name = asked.required("name")?;
    let (member, original) = asked.find(ItemKind::Tool, &name).await?;
    let mut params = std::mem::take(&mut asked.params);
    params.set("name", &original);
    let arguments = params.get("arguments");
    if let Some(arguments) = member.rules.arguments(&original, arguments)? {
        params.put("arguments".to_owned(), arguments);
    }
    forward(asked, &member, params).await
}

/// Spec: server/prompts#getting-a-prompt
pub(crate) async fn get_prompt(asked: &mut Asked) -> Answer {
    let name = asked.required("name")?;
    let (member, original) = asked.find(ItemKind::Prompt, &name).await?;
    let mut params = std::mem::take(&mut asked.params);
    params.set("name", &original);
    forward(asked, &member, params).await
}

/// Spec: server/resources#reading-resources
pub(crate) async fn read_resource(asked: &mut Asked) -> Answer {
    let uri = asked.required("uri")?;
    let (member, original) = asked.find_resource(&uri).await?;
    let mut params = std::mem::take(&mut asked.params);
    params.set("uri", &original);
    forward(asked, &member, params).await
}

/// Spec: server/utilities/completion
pub(crate) async fn complete(asked: &mut Asked) -> Answer {
    let mut reference = asked.params.object("ref");
    let missing = |name: &str| invalid_params(format!("missing field `{name}` in `ref`"));
    let member = match reference.text("type").as_deref() {
        Some("ref/prompt") => {
            let name = reference.text("name").ok_or_else(|| missing("name"))?;
            let (member, original) = asked.find(ItemKind::Prompt, &name).await?;
            reference.set("name", &original);
            member
        }
        Some("ref/resource") => {
            let uri = reference.text("uri").ok_or_else(|| missing("uri"))?;
            let (member, original) = asked.find_resource(&uri).await?;
            reference.set("uri", &original);
            member
        }
        _ => return Err(invalid_params("`ref` is neither of a prompt nor of a resource")),
    };
    let mut params = std::mem::take(&mut asked.params);
    params.set("ref", &reference);
    forward(asked, &member, params).await
}

/// Spec: 2025-11-25 server/resources#subscriptions
pub(crate) async fn subscribe(asked: &Asked) -> Answer {
    let uri = asked.required("uri")?;
    let (member, original) = asked.find_resource(&uri).await?;
    let session = member.session().await?;
    if !can_subscribe(session.capabilities()) {
        return Err(no_method(format!("server {:?} takes no subscriptions", member.name)));
    }
    let wish = Wish::new(&member, original.clone());
    member.subscriptions.settled().await;
    if let Some(refusal) = member.subscriptions.refusal(&original) {
        return Err(Failure::of_call(&refusal));
    }
    asked.client.subscribe(uri, wish);
    asked.result(EmptyResult::new())
}

pub(crate) fn unsubscribe(asked: &Asked) -> Answer {
    asked.client.unsubscribe(&asked.required("uri")?);
    asked.result(EmptyResult::new())
}

/// Has a server answer the request, with these parameters.
pub(crate) async fn forward(asked: &Asked, member: &Arc<Member>, mut params: Object) -> Answer {
    let session = member.session().await?;
    params.remove("_meta");
    let mut meta = asked.meta_for_servers();
    if let Some(level) = &asked.level {
        match session.era() {
            Era::Modern => meta = meta.with_log_level(level.clone()),
            Era::Legacy => member.log_from(&session, level).await,
        }
    }
    let mut call = session.request(asked.method.clone(), &params).meta(meta);
    if let Some(timeout) = asked.timeout {
        call = call.timeout(timeout);
    }
    if let Some(token) = asked.meta.decode::<ProgressToken>(meta_key::PROGRESS_TOKEN) {
        call = call.on_progress(move |mut progress| {
            progress.progress_token = token.clone();
            match RawJson::from_serialize(&progress) {
                Ok(params) => {
                    let progress = Notification::new(method::NOTIFICATIONS_PROGRESS);
                    say(progress.with_params(params));
                }
                Err(error) => tracing::debug!(%error, "progress that cannot be passed on"),
            }
        });
    }
    let result = call.await.map_err(|error| Failure::of_call(&error))?;
    translate(asked, member, &session, result)
}

/// Makes the result of a server one of the group's, in the era of the client. What need not be changed is
/// not touched.
fn translate(asked: &Asked, member: &Member, session: &Session, result: RawJson) -> Answer {
    let says = |text: &str| memmem::find(result.as_bytes(), text.as_bytes()).is_some();
    let eras = (asked.version.era(), session.era());
    let has_uris = !member.keeps_uris() && says("\"uri\"");
    let may_ask = eras.1 == Era::Modern && says("\"input_required\"");
    if eras.0 == eras.1 && !has_uris && !may_ask {
        return Ok(result);
    }
    let Ok(mut object) = Object::of(Some(&result)) else { return Ok(result) };
    if may_ask && object.text("resultType").as_deref() == Some("input_required") {
        if eras.0 == Era::Legacy {
            let name = &member.name;
            return Err(internal(format!(
                "server {name:?} needs input, which the revision has no way to ask for"
            )));
        }
        let mut meta = object.object("_meta");
        meta.set(SERVER_META_KEY, &*member.name);
        object.set("_meta", &meta);
        return Ok(object.to_json());
    }
    if has_uris {
        rewrite_uris(&asked.method, &mut object, |uri| member.expose_uri(uri));
    }
    match eras {
        (Era::Modern, Era::Legacy) => {
            object.set("resultType", "complete");
            if asked.method == method::RESOURCES_READ {
                object.set("ttlMs", &0);
                object.set("cacheScope", "private");
            }
            if let Some(info) = session.server_info() {
                let mut meta = object.object("_meta");
                meta.set(meta_key::SERVER_INFO, info);
                object.set("_meta", &meta);
            }
        }
        (Era::Legacy, Era::Modern) => {
            ["resultType", "ttlMs", "cacheScope"].iter().for_each(|it| object.remove(it));
        }
        _ => {}
    }
    Ok(object.to_json())
}

//! Device code grant: the user logs in on another device.
//!
//! Spec: RFC 8628

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;

use super::context::Context;
use super::kind::DeviceCode;
use super::poll::{Next, Poll};
use crate::discovery::fetch::read;
use crate::error::{Error, ErrorKind, one_line};
use crate::identity::choose;
use crate::secret::Secret;
use crate::token::form::Form;
use crate::token::response::{members, refused};
use crate::token::set::Tokens;

const DEVICE_CODE: &str = "urn:ietf:params:oauth:grant-type:device_code";

#[derive(Deserialize)]
struct Answer {
    device_code: Secret,
    user_code: String,
    verification_uri: String,
    verification_uri_complete: Option<String>,
    interval: Option<u64>,
}

pub(crate) async fn obtain(
    context: &Context<'_>,
    on_code: Option<&Arc<dyn Fn(DeviceCode) + Send + Sync>>,
    scopes: Vec<String>,
) -> Result<Tokens, Error> {
    let server = &context.discovered.server;
    let on_code = on_code.ok_or_else(|| {
        Error::new(ErrorKind::Config, "the code has to be shown to a user: set `.on_code(…)`")
    })?;
    let client = choose::of_settings(context.settings, server).await?;
    let what = "device authorization endpoint";
    let endpoint = server.endpoint(&server.device_authorization_endpoint, what)?;
    let url = context.fetch.policy.check(endpoint, what)?;
    let form = context.wanted(Form::empty().with("client_id", client.client_id.as_str()), &scopes);
    let answer = context.requester(&client).send(&url, form).await?;
    if !answer.status.is_success() {
        let members = members(&answer.body).unwrap_or_default();
        return Err(refused(&answer, &members).into_error());
    }
    let answer: Answer = read(&answer.body).map_err(|error| {
        let message = format!("invalid response of {}", answer.place);
        Error::new(ErrorKind::Protocol, message).with_source(error)
    })?;
    context.fetch.policy.check(&answer.verification_uri, "page to enter the code at")?;
    let complete = answer.verification_uri_complete;
    on_code(DeviceCode {
        user_code: one_line(&answer.user_code),
        verification_uri: answer.verification_uri,
        verification_uri_complete: complete
            .filter(|uri| context.fetch.policy.check(uri, "page").is_ok()),
        server: context.shown.to_owned(),
    });
    let mut poll = Poll::new(answer.interval);
    let mut delay: Duration = poll.interval();
    // The caller limits the time.
    loop {
        tokio::time::sleep(delay).await;
        let form = Form::new(DEVICE_CODE)
            .with("device_code", answer.device_code.clone())
            .with("client_id", client.client_id.as_str())
            .with_some("resource", context.discovered.resource.as_deref());
        let asked = context.requester(&client).token(server.token_endpoint()?, form).await;
        match asked {
            Ok(Ok(response)) => return context.tokens(&client, response, scopes),
            Ok(Err(refused)) => match poll.after(&refused.code) {
                Next::AskAfter(next) => delay = next,
                Next::End if refused.is("access_denied") => {
                    let error = refused.into_error();
                    let message = "the user denied the login";
                    return Err(Error::new(ErrorKind::Denied, message).with_source(error));
                }
                Next::End => return Err(refused.into_error()),
            },
            Err(error) if error.is_transient() => delay = poll.after_failure(),
            Err(error) => return Err(error),
        }
    }
}

//! Grants without a user.

use super::context::Context;
use super::kind::{GrantRequest, SharedGrant};
use crate::callback::Callback;
use crate::discovery::Discovered;
use crate::error::Error;
use crate::identity::choose;
use crate::token::form::Form;
use crate::token::set::Tokens;

/// Grant type of assertions.
///
/// Spec: RFC 7523, 2.1
pub(crate) const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// Requests a token for the client itself.
///
/// Spec: extensions/auth/oauth-client-credentials
pub(crate) async fn obtain(context: &Context<'_>, scopes: Vec<String>) -> Result<Tokens, Error> {
    let client = choose::of_settings(context.settings, &context.discovered.server).await?;
    let form = context.wanted(Form::new("client_credentials"), &scopes);
    context.ask(&client, form, scopes).await
}

/// Requests a token with an assertion. There is no retry.
pub(crate) async fn vouched(
    context: &Context<'_>,
    assertion: &Callback,
    scopes: Vec<String>,
) -> Result<Tokens, Error> {
    let server = &context.discovered.server;
    let client = choose::of_settings(context.settings, server).await?;
    let assertion = assertion.call(&server.issuer).await?;
    let form = Form::new(JWT_BEARER).with("client_id", client.client_id.as_str());
    let form = context.wanted(form.with("assertion", assertion), &scopes);
    context.ask(&client, form, scopes).await
}

/// Requests a token with a custom grant.
pub(crate) async fn custom(
    context: &Context<'_>,
    grant: &SharedGrant,
    scopes: Vec<String>,
) -> Result<Tokens, Error> {
    let Discovered { server, resource, .. } = context.discovered;
    let client = choose::of_settings(context.settings, server).await?;
    let request = GrantRequest {
        issuer: server.issuer.clone(),
        resource: resource.clone(),
        scope: (!scopes.is_empty()).then(|| scopes.join(" ")),
    };
    let mut form = Form::empty();
    for (name, value) in grant.parameters(request).await? {
        form = form.with(&name, value);
    }
    let form = context.wanted(form, &scopes);
    context.ask(&client, form, scopes).await
}

//! Logout.
//!
//! Spec: RFC 7009

use http::StatusCode;

use crate::error::Error;
use crate::event::Event;
use crate::flow::state::ServerState;
use crate::identity::choose;
use crate::identity::registered::{AuthMethod, IdentityKind};
use crate::token::form::Form;
use crate::token::request::Requester;
use crate::token::set::Tokens;

/// Revokes and deletes the tokens of a server.
pub(crate) async fn revoke(state: &ServerState) -> Result<(), Error> {
    let settings = &state.settings;
    let lock = settings.store.lock(&state.key).await?;
    let stored = settings.store.load(&state.key).await?;
    let stored = stored.as_ref().and_then(Tokens::from_stored);
    let tokens = stored.or_else(|| state.current().map(|it| it.tokens.clone()));
    settings.store.remove(&state.key).await?;
    state.set_empty();
    drop(lock);
    let Some(tokens) = tokens else { return Ok(()) };
    if tokens.client.kind == IdentityKind::Dynamic {
        // The way to recover if the authorization server has lost the client and shows that only to users. Tokens for
        // other servers have a copy of the registration.
        choose::forget(settings, &tokens.issuer, &tokens.client).await?;
    }
    settings.report(Event::LoggedOut { server: state.shown.clone() });
    let Some(endpoint) = &tokens.revocation_endpoint else { return Ok(()) };
    let fetch = state.fetch().await;
    let url = fetch.policy.check(endpoint, "revocation endpoint")?;
    let requester = Requester {
        fetch,
        settings,
        issuer: &tokens.issuer,
        client: &tokens.client,
        proof_key: None,
    };
    // Revoking the refresh token ends the grant and its access tokens.
    let (token, hint) = match &tokens.refresh_token {
        Some(token) => (token.clone(), "refresh_token"),
        None => (tokens.access_token.clone(), "access_token"),
    };
    let form = || Form::empty().with("token", token.clone()).with("token_type_hint", hint);
    let mut answer = requester.send(&url, form()).await?;
    if answer.status == StatusCode::BAD_REQUEST
        && tokens.client.method == AuthMethod::Basic
        && let Some(secret) = &tokens.client.secret
    {
        // The official Python SDK also requires the secret in the body.
        answer = requester.send(&url, form().with("client_secret", secret.clone())).await?;
    }
    if answer.status.is_success() {
        return Ok(());
    }
    let members = crate::token::response::members(&answer.body).unwrap_or_default();
    Err(crate::token::response::refused(&answer, &members).into_error())
}

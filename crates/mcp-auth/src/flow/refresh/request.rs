//! The request of a refresh, and the end of a grant.

use crate::discovery::discover;
use crate::discovery::server::ServerMetadata;
use crate::discovery::wellknown::is_same_issuer;
use crate::error::{Error, ErrorKind};
use crate::flow::challenge::Challenged;
use crate::flow::state::ServerState;
use crate::identity::choose;
use crate::identity::registered::IdentityKind;
use crate::secret::Secret;
use crate::token::form::Form;
use crate::token::request::Requester;
use crate::token::response::{Refused, TokenResponse};
use crate::token::set::Tokens;

/// Requests new tokens. A challenge means that the server refused the current ones.
pub(super) async fn attempt(
    state: &ServerState,
    base: &Tokens,
    challenge: Option<&Challenged>,
) -> Result<Tokens, Error> {
    if let Some(challenge) = challenge {
        // The server may trust another authorization server now.
        let server = rediscover(state, Some(challenge)).await?;
        if server.is_none_or(|server| !is_same_issuer(&server.issuer, &base.issuer)) {
            let message = "the server has another authorization server than before";
            return Err(Error::new(ErrorKind::LoginRequired, message));
        }
    }
    let first = ask(state, base, &base.token_endpoint).await;
    let answer = match first {
        Err(error) if error.is_transient() && challenge.is_none() => {
            // The endpoint may have moved.
            let found = rediscover(state, None).await.ok().flatten();
            let moved = found.filter(|it| is_same_issuer(&it.issuer, &base.issuer));
            match moved.and_then(|it| it.token_endpoint) {
                Some(endpoint) if endpoint != base.token_endpoint => {
                    let mut moved = base.clone();
                    moved.token_endpoint = endpoint;
                    return finish(state, &moved, ask(state, &moved, &moved.token_endpoint).await?)
                        .await;
                }
                _ => return Err(error),
            }
        }
        answer => answer?,
    };
    finish(state, base, answer).await
}

async fn rediscover(
    state: &ServerState,
    challenge: Option<&Challenged>,
) -> Result<Option<ServerMetadata>, Error> {
    let metadata_url = challenge.and_then(|it| it.resource_metadata.as_deref());
    let found = discover(state.fetch().await, &state.settings, &state.url, metadata_url).await?;
    Ok(found.map(|it| it.server))
}

async fn ask(
    state: &ServerState,
    base: &Tokens,
    endpoint: &str,
) -> Result<Result<TokenResponse, Refused>, Error> {
    let Some(refresh_token) = &base.refresh_token else {
        return Err(Error::new(ErrorKind::LoginRequired, "there is no refresh token"));
    };
    let proof_key = state.proof_key_of(base)?;
    let requester = Requester {
        fetch: state.fetch().await,
        settings: &state.settings,
        issuer: &base.issuer,
        client: &base.client,
        proof_key: proof_key.as_ref(),
    };
    let form = Form::new("refresh_token")
        .with("refresh_token", refresh_token.clone())
        .with_some("resource", base.resource.as_deref());
    requester.token(endpoint, form).await
}

async fn finish(
    state: &ServerState,
    base: &Tokens,
    answer: Result<TokenResponse, Refused>,
) -> Result<Tokens, Error> {
    let refused = match answer {
        Ok(response) => return Ok(base.refreshed(response)),
        Err(refused) => refused,
    };
    if refused.is_unknown_client() && base.client.kind == IdentityKind::Dynamic {
        choose::forget(&state.settings, &base.issuer, &base.client).await?;
    } else if !refused.ends_grant() {
        return Err(refused.into_error());
    }
    forget(state, base).await?;
    let message = "the login has ended: the authorization server does not refresh the token";
    Err(Error::new(ErrorKind::LoginRequired, message).with_source(refused.into_error()))
}

/// Removes only the tokens that were used: another process may have saved newer ones.
async fn forget(state: &ServerState, base: &Tokens) -> Result<(), Error> {
    let stored = state.settings.store.load(&state.key).await?;
    let used = base.refresh_token.as_ref().map(Secret::expose);
    let stored = stored.as_ref().and_then(Tokens::from_stored);
    if stored.is_none_or(|it| it.refresh_token.as_ref().map(Secret::expose) == used) {
        state.settings.store.remove(&state.key).await?;
    }
    if let Some(current) = state.current()
        && current.tokens.refresh_token.as_ref().map(Secret::expose) == used
    {
        state.forget(&current.tokens.access_token);
    }
    Ok(())
}

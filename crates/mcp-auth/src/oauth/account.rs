//! Login, status and logout without a request to the server.

use std::time::Duration;

use super::OAuth;
use crate::error::Error;
use crate::flow::login::Reason;
use crate::revoke::revoke;
use crate::token::set::Tokens;

/// Cached authorization state of a server; see [`OAuth::status`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Status {
    /// Whether there is a token.
    pub is_logged_in: bool,
    /// The granted scopes.
    pub scopes: Vec<String>,
    /// The issuer that granted the token.
    pub issuer: Option<String>,
    /// Time until the token expires. `None`: unknown.
    pub expires_in: Option<Duration>,
    /// Whether the token can be refreshed.
    pub can_refresh: bool,
    /// Whether a login is waiting for the user.
    pub is_waiting: bool,
}

/// Login, status and logout.
impl OAuth {
    /// Requests a new token for the server at `url`, even if there is one already.
    ///
    /// Cancel safe: the login continues, and a later call joins it.
    ///
    /// # Errors
    /// No token was granted; see [`ErrorKind`](crate::ErrorKind).
    pub async fn login(&self, url: impl AsRef<str>) -> Result<(), Error> {
        let server = self.for_server(url)?;
        server.loaded().await?;
        loop {
            let current = server.state.current();
            let refused = current.map(|it| it.tokens.access_token.clone());
            let waiting = server.start_login(Reason { refused, ..Reason::default() });
            let is_own = waiting.is_own;
            let done = waiting.done().await;
            if is_own {
                return done.map(drop);
            }
        }
    }

    /// Authorization state of the server at `url` from memory and the store. Sends nothing.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn status(&self, url: impl AsRef<str>) -> Result<Status, Error> {
        let server = self.for_server(url)?;
        server.loaded().await?;
        let current = server.state.current();
        let tokens = current.as_ref().map(|it| &it.tokens);
        Ok(Status {
            is_logged_in: tokens.is_some(),
            scopes: tokens.map(|it| it.scopes.clone()).unwrap_or_default(),
            issuer: tokens.map(|it| it.issuer.clone()),
            expires_in: tokens.and_then(Tokens::left).map(|(left, _)| left),
            can_refresh: tokens.is_some_and(|it| it.refresh_token.is_some()),
            is_waiting: server.state.flight.is_login(),
        })
    }

    /// Revokes the tokens for the server at `url` if the authorization server supports that. Always deletes the tokens
    /// and the dynamic registration of the client. Does nothing if there are none.
    ///
    /// Spec: RFC 7009
    ///
    /// # Errors
    /// The tokens were deleted here but could not be revoked, so they may still be valid; or the store failed.
    pub async fn logout(&self, url: impl AsRef<str>) -> Result<(), Error> {
        let server = self.for_server(url)?;
        server.loaded().await?;
        server.state.flight.end_login();
        revoke(&server.state).await
    }
}

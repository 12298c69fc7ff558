//! Stored logins.

use mcp_client::oauth::{Error, ErrorKind, FileStore, OAuth, Prompt, Redirect, UserAgent, Visit};

use crate::{exit::Exit, failure::Failure};

/// Authorizes requests with the tokens that `mcp login` stored, and refreshes them. Never starts a login.
pub(crate) fn oauth() -> Result<OAuth, Failure> {
    let store = FileStore::user();
    let store = store.map_err(|error| Failure::new(Exit::Usage, error.to_string()))?;
    Ok(OAuth::new().client_name("mcp").user_agent(NoLogin).store(store))
}

/// A user agent that fails: only `mcp login` opens a page.
#[derive(Debug)]
struct NoLogin;

/// No login is possible.
#[derive(Debug)]
enum NoVisit {}

impl UserAgent for NoLogin {
    type Visit = NoVisit;

    async fn prepare(&self, _: Option<&str>) -> Result<NoVisit, Error> {
        Err(Error::new(ErrorKind::LoginRequired, "no login is stored for this server"))
    }
}

impl Visit for NoVisit {
    fn redirect_uri(&self) -> &str {
        match *self {}
    }

    async fn visit(&mut self, _: &Prompt) -> Result<Redirect, Error> {
        match *self {}
    }
}

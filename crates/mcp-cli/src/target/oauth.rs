//! Tokens of earlier logins.

use mcp_client::oauth::{Error, ErrorKind, FileStore, OAuth, Prompt, Redirect, UserAgent, Visit};

use crate::{exit::Exit, failure::Failure};

/// Authorizes with the tokens that `mcp login` has kept, and refreshes them. It starts no login.
pub(crate) fn oauth() -> Result<OAuth, Failure> {
    let store = FileStore::user();
    let store = store.map_err(|error| Failure::new(Exit::Usage, error.to_string()))?;
    Ok(OAuth::new().client_name("mcp").user_agent(NoLogin).store(store))
}

/// Shows nobody a page: a command that is not `mcp login` fails at once.
#[derive(Debug)]
struct NoLogin;

/// There is none.
#[derive(Debug)]
enum NoVisit {}

impl UserAgent for NoLogin {
    type Visit = NoVisit;

    async fn prepare(&self, _: Option<&str>) -> Result<NoVisit, Error> {
        Err(Error::new(ErrorKind::LoginRequired, "there is no login for this server"))
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

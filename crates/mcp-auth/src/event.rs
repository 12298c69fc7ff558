use std::fmt;

use crate::error::Error;

/// Something that happened, for the user or a log; see [`OAuth::on_event`](crate::OAuth::on_event).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// A user has to log in at this URL, for this server. An agent opens it; where none can, show it.
    LoginStarted {
        /// The server, without the query of its URL.
        server: String,
        /// Where to log in.
        url: LoginUrl,
    },
    /// The page could not be opened in a browser: show the URL. The login continues.
    BrowserFailed {
        /// The server, without the query of its URL.
        server: String,
        /// Where to log in.
        url: LoginUrl,
    },
    /// There is a new token, after a login or from a grant that needs none.
    LoggedIn {
        /// The server, without the query of its URL.
        server: String,
    },
    /// The token was refreshed.
    Refreshed {
        /// The server, without the query of its URL.
        server: String,
    },
    /// A login, a grant or a refresh failed.
    Failed {
        /// The server, without the query of its URL.
        server: String,
        /// Why.
        error: Error,
    },
    /// The tokens are kept in memory alone, since they could not be saved.
    NotSaved {
        /// The server, without the query of its URL.
        server: String,
        /// Why.
        error: Error,
    },
    /// The tokens were revoked and forgotten.
    LoggedOut {
        /// The server, without the query of its URL.
        server: String,
    },
}

/// A URL to log in at. It is for the user alone: `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct LoginUrl(String);

impl LoginUrl {
    pub(crate) fn new(url: impl Into<String>) -> Self {
        Self(url.into())
    }

    /// The URL, to be shown to the user.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for LoginUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bare = self.0.split(['?', '#']).next().unwrap_or_default();
        f.debug_tuple("LoginUrl").field(&bare).finish()
    }
}

use std::fmt;

use crate::error::Error;

/// Progress of an authorization, for the user or a log; see [`OAuth::on_event`](crate::OAuth::on_event).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// A user has to log in to this server at this URL. The user agent opens it; without one, show it.
    LoginStarted {
        /// The server, without the query of its URL.
        server: String,
        /// The login URL.
        url: LoginUrl,
    },
    /// The browser could not be opened: show the URL. The login continues to wait.
    BrowserFailed {
        /// The server, without the query of its URL.
        server: String,
        /// The login URL.
        url: LoginUrl,
    },
    /// A new token was received, from a login or from a grant without a user.
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
        /// The cause.
        error: Error,
    },
    /// The tokens could not be saved and are only in memory.
    NotSaved {
        /// The server, without the query of its URL.
        server: String,
        /// The cause.
        error: Error,
    },
    /// The tokens were revoked and deleted.
    LoggedOut {
        /// The server, without the query of its URL.
        server: String,
    },
}

/// A login URL. It is only for the user: `Debug` does not show it.
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

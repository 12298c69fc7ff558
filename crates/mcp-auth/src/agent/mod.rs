//! User agents: open the login page and receive the redirect.

#[cfg(feature = "browser")]
pub(crate) mod browser;
pub(crate) mod erased;
pub(crate) mod follow;
mod lines;
pub(crate) mod loopback;
pub(crate) mod page;
pub(crate) mod place;
pub(crate) mod redirect;
pub(crate) mod terminal;

use std::future::Future;

#[cfg(feature = "browser")]
pub use browser::Browser;
pub use follow::{Follow, follow};
pub use redirect::{Prompt, Redirect};
pub use terminal::Terminal;

use crate::error::Error;

/// Opens a login page for the user and returns the redirect of the authorization server.
///
/// Implementations: `Browser`, [`Terminal`] and [`follow`].
pub trait UserAgent: Send + Sync + 'static {
    /// One login.
    type Visit: Visit;

    /// Prepares to receive a redirect, for example binds a listener before its URL is sent to the authorization server.
    /// `earlier` is the redirect URI of an existing registration, if there is one; returning another URI causes a new
    /// registration.
    ///
    /// # Errors
    /// No redirect can be received.
    fn prepare(
        &self,
        earlier: Option<&str>,
    ) -> impl Future<Output = Result<Self::Visit, Error>> + Send;
}

/// One login by a [`UserAgent`]. Dropping it ends the login.
pub trait Visit: Send + 'static {
    /// Where the authorization server redirects to.
    fn redirect_uri(&self) -> &str;

    /// Opens the page and waits for the redirect. The caller limits the time
    /// ([`OAuth::login_timeout`](crate::OAuth::login_timeout)).
    ///
    /// # Errors
    /// The user cannot log in, or denied the login.
    fn visit(&mut self, prompt: &Prompt) -> impl Future<Output = Result<Redirect, Error>> + Send;

    /// Shows the outcome to the user. Default: nothing.
    fn finish(self, outcome: Result<(), Error>) -> impl Future<Output = ()> + Send
    where
        Self: Sized,
    {
        let _ = outcome;
        std::future::ready(())
    }
}

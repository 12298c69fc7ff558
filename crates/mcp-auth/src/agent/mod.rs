//! How a user logs in: what opens the page, and how the redirect gets back.

#[cfg(feature = "browser")]
pub(crate) mod browser;
pub(crate) mod erased;
pub(crate) mod follow;
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

/// Takes a user to a login page, and brings back where the authorization server redirects to.
///
/// `Browser`, [`Terminal`] and [`follow`] are some.
pub trait UserAgent: Send + Sync + 'static {
    /// One login.
    type Visit: Visit;

    /// Prepares for a redirect: a listener is bound before its address is sent anywhere. `earlier` is the
    /// redirect URI that the client is registered with, where it is; another one makes a new registration.
    ///
    /// # Errors
    /// No redirect can come back.
    fn prepare(
        &self,
        earlier: Option<&str>,
    ) -> impl Future<Output = Result<Self::Visit, Error>> + Send;
}

/// One login by a [`UserAgent`]. Dropping it ends the login.
pub trait Visit: Send + 'static {
    /// Where the authorization server redirects to.
    fn redirect_uri(&self) -> &str;

    /// Takes the user to the page, and waits for the redirect. There is a limit on the time above.
    ///
    /// # Errors
    /// The user cannot log in, or does not want to.
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

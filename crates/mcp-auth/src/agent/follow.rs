use std::fmt;
use std::future::Future;
use std::sync::Arc;

use super::redirect::{Prompt, Redirect};
use super::{UserAgent, Visit};
use crate::error::{Error, ErrorKind};

/// Default redirect URI. Nothing listens there.
const REDIRECT_URI: &str = "http://127.0.0.1:33418/callback";

/// Logs in through a function: see [`follow`].
pub struct Follow<F> {
    follow: Arc<F>,
    redirect_uri: Option<String>,
}

/// Logs in through a function that receives the URL of the login page and returns the URL that the authorization server
/// redirects to, such as `http://127.0.0.1:33418/callback?code=…&state=…`. For tests, and for applications that show
/// the page in a view they control.
///
/// ```
/// use mcp_auth::{OAuth, follow};
///
/// # async fn log_in(url: String) -> std::io::Result<String> { Ok(url) }
/// let auth = OAuth::new().user_agent(follow(|url| async move { log_in(url).await }));
/// ```
pub fn follow<F, R, E>(follow: F) -> Follow<F>
where
    F: Fn(String) -> R + Send + Sync + 'static,
    R: Future<Output = Result<String, E>> + Send,
    E: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    Follow { follow: Arc::new(follow), redirect_uri: None }
}

impl<F> Follow<F> {
    /// Sets the redirect URI. Default: `http://127.0.0.1:33418/callback`.
    #[must_use]
    pub fn redirect_uri(mut self, uri: impl Into<String>) -> Self {
        self.redirect_uri = Some(uri.into());
        self
    }
}

impl<F> fmt::Debug for Follow<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Follow").field("redirect_uri", &self.redirect_uri).finish_non_exhaustive()
    }
}

/// One login of a [`Follow`].
pub struct Following<F> {
    follow: Arc<F>,
    redirect_uri: String,
}

impl<F> fmt::Debug for Following<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Following")
            .field("redirect_uri", &self.redirect_uri)
            .finish_non_exhaustive()
    }
}

impl<F, R, E> UserAgent for Follow<F>
where
    F: Fn(String) -> R + Send + Sync + 'static,
    R: Future<Output = Result<String, E>> + Send,
    E: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Visit = Following<F>;

    async fn prepare(&self, earlier: Option<&str>) -> Result<Following<F>, Error> {
        let own = self.redirect_uri.as_deref();
        let redirect_uri = own.or(earlier).unwrap_or(REDIRECT_URI).to_owned();
        Ok(Following { follow: Arc::clone(&self.follow), redirect_uri })
    }
}

impl<F, R, E> Visit for Following<F>
where
    F: Fn(String) -> R + Send + Sync + 'static,
    R: Future<Output = Result<String, E>> + Send,
    E: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    fn redirect_uri(&self) -> &str {
        &self.redirect_uri
    }

    async fn visit(&mut self, prompt: &Prompt) -> Result<Redirect, Error> {
        let address = (self.follow)(prompt.url().to_owned()).await.map_err(|error| {
            Error::new(ErrorKind::Denied, "the login failed").with_source(error)
        })?;
        Redirect::parse(&address)
    }
}

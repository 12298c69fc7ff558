use super::loopback::Loopback;
use super::place::Place;
use super::redirect::{Prompt, Redirect};
use super::{UserAgent, Visit};
use crate::error::Error;

/// Logs in with the user's browser, which is redirected to a port of this machine.
///
/// A browser that cannot be opened is not an error: the URL is reported as
/// [`Event::BrowserFailed`](crate::Event::BrowserFailed), and the login continues to wait for the redirect.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Browser {
    place: Place,
}

impl Browser {
    /// Listens at `http://127.0.0.1:PORT/callback` on any free port.
    pub fn new() -> Self {
        Self::default()
    }

    /// The host of the redirect URI: `127.0.0.1`, `localhost` or `[::1]`. Default: `127.0.0.1`.
    pub fn host(mut self, host: impl Into<String>) -> Self {
        self.place.host = host.into();
        self
    }

    /// The port to listen at. Default: any free port; a later login reuses it if it is still free.
    pub fn port(mut self, port: u16) -> Self {
        self.place.port = port;
        self
    }

    /// The path of the redirect URI. Default: `/callback`.
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.place.path = path.into();
        self
    }

    /// The redirect URI that the client is registered with. A URI of this machine sets the host, port and path to
    /// listen at; any other URI must forward to the configured listener.
    pub fn redirect_uri(mut self, uri: impl AsRef<str>) -> Self {
        self.place.set_redirect_uri(uri.as_ref());
        self
    }
}

/// One login with a browser.
#[derive(Debug)]
pub struct BrowserVisit(Loopback);

impl UserAgent for Browser {
    type Visit = BrowserVisit;

    async fn prepare(&self, earlier: Option<&str>) -> Result<BrowserVisit, Error> {
        self.place.listen(earlier).await.map(BrowserVisit)
    }
}

impl Visit for BrowserVisit {
    fn redirect_uri(&self) -> &str {
        self.0.redirect_uri()
    }

    async fn visit(&mut self, prompt: &Prompt) -> Result<Redirect, Error> {
        let url = prompt.url().to_owned();
        // Starting a program can block for a while.
        let opening = tokio::task::spawn_blocking(move || webbrowser::open(&url).is_ok());
        let report = prompt.clone();
        let opening = async move {
            if !opening.await.unwrap_or(false) {
                tracing::warn!(server = report.server(), "no browser could be opened to log in");
                report.not_opened();
            }
            std::future::pending().await
        };
        tokio::select! {
            redirect = self.0.redirect(prompt) => redirect,
            never = opening => never,
        }
    }

    async fn finish(self, outcome: Result<(), Error>) {
        self.0.finish(&outcome).await;
    }
}

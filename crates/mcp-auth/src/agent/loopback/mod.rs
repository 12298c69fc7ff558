//! Loopback redirect listener.
//!
//! Spec: RFC 8252, 7.3

mod serve;
#[cfg(test)]
mod tests;

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::task::JoinSet;

use serve::{Arrived, accept};

use super::page::page;
use super::redirect::{Prompt, Redirect};
use crate::error::{Error, ErrorKind};

/// Maximum number of open connections.
const MAX_CONNECTIONS: usize = 16;
/// Limit on the time to deliver the final page to the browser.
const PAGE_TIMEOUT: Duration = Duration::from_secs(2);

/// Listeners for a redirect. Dropping it closes them.
#[derive(Debug)]
pub(crate) struct Loopback {
    redirect_uri: String,
    path: String,
    listeners: Vec<TcpListener>,
    tasks: JoinSet<()>,
    /// The pending response to the request that carried the redirect.
    answer: Option<Answer>,
}

#[derive(Debug)]
struct Answer {
    page: oneshot::Sender<String>,
    is_sent: oneshot::Receiver<()>,
    server: String,
}

impl Loopback {
    /// Listens at `host` (`127.0.0.1`, `[::1]`, or `localhost` for both) and `port`; port 0 is any free port.
    pub(crate) async fn bind(host: &str, port: u16, path: &str) -> io::Result<Self> {
        let v4 = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let v6 = |port| SocketAddr::from((Ipv6Addr::LOCALHOST, port));
        let mut listeners = Vec::new();
        match host {
            "[::1]" => listeners.push(TcpListener::bind(v6(port)).await?),
            "localhost" => {
                let first = TcpListener::bind(v4).await?;
                let port = first.local_addr()?.port();
                listeners.push(first);
                // IPv6 may be unavailable.
                listeners.extend(TcpListener::bind(v6(port)).await.ok());
            }
            _ => listeners.push(TcpListener::bind(v4).await?),
        }
        let port = listeners[0].local_addr()?.port();
        let redirect_uri = format!("http://{host}:{port}{path}");
        let (path, tasks) = (path.to_owned(), JoinSet::new());
        Ok(Self { redirect_uri, path, listeners, tasks, answer: None })
    }

    pub(crate) fn redirect_uri(&self) -> &str {
        &self.redirect_uri
    }

    /// Sets the redirect URI that forwards to this listener.
    pub(crate) fn set_redirect_uri(&mut self, uri: &str) {
        uri.clone_into(&mut self.redirect_uri);
    }

    /// Waits for the redirect of this login. Every other request gets a 404. Cancel safe.
    pub(crate) async fn redirect(&mut self, prompt: &Prompt) -> Result<Redirect, Error> {
        let (sender, mut arrivals) = mpsc::channel(1);
        let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        for listener in std::mem::take(&mut self.listeners) {
            let (sender, places) = (sender.clone(), Arc::clone(&places));
            let (prompt, path) = (prompt.clone(), self.path.clone());
            self.tasks.spawn(accept(listener, places, sender, prompt, path));
        }
        drop(sender);
        let arrived = arrivals.recv().await;
        let Arrived { redirect, page, is_sent } = arrived.ok_or_else(|| {
            Error::new(ErrorKind::Denied, "the listener for the redirect has closed")
        })?;
        self.answer = Some(Answer { page, is_sent, server: prompt.server().to_owned() });
        Ok(redirect)
    }

    /// Shows the outcome of the login in the browser.
    pub(crate) async fn finish(mut self, outcome: &Result<(), Error>) {
        let Some(Answer { page: sender, is_sent, server }) = self.answer.take() else { return };
        let _ = sender.send(page(&server, outcome));
        // Give up on a browser that does not read the page in time.
        let _ = tokio::time::timeout(PAGE_TIMEOUT, is_sent).await;
    }
}

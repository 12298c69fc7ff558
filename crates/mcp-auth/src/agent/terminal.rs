use std::io::Write as _;

use super::lines::Lines;
use super::loopback::Loopback;
use super::place::Place;
use super::redirect::{Prompt, Redirect};
use super::{UserAgent, Visit};
use crate::error::Error;

/// Logs in from a shell, possibly on a remote machine: prints the URL to stderr, then waits for the redirect or for the
/// user to paste the URL where the browser ended, whichever is first.
///
/// The user may paste the complete URL or only its query, such as `code=…&state=…`.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Terminal {
    place: Place,
    lines: Lines,
}

impl Terminal {
    /// Also listens at `http://127.0.0.1:PORT/callback` on any free port.
    pub fn new() -> Self {
        Self::default()
    }

    /// The redirect URI that the client is registered with. A URI of this machine sets the host, port and path to
    /// listen at; any other URI must forward to `http://127.0.0.1`.
    pub fn redirect_uri(mut self, uri: impl AsRef<str>) -> Self {
        self.place.set_redirect_uri(uri.as_ref());
        self
    }

    /// The port to listen at. Default: any free port.
    pub fn port(mut self, port: u16) -> Self {
        self.place.port = port;
        self
    }
}

/// One login from a shell.
#[derive(Debug)]
pub struct TerminalVisit {
    loopback: Loopback,
    lines: Lines,
}

impl UserAgent for Terminal {
    type Visit = TerminalVisit;

    async fn prepare(&self, earlier: Option<&str>) -> Result<TerminalVisit, Error> {
        let loopback = self.place.listen(earlier).await?;
        Ok(TerminalVisit { loopback, lines: self.lines.clone() })
    }
}

impl Visit for TerminalVisit {
    fn redirect_uri(&self) -> &str {
        self.loopback.redirect_uri()
    }

    async fn visit(&mut self, prompt: &Prompt) -> Result<Redirect, Error> {
        let mut lines = self.lines.listen();
        say(&format!(
            "To log in to {}, open this page:\n\n  {}\n\nIf the browser ends at an address that it \
             cannot open, paste that address here.",
            prompt.server(),
            prompt.url()
        ));
        let pasted = async {
            while let Some(line) = lines.recv().await {
                match pasted(&line, prompt) {
                    Ok(redirect) => return redirect,
                    Err(why) => say(why),
                }
            }
            // Without a terminal, only the redirect can arrive.
            std::future::pending().await
        };
        tokio::select! {
            redirect = self.loopback.redirect(prompt) => redirect,
            redirect = pasted => Ok(redirect),
        }
    }

    async fn finish(self, outcome: Result<(), Error>) {
        match &outcome {
            Ok(()) => say("Logged in."),
            Err(error) => say(&format!("The login failed: {error}")),
        }
        self.loopback.finish(&outcome).await;
    }
}

/// Parses a pasted line, or returns the message to print.
fn pasted(line: &str, prompt: &Prompt) -> Result<Redirect, &'static str> {
    let redirect = Redirect::parse(line)
        .map_err(|_| "This URL has no code and state: paste the URL where the browser ended.")?;
    match prompt.expects(&redirect) {
        true => Ok(redirect),
        false => Err("This URL belongs to another login."),
    }
}

fn say(text: &str) {
    // A closed stderr is not an error.
    let _ = writeln!(std::io::stderr(), "{text}");
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use url::Url;

    use super::*;
    use crate::secret::Secret;

    #[test]
    fn a_pasted_url_a_query_or_a_hint() {
        let page = Url::parse("https://as/login").unwrap();
        let prompt = Prompt::new(&page, "https://mcp", Secret::new("s"), None);
        for line in
            ["http://127.0.0.1:1/callback?code=c&state=s\n", "code=c&state=s", "?code=c&state=s"]
        {
            assert_eq!(pasted(line, &prompt).unwrap().param("code"), Some("c"));
        }
        assert!(pasted("hello", &prompt).unwrap_err().contains("no code"));
        assert!(pasted("code=c&state=t", &prompt).unwrap_err().contains("another"));
    }
}

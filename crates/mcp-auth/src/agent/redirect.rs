//! The URL of a login page, and the redirect that ends the login.

use std::fmt;
use std::sync::Arc;

use url::{Url, form_urlencoded};

use crate::error::{Error, ErrorKind};
use crate::event::{Event, LoginUrl};
use crate::secret::Secret;

type Report = Arc<dyn Fn(Event) + Send + Sync>;

/// A login that a user is asked for.
#[derive(Clone)]
pub struct Prompt {
    url: LoginUrl,
    server: String,
    state: Secret,
    report: Option<Report>,
}

impl Prompt {
    pub(crate) fn new(url: &Url, server: &str, state: Secret, report: Option<Report>) -> Self {
        Self { url: LoginUrl::new(url.as_str()), server: server.to_owned(), state, report }
    }

    /// The page to log in at: `https`, or `http` on this machine.
    #[must_use]
    pub fn url(&self) -> &str {
        self.url.as_str()
    }

    /// The server that the login is for, to be shown.
    #[must_use]
    pub fn server(&self) -> &str {
        &self.server
    }

    /// Whether a redirect belongs to this login: others are not answers to it.
    #[must_use]
    pub fn expects(&self, redirect: &Redirect) -> bool {
        redirect.param("state") == Some(self.state.expose())
    }

    /// Reports that the page could not be opened, so that the application shows the URL
    /// ([`Event::BrowserFailed`]).
    pub fn not_opened(&self) {
        if let Some(report) = &self.report {
            report(Event::BrowserFailed { server: self.server.clone(), url: self.url.clone() });
        }
    }
}

impl fmt::Debug for Prompt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prompt").field("url", &self.url).field("server", &self.server).finish()
    }
}

/// Where an authorization server redirected to: its parameters. `Debug` shows their names alone.
#[derive(Clone, PartialEq, Eq)]
pub struct Redirect(Vec<(String, Secret)>);

impl Redirect {
    /// Reads a whole URL, or a query such as `code=…&state=…`.
    ///
    /// # Errors
    /// [`Protocol`](ErrorKind::Protocol) if it has no `state`, or neither a `code` nor an `error`.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let text = text.trim();
        let query = match text.split_once('?') {
            Some((_, query)) => query,
            None => text.trim_start_matches('#'),
        };
        let query = query.split('#').next().unwrap_or_default();
        let params: Vec<_> = form_urlencoded::parse(query.as_bytes())
            .map(|(name, value)| (name.into_owned(), Secret::new(value.into_owned())))
            .collect();
        let has = |name: &str| params.iter().any(|(it, _)| it == name);
        match (has("code") || has("error")) && has("state") {
            true => Ok(Self(params)),
            false => Err(Error::new(
                ErrorKind::Protocol,
                "this is not the address that a login ends at: it has no code and state",
            )),
        }
    }

    /// The names of the parameters.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }

    /// The value of a parameter. `None` for one that is repeated: its meaning is not known.
    pub(crate) fn param(&self, name: &str) -> Option<&str> {
        let mut values = self.0.iter().filter(|(it, _)| it == name).map(|(_, value)| value);
        match (values.next(), values.next()) {
            (Some(value), None) => Some(value.expose()),
            _ => None,
        }
    }

    /// Whether a parameter is there more than once.
    pub(crate) fn repeats(&self, name: &str) -> bool {
        self.0.iter().filter(|(it, _)| it == name).count() > 1
    }
}

impl fmt::Debug for Redirect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.names()).finish()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn an_address_a_query_or_nothing() {
        for text in [
            "http://127.0.0.1:1/callback?code=c&state=s%2B",
            " code=c&state=s%2B ",
            "?code=c&state=s%2B#x",
        ] {
            let redirect = Redirect::parse(text).unwrap();
            assert_eq!((redirect.param("code"), redirect.param("state")), (Some("c"), Some("s+")));
            assert!(!format!("{redirect:?}").contains("s+"));
        }
        for text in ["", "http://h/", "c", "code=c", "state=s"] {
            assert!(Redirect::parse(text).is_err(), "{text}");
        }
        let twice = Redirect::parse("code=a&state=s&code=b&error=x").unwrap();
        assert!(twice.param("code").is_none() && twice.repeats("code"));
    }
}

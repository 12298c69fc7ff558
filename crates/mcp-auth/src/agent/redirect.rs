//! The URL of a login page, and the redirect that completes the login.

use std::fmt;
use std::sync::Arc;

use url::{Url, form_urlencoded};

use crate::error::{Error, ErrorKind};
use crate::event::{Event, LoginUrl};
use crate::secret::Secret;

type Report = Arc<dyn Fn(Event) + Send + Sync>;

/// A login that the user is asked to complete.
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

    /// The URL of the login page: `https`, or `http` on this machine.
    #[must_use]
    pub fn url(&self) -> &str {
        self.url.as_str()
    }

    /// Display name of the server that the login is for.
    #[must_use]
    pub fn server(&self) -> &str {
        &self.server
    }

    /// Whether a redirect belongs to this login.
    #[must_use]
    pub fn expects(&self, redirect: &Redirect) -> bool {
        redirect.param("state") == Some(self.state.expose())
    }

    /// Reports that the page could not be opened ([`Event::BrowserFailed`]), so that the application can show the URL.
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

/// Parameters of a redirect of an authorization server. `Debug` shows only their names.
#[derive(Clone, PartialEq, Eq)]
pub struct Redirect(Vec<(String, Secret)>);

impl Redirect {
    /// Parses a complete URL, or a query such as `code=…&state=…`.
    ///
    /// # Errors
    /// [`Protocol`](ErrorKind::Protocol) if there is no `state`, or neither a `code` nor an `error`.
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
            false => Err(Error::new(ErrorKind::Protocol, "the redirect URL has no code and state")),
        }
    }

    /// Parameter names.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }

    /// The value of a parameter. `None` if it is repeated, since its meaning is ambiguous.
    pub(crate) fn param(&self, name: &str) -> Option<&str> {
        let mut values = self.0.iter().filter(|(it, _)| it == name).map(|(_, value)| value);
        match (values.next(), values.next()) {
            (Some(value), None) => Some(value.expose()),
            _ => None,
        }
    }

    /// Whether a parameter occurs more than once.
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
    fn parses_a_url_or_a_query() {
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

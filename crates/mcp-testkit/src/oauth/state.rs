use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
    time::Duration,
};

use serde_json::Value;
use tokio::sync::mpsc::UnboundedSender;
use url::form_urlencoded;

use crate::http::Received;

/// Part of every issued secret, so that a test finds secrets in logs and errors.
pub const CANARY: &str = "canary";

/// A response: status, headers and body.
pub type Answer = (u16, Vec<(String, String)>, String);

pub(super) type Twist = Arc<dyn Fn(&Received) -> Option<Answer> + Send + Sync>;

/// State and behaviour of a [`Guarded`](super::Guarded).
#[derive(Default)]
#[non_exhaustive]
pub struct State {
    pub(super) next: usize,
    /// Valid access tokens, each with its scopes separated by spaces.
    pub access: BTreeMap<String, String>,
    /// Valid refresh tokens.
    pub refresh: BTreeSet<String>,
    /// Used refresh tokens: reusing one revokes all tokens.
    pub(super) used: BTreeSet<String>,
    /// The parameters of the login request, by the issued code.
    pub(super) codes: BTreeMap<String, BTreeMap<String, String>>,
    /// The ids of registered clients.
    pub clients: BTreeSet<String>,
    /// The parameters of each request to the authorization server, with its kind; see
    /// [`Guarded::seen`](super::Guarded::seen).
    pub seen: Vec<(&'static str, BTreeMap<String, String>)>,
    /// The lifetime of access tokens in seconds. `None`: not announced.
    pub ttl: Option<u64>,
    /// Whether a refresh keeps the refresh token.
    pub keeps_refresh: bool,
    /// Whether no refresh token is issued.
    pub gives_no_refresh: bool,
    /// Overrides of members of the authorization server's metadata; `null` removes a member.
    pub metadata: BTreeMap<String, Value>,
    /// Overrides of members of the MCP server's metadata.
    pub resource_metadata: BTreeMap<String, Value>,
    /// Text appended to the parameters of challenges, such as `, scope="a"`.
    pub challenge: String,
    /// The scope that the MCP server requires.
    pub wants_scope: Option<String>,
    pub(super) twists: BTreeMap<String, Twist>,
    /// Whether the URLs in metadata start with `https`, for a server behind a TLS proxy.
    pub is_https: bool,
    /// Delays of responses, by request path.
    pub delays: BTreeMap<String, Duration>,
    /// Endless responses, by request path, with the pause between parts of 1 KiB.
    pub endless: BTreeMap<String, Duration>,
    /// The open HTTP+SSE stream.
    pub(super) stream: Option<UnboundedSender<String>>,
}

impl State {
    /// Restores the usual responses of all paths.
    pub fn clear_twists(&mut self) {
        self.twists.clear();
    }

    pub(super) fn number(&mut self) -> usize {
        self.next += 1;
        self.next
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State").field("seen", &self.seen).finish_non_exhaustive()
    }
}

/// A JSON response.
#[must_use]
pub fn json_answer(status: u16, body: &Value) -> Answer {
    (status, vec![("content-type".into(), "application/json".into())], body.to_string())
}

/// The parameters of a query or a form.
#[must_use]
pub fn params(query: &str) -> BTreeMap<String, String> {
    form_urlencoded::parse(query.as_bytes()).into_owned().collect()
}

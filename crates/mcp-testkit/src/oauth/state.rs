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

/// Part of every secret that the server issues, so that a test finds secrets in logs and errors.
pub const CANARY: &str = "canary";

/// A response: status, headers and body.
pub type Answer = (u16, Vec<(String, String)>, String);

pub(super) type Twist = Arc<dyn Fn(&Received) -> Option<Answer> + Send + Sync>;

/// What a [`Guarded`](super::Guarded) knows, and how it behaves.
#[derive(Default)]
#[non_exhaustive]
pub struct State {
    pub(super) next: usize,
    /// Access tokens that are valid, with the scopes of each, separated by spaces.
    pub access: BTreeMap<String, String>,
    /// Refresh tokens that are valid.
    pub refresh: BTreeSet<String>,
    /// Refresh tokens that were used: using one again revokes all tokens.
    pub(super) used: BTreeSet<String>,
    /// The parameters of the login page, by the code that was issued for them.
    pub(super) codes: BTreeMap<String, BTreeMap<String, String>>,
    /// The ids of registered clients.
    pub clients: BTreeSet<String>,
    /// The parameters of each request to the authorization server, with its kind; see
    /// [`Guarded::seen`](super::Guarded::seen).
    pub seen: Vec<(&'static str, BTreeMap<String, String>)>,
    /// The lifetime of access tokens in seconds. Default: none is announced.
    pub ttl: Option<u64>,
    /// Whether a refresh keeps the refresh token.
    pub keeps_refresh: bool,
    /// Whether no refresh token is issued.
    pub gives_no_refresh: bool,
    /// Members that replace those of the metadata of the authorization server; `null` removes one.
    pub metadata: BTreeMap<String, Value>,
    /// The same for the metadata of the MCP server.
    pub resource_metadata: BTreeMap<String, Value>,
    /// Text that is appended to the parameters of challenges, such as `, scope="a"`.
    pub challenge: String,
    /// The scope that the MCP server requires.
    pub wants_scope: Option<String>,
    pub(super) twists: BTreeMap<String, Twist>,
    /// Whether the URLs in metadata begin with `https`, for a server behind a proxy with TLS.
    pub is_https: bool,
    /// How long responses are delayed, by the path of the request.
    pub delays: BTreeMap<String, Duration>,
    /// Responses that never end, by the path of the request, with the pause between two parts of 1 KiB.
    pub endless: BTreeMap<String, Duration>,
    /// The open stream of HTTP+SSE.
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

/// A response of JSON.
#[must_use]
pub fn json_answer(status: u16, body: &Value) -> Answer {
    (status, vec![("content-type".into(), "application/json".into())], body.to_string())
}

/// The parameters of a query or a form.
#[must_use]
pub fn params(query: &str) -> BTreeMap<String, String> {
    form_urlencoded::parse(query.as_bytes()).into_owned().collect()
}

//! An MCP server and its authorization server in one, and a user who logs in there.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::{Request, Response, StatusCode};
use mcp_auth::{Follow, OAuth, ServerAuth, follow};
use mcp_http::{Authorized, Body, HttpClient, ResponseBody};
use mcp_testkit::http::{Received, Reply, Server};
use mcp_transport::Background;
use serde_json::{Value, json};
use tower::ServiceExt as _;
use url::{Url, form_urlencoded};

/// Words that must never show anywhere: every secret of the server has one.
pub(crate) const CANARY: &str = "canary";

type Answer = (u16, Vec<(String, String)>, String);
type Twist = Arc<dyn Fn(&Received) -> Option<Answer> + Send + Sync>;

#[derive(Clone)]
pub(crate) struct World {
    pub(crate) state: Arc<Mutex<State>>,
    server: Arc<Server>,
}

/// What the server knows, and how it behaves.
#[derive(Default)]
pub(crate) struct State {
    next: usize,
    /// Access tokens, and the scopes of each.
    pub(crate) access: BTreeMap<String, String>,
    /// Refresh tokens that can be used.
    pub(crate) refresh: BTreeSet<String>,
    /// Refresh tokens that were used: using one again ends all.
    used: BTreeSet<String>,
    codes: BTreeMap<String, BTreeMap<String, String>>,
    pub(crate) clients: BTreeSet<String>,
    /// Parameters of each request, by the kind.
    pub(crate) seen: Vec<(&'static str, BTreeMap<String, String>)>,
    /// In seconds.
    pub(crate) ttl: Option<u64>,
    /// Whether a refresh gives no other refresh token.
    pub(crate) keeps_refresh: bool,
    pub(crate) gives_no_refresh: bool,
    /// Members that replace those of the metadata; `null` removes one.
    pub(crate) metadata: BTreeMap<String, Value>,
    pub(crate) resource_metadata: BTreeMap<String, Value>,
    /// The challenge, without the scheme.
    pub(crate) challenge: String,
    /// The scope that `/mcp` wants.
    pub(crate) wants_scope: Option<String>,
    /// Answers in place of the usual ones, by path.
    pub(crate) twists: BTreeMap<String, Twist>,
    /// How long answers of a path take.
    pub(crate) delays: BTreeMap<String, Duration>,
}

impl World {
    pub(crate) async fn start() -> Self {
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        let server = Server::start(move |request: Received, reply: Reply| {
            let state = Arc::clone(&shared);
            async move {
                let path = request.path.split('?').next().unwrap_or_default().to_owned();
                let delay = lock(&state).delays.get(&path).copied();
                let twist = lock(&state).twists.get(&path).cloned();
                let answer = twist.and_then(|twist| twist(&request));
                let answer = answer.unwrap_or_else(|| lock(&state).answer(&request, &path));
                if let Some(delay) = delay {
                    tokio::time::sleep(delay).await;
                }
                let (status, headers, body) = answer;
                let headers: Vec<_> =
                    headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
                reply.full(status, &headers, body).await
            }
        })
        .await;
        Self { state, server: Arc::new(server) }
    }

    pub(crate) fn url(&self) -> String {
        self.server.url.clone()
    }

    pub(crate) fn origin(&self) -> String {
        self.server.url.trim_end_matches("/mcp").to_owned()
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    pub(crate) fn paths(&self) -> Vec<String> {
        let path = |it: &Received| it.path.split('?').next().unwrap_or_default().to_owned();
        self.server.log().iter().map(path).collect()
    }

    pub(crate) fn log(&self) -> Vec<Received> {
        self.server.log()
    }

    /// The requests of a kind: `register`, `authorize`, `code`, `refresh`, `revoke`, or another grant.
    pub(crate) fn seen(&self, kind: &str) -> Vec<BTreeMap<String, String>> {
        let seen = &self.lock().seen;
        seen.iter().filter(|(it, _)| *it == kind).map(|(_, params)| params.clone()).collect()
    }

    pub(crate) fn twist(
        &self,
        path: &str,
        answer: impl Fn(&Received) -> Option<Answer> + Send + Sync + 'static,
    ) {
        self.lock().twists.insert(path.to_owned(), Arc::new(answer));
    }

    /// All access tokens end.
    pub(crate) fn expire(&self) {
        self.lock().access.clear();
    }

    pub(crate) fn oauth(&self) -> OAuth {
        OAuth::new().user_agent(user()).http(client())
    }
}

/// A client that does not look for a proxy.
pub(crate) fn client() -> HttpClient {
    HttpClient::builder().no_proxy().build().unwrap()
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A user who agrees at once.
pub(crate) fn user() -> impl mcp_auth::UserAgent {
    let user: Follow<_> = follow(|page| async move { log_in(&page).await });
    user
}

pub(crate) async fn log_in(page: &str) -> Result<String, String> {
    let request = Request::get(page).body(Body::empty()).map_err(|error| error.to_string())?;
    let response = client().send(request).await;
    let response = response.map_err(|error| error.to_string())?;
    let location = response.headers().get("location").ok_or("no redirect")?;
    Ok(location.to_str().unwrap().to_owned())
}

/// Sends a request of a caller.
pub(crate) async fn call(auth: &ServerAuth, url: &str) -> Result<StatusCode, mcp_http::Error> {
    send(auth, url, false).await.map(|response| response.status())
}

pub(crate) async fn send(
    auth: &ServerAuth,
    url: &str,
    is_background: bool,
) -> Result<Response<ResponseBody>, mcp_http::Error> {
    let client = client();
    let mut request = Request::post(url).body(Body::from("{}")).unwrap();
    if is_background {
        request.extensions_mut().insert(Background);
    }
    Authorized::new(client, auth.clone()).oneshot(request).await
}

pub(crate) fn json_answer(status: u16, body: &Value) -> Answer {
    (status, vec![("content-type".into(), "application/json".into())], body.to_string())
}

pub(crate) fn params(query: &str) -> BTreeMap<String, String> {
    form_urlencoded::parse(query.as_bytes()).into_owned().collect()
}

impl State {
    fn answer(&mut self, request: &Received, path: &str) -> Answer {
        let host = request.header("host").unwrap_or_default();
        let origin = format!("http://{host}");
        match path {
            "/mcp" => self.guard(request, &origin),
            "/.well-known/oauth-protected-resource/mcp" => {
                let members = json!({
                    "resource": format!("{origin}/mcp"),
                    "authorization_servers": [origin],
                });
                json_answer(200, &replaced(members, &self.resource_metadata))
            }
            "/.well-known/oauth-authorization-server" => {
                let at = |path: &str| format!("{origin}{path}");
                let members = json!({
                    "issuer": origin,
                    "authorization_endpoint": at("/authorize"),
                    "token_endpoint": at("/token"),
                    "registration_endpoint": at("/register"),
                    "revocation_endpoint": at("/revoke"),
                    "device_authorization_endpoint": at("/device"),
                    "code_challenge_methods_supported": ["S256"],
                    "authorization_response_iss_parameter_supported": true,
                });
                json_answer(200, &replaced(members, &self.metadata))
            }
            "/register" => self.register(request),
            "/authorize" => self.authorize(request, &origin),
            "/token" => self.token(request),
            "/device" => {
                self.seen.push(("device", params(&request.body)));
                let body = json!({
                    "device_code": format!("device-{CANARY}"),
                    "user_code": "ABCD-EFGH",
                    "verification_uri": format!("{origin}/enter"),
                    "expires_in": 600,
                    "interval": 1,
                });
                json_answer(200, &body)
            }
            "/revoke" => {
                let form = params(&request.body);
                self.refresh.remove(&form["token"]);
                self.access.clear();
                self.seen.push(("revoke", form));
                (200, Vec::new(), String::new())
            }
            _ => (404, Vec::new(), String::new()),
        }
    }

    fn guard(&self, request: &Received, origin: &str) -> Answer {
        let token = request.header("authorization").unwrap_or_default();
        let token = token.trim_start_matches("Bearer ");
        let challenge = |error: &str| {
            let metadata = format!("{origin}/.well-known/oauth-protected-resource/mcp");
            let value = format!("Bearer {error}resource_metadata=\"{metadata}\"{}", self.challenge);
            vec![("www-authenticate".to_owned(), value)]
        };
        match (self.access.get(token), &self.wants_scope) {
            (None, _) => (401, challenge(""), "log in".to_owned()),
            (Some(scopes), Some(wanted)) if !scopes.split(' ').any(|it| it == wanted) => {
                let error = format!("error=\"insufficient_scope\", scope=\"{wanted}\", ");
                (403, challenge(&error), String::new())
            }
            _ => (200, Vec::new(), "{}".to_owned()),
        }
    }

    fn register(&mut self, request: &Received) -> Answer {
        let mut body = request.json();
        let number = self.number();
        let id = format!("client-{number}");
        self.clients.insert(id.clone());
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let members = body.as_object().unwrap();
        let seen = members.iter().map(|(name, value)| (name.clone(), text(value))).collect();
        self.seen.push(("register", seen));
        body["client_id"] = id.into();
        if body["token_endpoint_auth_method"] != "none" {
            body["client_secret"] = format!("secret-{CANARY}").into();
        }
        json_answer(201, &body)
    }

    fn authorize(&mut self, request: &Received, origin: &str) -> Answer {
        let query = request.path.split_once('?').map_or("", |(_, query)| query);
        let query = params(query);
        if query["client_id"].starts_with("client-") && !self.clients.contains(&query["client_id"])
        {
            return (400, Vec::new(), "unknown client".to_owned());
        }
        let number = self.number();
        let code = format!("code-{CANARY}-{number}");
        let mut target = Url::parse(&query["redirect_uri"]).unwrap();
        target.query_pairs_mut().extend_pairs([
            ("code", &code),
            ("state", &query["state"]),
            ("iss", &origin.to_owned()),
        ]);
        // The look at a page before it opens is no login.
        let is_same = |it: &(_, BTreeMap<_, _>)| it.1.get("state") == query.get("state");
        self.seen.retain(|it| !is_same(it));
        self.seen.push(("authorize", query.clone()));
        self.codes.insert(code, query);
        (302, vec![("location".into(), target.into())], String::new())
    }

    fn token(&mut self, request: &Received) -> Answer {
        let form = params(&request.body);
        let refused = |code: &str| json_answer(400, &json!({ "error": code }));
        let kind = match form.get("grant_type").map_or("", String::as_str) {
            "authorization_code" => "code",
            "refresh_token" => "refresh",
            "client_credentials" => "client_credentials",
            "urn:ietf:params:oauth:grant-type:device_code" => "device_token",
            "urn:ietf:params:oauth:grant-type:jwt-bearer" => "jwt_bearer",
            _ => return refused("unsupported_grant_type"),
        };
        let mut seen = form.clone();
        if let Some(value) = request.header("authorization") {
            seen.insert("authorization".to_owned(), value.to_owned());
        }
        self.seen.push((kind, seen));
        let mut scope = form.get("scope").cloned();
        match kind {
            "code" => {
                let Some(asked) = self.codes.remove(&form["code"]) else {
                    return refused("invalid_grant");
                };
                assert_eq!(asked["redirect_uri"], form["redirect_uri"]);
                assert_eq!(asked.get("resource"), form.get("resource"));
                scope = asked.get("scope").cloned();
            }
            "refresh" => {
                let token = &form["refresh_token"];
                if self.used.contains(token) {
                    // Somebody has stolen it.
                    self.refresh.clear();
                    self.access.clear();
                }
                if !self.refresh.contains(token) {
                    return refused("invalid_grant");
                }
                if !self.keeps_refresh {
                    self.refresh.remove(token);
                    self.used.insert(token.clone());
                }
            }
            _ => {}
        }
        self.issue(kind, scope)
    }

    fn issue(&mut self, kind: &str, scope: Option<String>) -> Answer {
        let number = self.number();
        let access = format!("access-{CANARY}-{number}");
        self.access.insert(access.clone(), scope.unwrap_or_default());
        let mut body = json!({ "access_token": access, "token_type": "bearer" });
        if let Some(ttl) = self.ttl {
            body["expires_in"] = ttl.into();
        }
        let gives_refresh =
            matches!(kind, "code" | "device_token") || (kind == "refresh" && !self.keeps_refresh);
        if gives_refresh && !self.gives_no_refresh {
            let refresh = format!("refresh-{CANARY}-{number}");
            self.refresh.insert(refresh.clone());
            body["refresh_token"] = refresh.into();
        }
        json_answer(200, &body)
    }

    fn number(&mut self) -> usize {
        self.next += 1;
        self.next
    }
}

fn replaced(mut members: Value, by: &BTreeMap<String, Value>) -> Value {
    for (name, value) in by {
        match value {
            Value::Null => _ = members.as_object_mut().unwrap().remove(name),
            value => members[name] = value.clone(),
        }
    }
    members
}

//! The responses of the authorization server, and the token check of the MCP server.

use std::collections::BTreeMap;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use url::Url;

use super::{
    mcp,
    state::{Answer, CANARY, State, json_answer, params},
};
use crate::http::Received;

/// Prefix of the metadata path of the MCP server, followed by the server's own path.
const RESOURCE: &str = "/.well-known/oauth-protected-resource";

impl State {
    pub(super) fn answer(&mut self, request: &Received, path: &str) -> Answer {
        let scheme = if self.is_https { "https" } else { "http" };
        let origin = format!("{scheme}://{}", request.header("host").unwrap_or_default());
        if let Some(resource @ ("/mcp" | "/sse")) = path.strip_prefix(RESOURCE) {
            let members = json!({
                "resource": format!("{origin}{resource}"),
                "authorization_servers": [origin],
            });
            return json_answer(200, &replaced(members, &self.resource_metadata));
        }
        match path {
            "/mcp" => self.guard(request, &origin, "/mcp", |_, request| mcp::answer(request)),
            "/sse" => self.guard(request, &origin, "/sse", |_, _| (200, Vec::new(), String::new())),
            "/messages" => self.guard(request, &origin, "/sse", mcp::posted),
            "/.well-known/oauth-authorization-server" => {
                json_answer(200, &replaced(metadata(&origin), &self.metadata))
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
                self.refresh.remove(form.get("token").map_or("", String::as_str));
                self.access.clear();
                self.seen.push(("revoke", form));
                (200, Vec::new(), String::new())
            }
            _ => (404, Vec::new(), String::new()),
        }
    }

    fn guard(
        &self,
        request: &Received,
        origin: &str,
        resource: &str,
        answer: impl FnOnce(&Self, &Received) -> Answer,
    ) -> Answer {
        let token = request.header("authorization").unwrap_or_default();
        let token = token.trim_start_matches("Bearer ");
        let challenge = |error: &str| {
            let metadata = format!("{origin}{RESOURCE}{resource}");
            let value = format!("Bearer {error}resource_metadata=\"{metadata}\"{}", self.challenge);
            vec![("www-authenticate".to_owned(), value)]
        };
        match (self.access.get(token), &self.wants_scope) {
            (None, _) => (401, challenge(""), "log in".to_owned()),
            (Some(scopes), Some(wanted)) if !scopes.split(' ').any(|it| it == wanted) => {
                let error = format!("error=\"insufficient_scope\", scope=\"{wanted}\", ");
                (403, challenge(&error), String::new())
            }
            _ => answer(self, request),
        }
    }

    fn register(&mut self, request: &Received) -> Answer {
        let mut body = request.json();
        let Some(members) = body.as_object() else {
            return json_answer(400, &json!({ "error": "invalid_client_metadata" }));
        };
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let seen = members.iter().map(|(name, value)| (name.clone(), text(value))).collect();
        self.seen.push(("register", seen));
        let id = format!("client-{}", self.number());
        self.clients.insert(id.clone());
        body["client_id"] = id.into();
        if body["token_endpoint_auth_method"] != "none" {
            body["client_secret"] = format!("secret-{CANARY}").into();
        }
        json_answer(201, &body)
    }

    fn authorize(&mut self, request: &Received, origin: &str) -> Answer {
        let query = params(request.path.split_once('?').map_or("", |(_, query)| query));
        let param = |name: &str| query.get(name).cloned().unwrap_or_default();
        let client = param("client_id");
        let target = Url::parse(&param("redirect_uri"));
        let is_known = !client.starts_with("client-") || self.clients.contains(&client);
        let (true, Ok(mut target)) = (is_known, target) else {
            return (400, Vec::new(), "unknown client".to_owned());
        };
        let code = format!("code-{CANARY}-{}", self.number());
        let issuer = self.metadata.get("issuer").and_then(Value::as_str).unwrap_or(origin);
        let (state, issuer) = (param("state"), issuer.to_owned());
        let answer = [("code", &code), ("state", &state), ("iss", &issuer)];
        target.query_pairs_mut().extend_pairs(answer);
        // A client may check a page before it opens it: that is not a login.
        self.seen.retain(|it| it.1.get("state") != Some(&state));
        self.seen.push(("authorize", query.clone()));
        self.codes.insert(code, query);
        (302, vec![("location".into(), target.into())], String::new())
    }

    fn token(&mut self, request: &Received) -> Answer {
        let form = params(&request.body);
        let refused = |code: &str| json_answer(400, &json!({ "error": code }));
        let param = |name: &str| form.get(name).map_or("", String::as_str);
        let kind = match param("grant_type") {
            "authorization_code" => "code",
            "refresh_token" => "refresh",
            "client_credentials" => "client_credentials",
            "urn:ietf:params:oauth:grant-type:device_code" => "device_token",
            "urn:ietf:params:oauth:grant-type:jwt-bearer" => "jwt_bearer",
            "urn:ietf:params:oauth:grant-type:token-exchange" => "token_exchange",
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
                let asked = self.codes.remove(param("code")).filter(|asked| fits(asked, &form));
                let Some(asked) = asked else { return refused("invalid_grant") };
                scope = asked.get("scope").cloned();
            }
            "refresh" => {
                let token = param("refresh_token");
                if self.used.contains(token) {
                    // Reuse means that the token was stolen.
                    self.refresh.clear();
                    self.access.clear();
                }
                if !self.refresh.contains(token) {
                    return refused("invalid_grant");
                }
                if !self.keeps_refresh {
                    self.refresh.remove(token);
                    self.used.insert(token.to_owned());
                }
            }
            _ => {}
        }
        self.issue(kind, scope)
    }

    fn issue(&mut self, kind: &str, scope: Option<String>) -> Answer {
        let number = self.number();
        let access = format!("access-{CANARY}-{number}");
        let mut body = json!({ "access_token": access, "token_type": "bearer" });
        if kind == "token_exchange" {
            // The result is an assertion for another server, not a token of this one.
            body["issued_token_type"] = "urn:ietf:params:oauth:token-type:id-jag".into();
            body["token_type"] = "N_A".into();
            return json_answer(200, &body);
        }
        self.access.insert(access, scope.unwrap_or_default());
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
}

/// Whether a token request matches the login request.
fn fits(asked: &BTreeMap<String, String>, form: &BTreeMap<String, String>) -> bool {
    let verifier = form.get("code_verifier").map_or("", String::as_str);
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier));
    asked.get("code_challenge") == Some(&challenge)
        && ["redirect_uri", "resource"].iter().all(|name| asked.get(*name) == form.get(*name))
}

fn metadata(origin: &str) -> Value {
    let at = |path: &str| format!("{origin}{path}");
    json!({
        "issuer": origin,
        "authorization_endpoint": at("/authorize"),
        "token_endpoint": at("/token"),
        "registration_endpoint": at("/register"),
        "revocation_endpoint": at("/revoke"),
        "device_authorization_endpoint": at("/device"),
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": true,
    })
}

fn replaced(mut members: Value, by: &BTreeMap<String, Value>) -> Value {
    if let Some(members) = members.as_object_mut() {
        for (name, value) in by {
            match value {
                Value::Null => _ = members.remove(name),
                value => _ = members.insert(name.clone(), value.clone()),
            }
        }
    }
    members
}

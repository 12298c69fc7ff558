//! A client at an authorization server.

use serde::{Deserialize, Serialize};

use crate::secret::Secret;

/// A client id and its authentication method.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Identity {
    pub(crate) client_id: String,
    /// Secret of a dynamic registration. A configured secret is not stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) secret: Option<Secret>,
    pub(crate) method: AuthMethod,
    pub(crate) kind: IdentityKind,
    /// The registered redirect URI.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) redirect_uri: Option<String>,
    /// The scopes that it may request, if a registration named any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) scopes: Vec<String>,
    /// When the secret expires, in seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) expires_at: Option<u64>,
}

/// Origin of a client id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum IdentityKind {
    /// Configured.
    Registered,
    /// The URL of a metadata document.
    Document,
    /// A dynamic registration.
    Dynamic,
}

/// How a client authenticates at the token endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum AuthMethod {
    #[serde(rename = "none")]
    None,
    #[serde(rename = "client_secret_basic")]
    Basic,
    #[serde(rename = "client_secret_post")]
    Post,
    #[serde(rename = "private_key_jwt")]
    PrivateKey,
}

impl AuthMethod {
    /// Parses the registered name.
    pub(crate) fn of(name: &str) -> Option<Self> {
        Some(match name {
            "none" => Self::None,
            "client_secret_basic" => Self::Basic,
            "client_secret_post" => Self::Post,
            "private_key_jwt" => Self::PrivateKey,
            _ => return None,
        })
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Basic => "client_secret_basic",
            Self::Post => "client_secret_post",
            Self::PrivateKey => "private_key_jwt",
        }
    }
}

impl Identity {
    /// Whether it may request these scopes.
    pub(crate) fn may_ask_for(&self, scopes: &[String]) -> bool {
        self.scopes.is_empty() || scopes.iter().all(|scope| self.scopes.contains(scope))
    }

    /// A configured client.
    pub(crate) fn registered(client_id: &str, method: AuthMethod) -> Self {
        Self {
            client_id: client_id.to_owned(),
            secret: None,
            method,
            kind: IdentityKind::Registered,
            redirect_uri: None,
            scopes: Vec::new(),
            expires_at: None,
        }
    }

    /// A client whose id is the URL of its metadata document.
    ///
    /// Spec: basic/authorization#client-id-metadata-documents
    pub(crate) fn document(url: &str) -> Self {
        let identity = Self::registered(url, AuthMethod::None);
        Self { kind: IdentityKind::Document, ..identity }
    }
}

/// Authentication method of a client with a configured secret: one that the server lists, otherwise Basic.
pub(crate) fn method_of_secret(listed: &[String]) -> AuthMethod {
    let lists = |method: AuthMethod| listed.iter().any(|it| it == method.name());
    match lists(AuthMethod::Post) && !lists(AuthMethod::Basic) {
        true => AuthMethod::Post,
        false => AuthMethod::Basic,
    }
}

/// Authentication method for a registration: none if that is allowed or the server lists no methods.
pub(crate) fn method_to_register(listed: &[String]) -> Option<AuthMethod> {
    if listed.is_empty() {
        return Some(AuthMethod::None);
    }
    let known = [AuthMethod::None, AuthMethod::Basic, AuthMethod::Post];
    known.into_iter().find(|method| listed.iter().any(|it| it == method.name()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_method_is_one_that_the_server_lists() {
        use AuthMethod::{Basic, None, Post};
        let list = |names: &[&str]| names.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>();
        let (basic, post) = ("client_secret_basic", "client_secret_post");
        for (listed, of_secret, to_register) in [
            (list(&[]), Basic, Some(None)),
            (list(&["none"]), Basic, Some(None)),
            (list(&[basic]), Basic, Some(Basic)),
            (list(&[post]), Post, Some(Post)),
            (list(&[post, basic]), Basic, Some(Basic)),
            (list(&[post, "none"]), Post, Some(None)),
            (list(&["tls_client_auth"]), Basic, Option::None),
        ] {
            assert_eq!(method_of_secret(&listed), of_secret, "{listed:?}");
            assert_eq!(method_to_register(&listed), to_register, "{listed:?}");
        }
    }
}

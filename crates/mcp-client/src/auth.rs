use std::fmt;

/// Credentials for requests to a server behind a URL; see [`Client::auth`](crate::Client::auth). `Debug` redacts
/// tokens.
#[derive(Clone)]
#[non_exhaustive]
pub enum Auth {
    /// A static token, sent with each request.
    Bearer(String),
    /// Login at an authorization server.
    #[cfg(feature = "oauth")]
    OAuth(mcp_auth::OAuth),
}

impl From<&str> for Auth {
    fn from(token: &str) -> Self {
        Self::Bearer(token.to_owned())
    }
}

impl From<String> for Auth {
    fn from(token: String) -> Self {
        Self::Bearer(token)
    }
}

#[cfg(feature = "oauth")]
impl From<mcp_auth::OAuth> for Auth {
    fn from(auth: mcp_auth::OAuth) -> Self {
        Self::OAuth(auth)
    }
}

#[cfg(feature = "oauth")]
impl From<&mcp_auth::OAuth> for Auth {
    fn from(auth: &mcp_auth::OAuth) -> Self {
        Self::OAuth(auth.clone())
    }
}

impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bearer(_) => f.write_str("Bearer(…)"),
            #[cfg(feature = "oauth")]
            Self::OAuth(auth) => f.debug_tuple("OAuth").field(auth).finish(),
        }
    }
}

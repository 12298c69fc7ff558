use std::fmt;

/// How a remote server is logged in at with OAuth (`auth` or `oauth` as an object, in the spellings of several
/// applications). All of it may be left out: then the server says what it wants. `Debug` shows no secret.
#[derive(Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct OAuth {
    /// The id of a client that is registered (`client_id`, `clientId`, `CLIENT_ID`, `oauth_client_id`,
    /// `oauthClientId`).
    pub client_id: Option<String>,
    /// Its secret (`client_secret`, `clientSecret`, `CLIENT_SECRET`, `oauth_client_secret`; `client_secret_key`
    /// names the variable that holds it).
    pub client_secret: Option<String>,
    /// Scopes to ask for (`scopes`, `scope`, `oauthScopes`).
    pub scopes: Vec<String>,
    /// The authorization server (`issuer`).
    pub issuer: Option<String>,
    /// The resource that tokens are for (`resource`, `oauth_resource`).
    pub resource: Option<String>,
    /// The port of this machine that the browser is redirected to (`callback_port`, `callbackPort`,
    /// `oauth_callback_port`).
    pub callback_port: Option<u16>,
    /// The redirect URI that the client is registered with (`redirect_uri`, `redirectUri`).
    pub redirect_uri: Option<String>,
    /// The URL of a document about the client, which is its id (`client_metadata_url`, `clientMetadataUrl`).
    pub client_metadata_url: Option<String>,
    /// How a token is got (`grant`, `grant_type`, `grantType`). Default: a user logs in.
    pub grant: Option<OAuthGrant>,
    /// Where tokens are kept (`token_store`, `tokenStore`). Default: what the application sets.
    pub token_store: Option<OAuthStore>,
}

/// How a token is got.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OAuthGrant {
    /// A user logs in: `authorization_code`.
    AuthorizationCode,
    /// A service logs in as itself: `client_credentials`.
    ClientCredentials,
}

/// Where tokens are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OAuthStore {
    /// In this process: `memory`.
    Memory,
    /// In files of the user: `file`.
    File,
}

impl OAuthGrant {
    /// The name in a document.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AuthorizationCode => "authorization_code",
            Self::ClientCredentials => "client_credentials",
        }
    }
}

impl OAuthStore {
    /// The name in a document.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::File => "file",
        }
    }
}

impl fmt::Debug for OAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OAuth")
            .field("client_id", &self.client_id)
            .field("client_secret", &self.client_secret.as_ref().map(|_| ".."))
            .field("scopes", &self.scopes)
            .field("issuer", &self.issuer)
            .field("resource", &self.resource)
            .field("callback_port", &self.callback_port)
            .field("redirect_uri", &self.redirect_uri)
            .field("client_metadata_url", &self.client_metadata_url)
            .field("grant", &self.grant)
            .field("token_store", &self.token_store)
            .finish()
    }
}

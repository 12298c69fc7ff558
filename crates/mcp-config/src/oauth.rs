use std::fmt;

/// OAuth settings of a remote server (`auth` or `oauth` as an object, in the spellings of several applications). All
/// fields are optional; by default they are discovered from the server. `Debug` redacts secrets.
#[derive(Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct OAuth {
    /// The id of a registered client (`client_id`, `clientId`, `CLIENT_ID`, `oauth_client_id`, `oauthClientId`).
    pub client_id: Option<String>,
    /// The client secret (`client_secret`, `clientSecret`, `CLIENT_SECRET`, `oauth_client_secret`; `client_secret_key`
    /// names the variable that holds it).
    pub client_secret: Option<String>,
    /// Scopes to request (`scopes`, `scope`, `oauthScopes`).
    pub scopes: Vec<String>,
    /// The authorization server (`issuer`).
    pub issuer: Option<String>,
    /// The resource for which tokens are requested (`resource`, `oauth_resource`).
    pub resource: Option<String>,
    /// The local port of the redirect URI (`callback_port`, `callbackPort`, `oauth_callback_port`).
    pub callback_port: Option<u16>,
    /// The registered redirect URI (`redirect_uri`, `redirectUri`).
    pub redirect_uri: Option<String>,
    /// The URL of the client metadata document, used as the client id (`client_metadata_url`, `clientMetadataUrl`).
    pub client_metadata_url: Option<String>,
    /// The grant type (`grant`, `grant_type`, `grantType`). Default: authorization code, with a user login.
    pub grant: Option<OAuthGrant>,
    /// The token store (`token_store`, `tokenStore`). Default: set by the application.
    pub token_store: Option<OAuthStore>,
}

/// How tokens are obtained.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OAuthGrant {
    /// A user logs in: `authorization_code`.
    AuthorizationCode,
    /// The client authenticates as itself: `client_credentials`.
    ClientCredentials,
}

/// Where tokens are stored.
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

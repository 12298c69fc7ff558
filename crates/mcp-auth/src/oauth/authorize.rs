//! Use on a transport.

use http::Uri;
use mcp_http::{HttpClient, IntoAuthorize, SharedAuthorize};

use super::OAuth;
use crate::error::Error;

impl IntoAuthorize for OAuth {
    fn into_authorize(
        self,
        url: &Uri,
        client: Option<&HttpClient>,
    ) -> Result<SharedAuthorize, mcp_http::Error> {
        let server = self.server(&url.to_string(), client).map_err(Error::into_http)?;
        Ok(SharedAuthorize::new(server))
    }
}

impl IntoAuthorize for &OAuth {
    fn into_authorize(
        self,
        url: &Uri,
        client: Option<&HttpClient>,
    ) -> Result<SharedAuthorize, mcp_http::Error> {
        self.clone().into_authorize(url, client)
    }
}

//! Discovers the authorization server of an MCP server.

mod failure;
pub(crate) mod fetch;
pub(crate) mod policy;
pub(crate) mod resource;
pub(crate) mod server;
pub(crate) mod wellknown;

use fetch::Fetch;
use server::ServerMetadata;
use url::Url;
use wellknown::{is_same_issuer, split_origin};

use crate::error::{Error, ErrorKind, one_line};
use crate::settings::{Resource, Settings};

/// The authorization server of an MCP server, with the server's metadata about it.
#[derive(Clone, Debug)]
pub(crate) struct Discovered {
    /// The value of the `resource` parameter.
    pub(crate) resource: Option<String>,
    /// Scopes in the server's metadata.
    pub(crate) scopes: Vec<String>,
    pub(crate) wants_dpop: bool,
    pub(crate) server: ServerMetadata,
}

/// Discovers the authorization server of the server at `url`. `metadata_url` comes from the challenge. `None` if there
/// is none.
pub(crate) async fn discover(
    fetch: &Fetch,
    settings: &Settings,
    url: &Url,
    metadata_url: Option<&str>,
) -> Result<Option<Discovered>, Error> {
    let published = resource::find(fetch, url.as_str(), metadata_url).await?;
    let (scopes, wants_dpop, servers, named) = match published {
        Some(it) => (
            it.scopes_supported,
            it.dpop_bound_access_tokens_required,
            it.authorization_servers,
            it.resource,
        ),
        None => (Vec::new(), false, Vec::new(), None),
    };
    let resource = match &settings.resource {
        Resource::Discovered => Some(named.unwrap_or_else(|| canonical(url))),
        Resource::Omit => None,
        Resource::As(resource) => Some(resource.clone()),
    };
    let Some(server) = authorization_server(fetch, settings, url, &servers).await? else {
        return Ok(None);
    };
    Ok(Some(Discovered { resource, scopes, wants_dpop, server }))
}

async fn authorization_server(
    fetch: &Fetch,
    settings: &Settings,
    url: &Url,
    servers: &[String],
) -> Result<Option<ServerMetadata>, Error> {
    let chosen = match (&settings.issuer, servers) {
        (Some(issuer), [_, ..]) if !servers.iter().any(|it| is_same_issuer(it, issuer)) => {
            let message = format!(
                "the server trusts {}, not the configured issuer {issuer}",
                one_line(&servers.join(", "))
            );
            return Err(Error::new(ErrorKind::Untrusted, message));
        }
        (Some(issuer), _) => Some(issuer.as_str()),
        (None, []) => None,
        (None, servers) => Some(settings.choose(servers)?),
    };
    if let Some(issuer) = chosen {
        let found = server::find(fetch, issuer).await?;
        return match found {
            Some(server) => Ok(Some(server)),
            // A configured issuer need not publish metadata.
            None if settings.issuer.is_some() => Ok(Some(ServerMetadata::assumed(issuer))),
            None => {
                let message = format!("{} publishes no metadata", one_line(issuer));
                Err(Error::new(ErrorKind::Unsupported, message))
            }
        };
    }
    // Revision 2025-03-26: the server is also the authorization server.
    let Some((origin, _)) = split_origin(url.as_str()) else { return Ok(None) };
    if let Some(server) = server::find(fetch, origin).await? {
        return Ok(Some(server));
    }
    Ok(settings.legacy.then(|| ServerMetadata::assumed(origin)))
}

/// The resource URL of a server: without query, fragment or a lone slash.
///
/// Spec: basic/authorization#canonical-server-uri
fn canonical(url: &Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    url.set_fragment(None);
    let is_bare = url.path() == "/";
    let text = String::from(url);
    match text.strip_suffix('/') {
        Some(bare) if is_bare => bare.to_owned(),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn the_resource_of_a_url() {
        for (url, resource) in [
            ("https://h", "https://h"),
            ("https://h/", "https://h"),
            ("https://h/mcp?key=secret#x", "https://h/mcp"),
            ("https://h/mcp/", "https://h/mcp/"),
        ] {
            assert_eq!(canonical(&Url::parse(url).unwrap()), resource);
        }
    }
}

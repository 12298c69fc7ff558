//! Metadata of a protected resource.
//!
//! Spec: RFC 9728

use serde::Deserialize;
use url::Url;

use super::fetch::{Fetch, read};
use super::wellknown::of_resource;
use crate::error::{Error, ErrorKind, one_line};

/// Metadata that an MCP server publishes about its authorization.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ResourceMetadata {
    pub(crate) resource: Option<String>,
    pub(crate) authorization_servers: Vec<String>,
    pub(crate) scopes_supported: Vec<String>,
    pub(crate) dpop_bound_access_tokens_required: bool,
}

/// Finds the metadata of the server at `url`: at the URL of the challenge, then at the well-known URLs.
///
/// # Errors
/// A transient failure of a URL, or metadata of another server.
pub(crate) async fn find(
    fetch: &Fetch,
    url: &str,
    metadata_url: Option<&str>,
) -> Result<Option<ResourceMetadata>, Error> {
    let mut places = of_resource(url);
    if let Some(first) = metadata_url {
        places.retain(|place| place != first);
        places.insert(0, first.to_owned());
    }
    for place in places {
        let Some(body) = fetch.document(&place).await? else { continue };
        let metadata: ResourceMetadata = read(&body).map_err(|error| {
            let message = format!("invalid metadata at {}", one_line(&place));
            Error::new(ErrorKind::Protocol, message).with_source(error)
        })?;
        if let Some(resource) = &metadata.resource {
            check(resource, url)?;
        }
        return Ok(Some(metadata));
    }
    Ok(None)
}

/// Checks that `resource` is `url` or a path prefix of it.
fn check(resource: &str, url: &str) -> Result<(), Error> {
    match covers(resource, url) {
        true => Ok(()),
        false => {
            let message =
                format!("the server's metadata is for another resource: {}", one_line(resource));
            Err(Error::new(ErrorKind::Untrusted, message))
        }
    }
}

fn covers(resource: &str, url: &str) -> bool {
    let (Ok(resource), Ok(url)) = (Url::parse(resource), Url::parse(url)) else { return false };
    if resource.origin() != url.origin() || !resource.origin().is_tuple() {
        return false;
    }
    if resource.fragment().is_some()
        || (resource.query().is_some() && resource.query() != url.query())
    {
        return false;
    }
    let prefix = resource.path().strip_suffix('/').unwrap_or(resource.path());
    match url.path().strip_prefix(prefix) {
        Some(rest) => rest.is_empty() || rest.starts_with('/'),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resource_covers_paths_below_it() {
        for (resource, url, expected) in [
            ("https://h/mcp", "https://h/mcp", true),
            ("https://h", "https://h/mcp", true),
            ("https://h/", "https://h/mcp", true),
            ("https://h:443/mcp/", "https://h/mcp", true),
            ("https://h/mc", "https://h/mcp", false),
            ("https://h/mcp/x", "https://h/mcp", false),
            ("http://h/mcp", "https://h/mcp", false),
            ("https://evil/mcp", "https://h/mcp", false),
            ("https://h:8443/mcp", "https://h/mcp", false),
            ("https://h/mcp#x", "https://h/mcp", false),
            ("https://h/mcp?a=1", "https://h/mcp", false),
            ("https://h/mcp?a=1", "https://h/mcp?a=1", true),
            ("https://h/mcp", "https://h/mcp?a=1", true),
            ("urn:x", "urn:x", false),
            ("", "https://h/mcp", false),
        ] {
            assert_eq!(covers(resource, url), expected, "{resource} {url}");
        }
    }
}

//! Well-known URLs of metadata.
//!
//! Spec: basic/authorization#authorization-server-metadata-discovery

/// Splits a URL into its origin, exactly as written, and the rest.
pub(crate) fn split_origin(url: &str) -> Option<(&str, &str)> {
    let start = url.find("://")? + 3;
    let end = url[start..].find(['/', '?', '#']).map_or(url.len(), |at| start + at);
    (end > start).then(|| url.split_at(end))
}

/// The path after an origin: without query, fragment or trailing slash.
fn path_of(rest: &str) -> &str {
    let path = rest.split(['?', '#']).next().unwrap_or_default();
    path.strip_suffix('/').unwrap_or(path)
}

/// Metadata URLs of the server at `url`: for its path, then for its origin.
///
/// Spec: RFC 9728, 3.1
pub(crate) fn of_resource(url: &str) -> Vec<String> {
    const NAME: &str = "/.well-known/oauth-protected-resource";
    let Some((origin, rest)) = split_origin(url) else { return Vec::new() };
    match path_of(rest) {
        "" => vec![format!("{origin}{NAME}")],
        path => vec![format!("{origin}{NAME}{path}"), format!("{origin}{NAME}")],
    }
}

/// Metadata URLs of an authorization server, by RFC 8414 and OpenID Connect. For an issuer with a path, the root is
/// never one of them: it belongs to another issuer.
pub(crate) fn of_issuer(issuer: &str) -> Vec<String> {
    const OAUTH: &str = "/.well-known/oauth-authorization-server";
    const OPENID: &str = "/.well-known/openid-configuration";
    let Some((origin, rest)) = split_origin(issuer) else { return Vec::new() };
    match path_of(rest) {
        "" => vec![format!("{origin}{OAUTH}"), format!("{origin}{OPENID}")],
        path => vec![
            format!("{origin}{OAUTH}{path}"),
            format!("{origin}{OPENID}{path}"),
            format!("{origin}{path}{OPENID}"),
        ],
    }
}

/// Whether two issuers are the same string, apart from a lone slash as the path: servers with a URL type add it, and
/// both are the same URL.
pub(crate) fn is_same_issuer(one: &str, other: &str) -> bool {
    let bare = |issuer: &str| match split_origin(issuer) {
        Some((origin, "/")) => origin.len(),
        _ => issuer.len(),
    };
    one[..bare(one)] == other[..bare(other)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_urls_of_a_resource() {
        for (url, places) in [
            ("https://h", &["https://h/.well-known/oauth-protected-resource"][..]),
            ("https://h/", &["https://h/.well-known/oauth-protected-resource"]),
            (
                "https://h:1/a/mcp?x=1",
                &[
                    "https://h:1/.well-known/oauth-protected-resource/a/mcp",
                    "https://h:1/.well-known/oauth-protected-resource",
                ],
            ),
        ] {
            assert_eq!(of_resource(url), places, "{url}");
        }
        assert!(of_resource("nothing").is_empty());
    }

    #[test]
    fn metadata_urls_of_an_issuer_never_include_the_root_of_another() {
        for (issuer, places) in [
            (
                "https://h/",
                &[
                    "https://h/.well-known/oauth-authorization-server",
                    "https://h/.well-known/openid-configuration",
                ][..],
            ),
            (
                "https://h/t1/",
                &[
                    "https://h/.well-known/oauth-authorization-server/t1",
                    "https://h/.well-known/openid-configuration/t1",
                    "https://h/t1/.well-known/openid-configuration",
                ],
            ),
        ] {
            assert_eq!(of_issuer(issuer), places, "{issuer}");
        }
    }

    #[test]
    fn issuers_are_compared_as_strings() {
        for (one, other, same) in [
            ("https://h", "https://h", true),
            ("https://h", "https://h/", true),
            ("https://h/", "https://h", true),
            ("https://h/a", "https://h/a/", false),
            ("https://h", "https://H", false),
            ("https://h", "https://h:443", false),
            ("https://h", "https://h/a", false),
            ("https://h", "https://hh/", false),
            ("", "", true),
        ] {
            assert_eq!(is_same_issuer(one, other), same, "{one} {other}");
        }
    }
}

use std::fmt::Write as _;

use mcp_core::Meta;
use serde::Deserialize;
use serde_json::Value;

use crate::error::{AgentError, AgentErrorKind};

/// The metadata of a page about its display, in `_meta.ui`. Default: nothing is allowed.
///
/// Spec: ext-apps 2026-01-26#ui-resource-format
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[non_exhaustive]
pub struct ResourceUi {
    /// Its content security policy.
    pub csp: Csp,
    /// The permissions that it requests. A host may refuse them.
    pub permissions: Permissions,
    /// The origin that it requests, in a form that each host defines.
    pub domain: Option<String>,
    /// Whether it requests a border and a background. Absent: the host decides.
    pub prefers_border: Option<bool>,
}

impl ResourceUi {
    /// Reads a `_meta`; `None` without this metadata.
    ///
    /// # Errors
    /// Kind [`AppMeta`](AgentErrorKind::AppMeta) when it is malformed.
    pub(crate) fn of(meta: Option<&Meta>, uri: &str) -> Result<Option<Self>, AgentError> {
        let Some(ui) = meta.and_then(|meta| meta.get("ui")) else { return Ok(None) };
        let malformed = |why: &dyn std::fmt::Display| {
            let message = format!("malformed _meta.ui: {why}");
            AgentError::new(AgentErrorKind::AppMeta, message).about(uri)
        };
        // serde would read the members from an array by position.
        let parts = [Some(ui), ui.get("csp"), ui.get("permissions")];
        if let Some(part) = parts.into_iter().flatten().find(|part| !part.is_object()) {
            return Err(malformed(part));
        }
        Self::deserialize(ui).map(Some).map_err(|error| malformed(&error))
    }
}

/// The origins that a page needs. No others are allowed.
///
/// Spec: ext-apps 2026-01-26#ui-resource-format
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[non_exhaustive]
pub struct Csp {
    /// Origins that it connects to: `fetch`, XHR, WebSocket.
    pub connect_domains: Vec<String>,
    /// Origins that it loads images, scripts, styles, fonts and media from.
    pub resource_domains: Vec<String>,
    /// Origins of its frames.
    pub frame_domains: Vec<String>,
    /// Origins for the base of its URLs.
    pub base_uri_domains: Vec<String>,
}

impl Csp {
    /// The value of the header `Content-Security-Policy` for the page: the restrictive default of the
    /// specification, with the origins of the page.
    ///
    /// # Errors
    /// Kind [`AppMeta`](AgentErrorKind::AppMeta) when an entry is not an origin, and could add a
    /// directive or a keyword.
    ///
    /// Spec: ext-apps 2026-01-26#host-behavior
    pub fn header(&self) -> Result<String, AgentError> {
        let resources = &self.resource_domains;
        let directives: [(&str, &str, &[String]); 10] = [
            ("default-src", "'none'", &[]),
            ("script-src", "'self' 'unsafe-inline'", resources),
            ("style-src", "'self' 'unsafe-inline'", resources),
            ("img-src", "'self' data:", resources),
            ("font-src", "", resources),
            ("media-src", "'self' data:", resources),
            ("connect-src", "", &self.connect_domains),
            ("frame-src", "", &self.frame_domains),
            ("object-src", "'none'", &[]),
            (
                "base-uri",
                if self.base_uri_domains.is_empty() { "'self'" } else { "" },
                &self.base_uri_domains,
            ),
        ];
        let mut header = String::new();
        for (name, always, origins) in directives {
            if let Some(origin) = origins.iter().find(|origin| !is_origin(origin)) {
                let message = format!("{origin:?} in the content security policy is not an origin");
                return Err(AgentError::new(AgentErrorKind::AppMeta, message));
            }
            let separator = if header.is_empty() { "" } else { "; " };
            let _ = write!(header, "{separator}{name}");
            let always = if always.is_empty() && origins.is_empty() { "'none'" } else { always };
            let sources = [always].into_iter().chain(origins.iter().map(String::as_str));
            for source in sources.filter(|source| !source.is_empty()) {
                let _ = write!(header, " {source}");
            }
        }
        Ok(header)
    }
}

/// Whether this is a web origin: scheme, host, optional port. The host can begin with `*.`.
fn is_origin(origin: &str) -> bool {
    let schemes = ["https://", "http://", "wss://", "ws://"];
    let Some(rest) = schemes.iter().find_map(|scheme| origin.strip_prefix(scheme)) else {
        return false;
    };
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    let host = rest.strip_prefix("*.").unwrap_or(rest);
    !host.is_empty()
        && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte))
}

/// The permissions that a page requests of the browser.
///
/// Spec: ext-apps 2026-01-26#ui-resource-format
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[non_exhaustive]
pub struct Permissions {
    /// The camera.
    #[serde(deserialize_with = "is_asked")]
    pub camera: bool,
    /// The microphone.
    #[serde(deserialize_with = "is_asked")]
    pub microphone: bool,
    /// The location of the device.
    #[serde(deserialize_with = "is_asked")]
    pub geolocation: bool,
    /// Writing to the clipboard.
    #[serde(deserialize_with = "is_asked")]
    pub clipboard_write: bool,
}

impl Permissions {
    /// The value of the frame's attribute `allow` that grants all of them.
    pub fn allow(&self) -> String {
        let all = [
            (self.camera, "camera"),
            (self.microphone, "microphone"),
            (self.geolocation, "geolocation"),
            (self.clipboard_write, "clipboard-write"),
        ];
        let asked: Vec<&str> =
            all.iter().filter(|(is_asked, _)| *is_asked).map(|it| it.1).collect();
        asked.join("; ")
    }
}

/// A present object, even an empty one, is a request.
fn is_asked<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    Ok(Value::deserialize(deserializer)?.is_object())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use serde_json::json;

    use super::*;

    #[test]
    fn a_page_without_metadata_is_allowed_nothing() {
        assert_eq!(
            Csp::default().header().unwrap(),
            "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; \
             img-src 'self' data:; font-src 'none'; media-src 'self' data:; connect-src 'none'; \
             frame-src 'none'; object-src 'none'; base-uri 'self'"
        );
        assert_eq!(Permissions::default().allow(), "");
    }

    #[test]
    fn declared_origins_are_allowed_and_no_others() {
        let ui: ResourceUi = serde_json::from_value(json!({
            "csp": {
                "connectDomains": ["https://api.example.com", "wss://live.example.com:8443"],
                "resourceDomains": ["https://*.cdn.example.com"],
                "frameDomains": ["https://www.youtube.com/"],
                "baseUriDomains": ["https://cdn.example.com"],
            },
            "permissions": {"microphone": {}, "clipboardWrite": {}, "camera": null, "later": {}},
            "prefersBorder": false,
            "domain": "x.example.com",
        }))
        .unwrap();
        assert_eq!(
            ui.csp.header().unwrap(),
            "default-src 'none'; script-src 'self' 'unsafe-inline' https://*.cdn.example.com; \
             style-src 'self' 'unsafe-inline' https://*.cdn.example.com; \
             img-src 'self' data: https://*.cdn.example.com; font-src https://*.cdn.example.com; \
             media-src 'self' data: https://*.cdn.example.com; \
             connect-src https://api.example.com wss://live.example.com:8443; \
             frame-src https://www.youtube.com/; object-src 'none'; base-uri https://cdn.example.com"
        );
        assert_eq!(ui.permissions.allow(), "microphone; clipboard-write");
        assert_eq!((ui.prefers_border, ui.domain.as_deref()), (Some(false), Some("x.example.com")));
    }

    #[test]
    fn an_origin_cannot_add_a_directive() {
        for origin in [
            "https://a.com; script-src *",
            "https://a.com 'unsafe-eval'",
            "https://a.com,https://b.com",
            "*",
            "https:",
            "https://",
            "https://*",
            "https://a.*.com",
            "data:",
            "'self'",
            "javascript://a",
            "https://a.com/path",
            "https://a.com\r\nx: y",
        ] {
            let csp = Csp { connect_domains: vec![origin.to_owned()], ..Csp::default() };
            assert_eq!(csp.header().unwrap_err().kind(), AgentErrorKind::AppMeta, "{origin}");
        }
    }

    #[test]
    fn malformed_metadata_is_an_error() {
        for ui in [json!("x"), json!({"csp": {"connectDomains": "https://a"}}), json!({"csp": []})]
        {
            let meta = Meta::new().with("ui", ui.clone());
            let error = ResourceUi::of(Some(&meta), "ui://a").unwrap_err();
            assert_eq!(
                (error.kind(), error.subject()),
                (AgentErrorKind::AppMeta, Some("ui://a")),
                "{ui}"
            );
        }
        assert_eq!(ResourceUi::of(Some(&Meta::new()), "ui://a").unwrap(), None);
    }
}

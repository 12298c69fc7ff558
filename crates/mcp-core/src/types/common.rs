use serde::{Deserialize, Serialize};

use super::{Meta, Number, meta::with_meta};
use crate::RequestId;

/// The token for progress notifications of a request: an integer or a string, like a request id.
///
/// Spec: [Progress](https://modelcontextprotocol.io/specification/2026-07-28/basic/patterns/progress)
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ProgressToken(pub RequestId);

impl<T: Into<RequestId>> From<T> for ProgressToken {
    fn from(token: T) -> Self {
        Self(token.into())
    }
}

open_enum! {
    /// The role of the author of a message, or of the audience of an annotation.
    ///
    /// Spec: [Role](https://modelcontextprotocol.io/specification/2026-07-28/schema#role)
    pub enum Role {
        /// The user.
        User = "user",
        /// The model.
        Assistant = "assistant",
    }
}

open_enum! {
    /// The background for which an icon is designed. Since 2025-11-25.
    ///
    /// Spec: [Icons](https://modelcontextprotocol.io/specification/2026-07-28/basic/index#icons)
    pub enum IconTheme {
        /// A light background.
        Light = "light",
        /// A dark background.
        Dark = "dark",
    }
}

wire_struct! {
    /// An icon that a client may show. Do not trust `src`: accept only URIs that
    /// [`is_acceptable`](Self::is_acceptable) allows. Since 2025-11-25.
    ///
    /// Spec: [Icons](https://modelcontextprotocol.io/specification/2026-07-28/basic/index#icons)
    pub struct Icon {
        required {
            /// The URL of the image, or the image as a `data:` URI. Not parsed.
            src: String = "src";
        }
        optional {
            /// The MIME type, to override a missing or generic one of the HTTP server.
            mime_type: String = "mimeType", with_mime_type;
            /// The sizes, such as `48x48`, or `any` for scalable images.
            sizes: Vec<String> = "sizes", with_sizes;
            /// The background for which it is designed. Default: any.
            theme: IconTheme = "theme", with_theme;
        }
    }
}

impl Icon {
    /// Whether `src` may be shown: an `https:` URL with a host and without credentials, or a `data:` URI of an
    /// image. Anything else (`javascript:`, `file:`, `http:`, a relative path) is rejected.
    ///
    /// Does not fetch the image. When you fetch it, do not send credentials, do not follow redirects to
    /// another origin or scheme, and determine the type from the first bytes rather than from
    /// [`mime_type`](Self::mime_type).
    pub fn is_acceptable(&self) -> bool {
        let src = self.src.as_str();
        // URL parsers remove some of these characters, which results in another URL.
        if src.bytes().any(|byte| byte <= b' ' || byte == b'\\' || byte == 0x7f) {
            return false;
        }
        let after = |prefix: &str| {
            let begins = src.get(..prefix.len()).is_some_and(|it| it.eq_ignore_ascii_case(prefix));
            begins.then(|| &src[prefix.len()..])
        };
        if let Some(rest) = after("https://") {
            let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
            return !authority.is_empty()
                && !authority.starts_with(':')
                && !authority.contains('@');
        }
        after("data:image/").is_some_and(|rest| rest.contains(','))
    }
}

wire_struct! {
    /// Hints for the use of content.
    ///
    /// Spec: [Annotations](https://modelcontextprotocol.io/specification/2026-07-28/server/resources#annotations)
    #[derive(Default)]
    pub struct Annotations {
        optional {
            /// The audience.
            audience: Vec<Role> = "audience", with_audience;
            /// The time of the last modification, in ISO 8601. Not parsed. Since 2025-06-18.
            last_modified: String = "lastModified", with_last_modified;
            /// The importance, from 0 (optional) to 1 (required).
            priority: Number = "priority", with_priority;
        }
    }
}

wire_struct! {
    /// The name and version of a client or server, for users and logs. Do not base decisions on it.
    ///
    /// ```
    /// use mcp_core::Implementation;
    ///
    /// let client = Implementation::new("my-agent", env!("CARGO_PKG_VERSION")).with_title("My agent");
    /// assert_eq!(client.display_name(), "My agent");
    /// ```
    ///
    /// Spec: [Implementation](https://modelcontextprotocol.io/specification/2026-07-28/schema#implementation)
    pub struct Implementation {
        required {
            /// The programmatic name.
            name: String = "name";
            /// The version, in any format.
            version: String = "version";
        }
        optional {
            /// The human-readable name. Since 2025-06-18.
            title: String = "title", with_title;
            /// The description. Since 2025-11-25.
            description: String = "description", with_description;
            /// Icons to be shown to users. Since 2025-11-25.
            icons: Vec<Icon> = "icons", with_icons;
            /// The URL of its web site. Since 2025-11-25.
            website_url: String = "websiteUrl", with_website_url;
        }
    }
}

impl Implementation {
    /// The name to be shown to users: the title, or the name if there is no title.
    pub fn display_name(&self) -> &str {
        self.title.as_deref().unwrap_or(&self.name)
    }
}

wire_struct! {
    /// Request parameters without members other than `_meta`, as for `ping`, `server/discover` and
    /// `roots/list`.
    ///
    /// Spec: [RequestParams](https://modelcontextprotocol.io/specification/2026-07-28/schema#requestparams)
    #[derive(Default)]
    pub struct RequestParams {
        optional {
            /// Metadata. Required since 2026-07-28.
            meta: Meta = "_meta", with_meta;
        }
    }
}

wire_struct! {
    /// Parameters of a request for one page of a list.
    ///
    /// Spec: [Pagination](https://modelcontextprotocol.io/specification/2026-07-28/server/utilities/pagination)
    #[derive(Default)]
    pub struct PaginatedRequestParams {
        optional {
            /// The cursor from the previous page, opaque. Absent for the first page.
            cursor: String = "cursor", with_cursor;
            /// Metadata. Required since 2026-07-28.
            meta: Meta = "_meta", with_meta;
        }
    }
}

wire_struct! {
    /// Notification parameters without members other than `_meta`.
    ///
    /// Spec: [NotificationParams](https://modelcontextprotocol.io/specification/2026-07-28/schema#notificationparams)
    #[derive(Default)]
    pub struct NotificationParams {
        optional {
            /// Metadata. Since 2026-07-28 with the id of the subscription.
            meta: Meta = "_meta", with_meta;
        }
    }
}

with_meta!(RequestParams, PaginatedRequestParams, NotificationParams);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_https_urls_and_image_data_uris_are_acceptable() {
        for src in [
            "https://example.com/icon.png",
            "HTTPS://example.com:8443?size=48#x",
            "https://[::1]/a@b.svg",
            "data:image/png;base64,iVBORw0KGgo=",
            "DATA:Image/svg+xml,%3Csvg%2F%3E",
        ] {
            assert!(Icon::new(src).is_acceptable(), "{src}");
        }
        for src in [
            "",
            "icon.png",
            "//example.com/icon.png",
            "http://example.com/icon.png",
            "javascript:alert(1)",
            " https://example.com/icon.png",
            "https://exa\tmple.com/",
            "java\nscript:alert(1)",
            "https:\\\\example.com\\icon.png",
            "https:///icon.png",
            "https://:443/icon.png",
            "https://me:s3cret@example.com/icon.png",
            "file:///etc/passwd",
            "ftp://example.com/icon.png",
            "wss://example.com/icon.png",
            "data:text/html,<script>",
            "data:image/png",
            "dätä:image/png,",
        ] {
            assert!(!Icon::new(src).is_acceptable(), "{src}");
        }
    }
}

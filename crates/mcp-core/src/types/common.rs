use serde::{Deserialize, Serialize};

use super::{Meta, Number, meta::with_meta};
use crate::RequestId;

/// The name by which progress of a request is reported: an integer or a string, as an id.
///
/// Spec: basic/patterns/progress
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ProgressToken(pub RequestId);

impl<T: Into<RequestId>> From<T> for ProgressToken {
    fn from(token: T) -> Self {
        Self(token.into())
    }
}

open_enum! {
    /// Whose part a message or an annotation is.
    pub enum Role {
        /// The person or program that asks.
        User = "user",
        /// The model that answers.
        Assistant = "assistant",
    }
}

open_enum! {
    /// The background that an icon is drawn for.
    pub enum IconTheme {
        /// A light background.
        Light = "light",
        /// A dark background.
        Dark = "dark",
    }
}

wire_struct! {
    /// An icon that a client may show. Treat `src` as hostile: accept `https:` and `data:` only.
    ///
    /// Spec: basic/index#icons
    pub struct Icon {
        required {
            /// Where the image is, or the image itself as a `data:` URI. Not parsed.
            src: String = "src";
        }
        optional {
            /// The image's MIME type, where it differs from what the server of it says.
            mime_type: String = "mimeType", with_mime_type;
            /// Such as `48x48`, or `any` for scalable images.
            sizes: Vec<String> = "sizes", with_sizes;
            /// The background it is meant for; absent means any.
            theme: IconTheme = "theme", with_theme;
        }
    }
}

impl Icon {
    /// Whether `src` is of a kind that may be shown: an `https:` URL with a host and no credentials, or a
    /// `data:` URI of an image. Anything else (`javascript:`, `file:`, `http:`, a relative path) is not.
    ///
    /// Nothing is fetched. Whoever does fetch it sends no credentials along, follows no redirect to
    /// another origin or scheme, and looks at the first bytes rather than at
    /// [`mime_type`](Self::mime_type).
    ///
    /// Spec: basic/index#icons
    pub fn is_acceptable(&self) -> bool {
        let src = self.src.as_str();
        // Readers of URLs drop some of these, and then see another URL.
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
    /// Hints about how a piece of content is to be used.
    ///
    /// Spec: server/resources#annotations
    #[derive(Default)]
    pub struct Annotations {
        optional {
            /// Who it is for.
            audience: Vec<Role> = "audience", with_audience;
            /// When it last changed, in ISO 8601. Not parsed. Since 2025-06-18.
            last_modified: String = "lastModified", with_last_modified;
            /// How much it matters, from 0 (could be left out) to 1 (must be used).
            priority: Number = "priority", with_priority;
        }
    }
}

wire_struct! {
    /// Which program a client or server is. For people and logs: never decide anything by it.
    pub struct Implementation {
        required {
            /// Its name for programs.
            name: String = "name";
            /// Its version, in whatever form it likes.
            version: String = "version";
        }
        optional {
            /// Its name for people. Since 2025-06-18.
            title: String = "title", with_title;
            /// What it does. Since 2025-11-25.
            description: String = "description", with_description;
            /// Since 2025-11-25.
            icons: Vec<Icon> = "icons", with_icons;
            /// Since 2025-11-25.
            website_url: String = "websiteUrl", with_website_url;
        }
    }
}

impl Implementation {
    /// What to show to people: the title, or else the name.
    pub fn display_name(&self) -> &str {
        self.title.as_deref().unwrap_or(&self.name)
    }
}

wire_struct! {
    /// Parameters with nothing but `_meta`: `ping`, `server/discover`, `roots/list`.
    #[derive(Default)]
    pub struct RequestParams {
        optional {
            /// Required since 2026-07-28.
            meta: Meta = "_meta", with_meta;
        }
    }
}

wire_struct! {
    /// Parameters of a request for one page of a list.
    ///
    /// Spec: server/utilities/pagination
    #[derive(Default)]
    pub struct PaginatedRequestParams {
        optional {
            /// Where the page begins, as the page before said; absent for the first page. Opaque.
            cursor: String = "cursor", with_cursor;
            /// Required since 2026-07-28.
            meta: Meta = "_meta", with_meta;
        }
    }
}

wire_struct! {
    /// Parameters of a notification with nothing but `_meta`.
    #[derive(Default)]
    pub struct NotificationParams {
        optional {
            /// Names the subscription since 2026-07-28.
            meta: Meta = "_meta", with_meta;
        }
    }
}

with_meta!(RequestParams, PaginatedRequestParams, NotificationParams);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn icons_come_from_the_web_or_from_themselves() {
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

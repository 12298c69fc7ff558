use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::{Map, Value};

use super::Meta;

wire_struct! {
    /// The contents of a resource that is text.
    pub struct TextResourceContents {
        required {
            /// Which resource.
            uri: String = "uri";
            /// The text.
            text: String = "text";
        }
        optional {
            /// The type of the text.
            mime_type: String = "mimeType", with_mime_type;
            /// Since 2025-06-18.
            meta: Meta = "_meta", with_meta;
        }
    }
}

wire_struct! {
    /// The contents of a resource that is not text.
    pub struct BlobResourceContents {
        required {
            /// Which resource.
            uri: String = "uri";
            /// The bytes in base64. Not decoded.
            blob: String = "blob";
        }
        optional {
            /// The type of the bytes.
            mime_type: String = "mimeType", with_mime_type;
            /// Since 2025-06-18.
            meta: Meta = "_meta", with_meta;
        }
    }
}

/// The contents of a resource, or of a part of one.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ResourceContents {
    /// Text.
    Text(TextResourceContents),
    /// Bytes.
    Blob(BlobResourceContents),
    /// Neither, or both at once: the whole object.
    Unknown(Map<String, Value>),
}

impl ResourceContents {
    /// Text.
    pub fn text(uri: impl Into<String>, text: impl Into<String>) -> Self {
        TextResourceContents::new(uri, text).into()
    }

    /// Bytes, in base64.
    pub fn blob(uri: impl Into<String>, blob: impl Into<String>) -> Self {
        BlobResourceContents::new(uri, blob).into()
    }

    /// Which resource this is of; empty where an unknown form does not say.
    pub fn uri(&self) -> &str {
        match self {
            Self::Text(contents) => &contents.uri,
            Self::Blob(contents) => &contents.uri,
            Self::Unknown(raw) => raw.get("uri").and_then(Value::as_str).unwrap_or_default(),
        }
    }

    /// The text, where this is text.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(contents) => Some(&contents.text),
            _ => None,
        }
    }
}

impl From<TextResourceContents> for ResourceContents {
    fn from(contents: TextResourceContents) -> Self {
        Self::Text(contents)
    }
}

impl From<BlobResourceContents> for ResourceContents {
    fn from(contents: BlobResourceContents) -> Self {
        Self::Blob(contents)
    }
}

impl Serialize for ResourceContents {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(contents) => contents.serialize(serializer),
            Self::Blob(contents) => contents.serialize(serializer),
            Self::Unknown(raw) => raw.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for ResourceContents {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Text and bytes differ by one member, so both are read as one object with either.
        let AnyContents { uri, text, blob, mime_type, meta, extra } =
            AnyContents::deserialize(deserializer)?;
        Ok(match (uri, text, blob) {
            (Some(uri), Some(text), None) => {
                Self::Text(TextResourceContents { uri, text, mime_type, meta, extra })
            }
            (Some(uri), None, Some(blob)) => {
                Self::Blob(BlobResourceContents { uri, blob, mime_type, meta, extra })
            }
            (uri, text, blob) => {
                let whole = AnyContents { uri, text, blob, mime_type, meta, extra };
                match serde_json::to_value(whole).map_err(de::Error::custom)? {
                    Value::Object(raw) => Self::Unknown(raw),
                    _ => unreachable!("a struct is written as an object"),
                }
            }
        })
    }
}

#[allow(dead_code, unreachable_pub, reason = "what the macro makes of a private type")]
mod any {
    use crate::types::Meta;

    wire_struct! {
        /// All that contents may have, before it shows which kind they are.
        #[derive(Default)]
        pub struct AnyContents {
            optional {
                /// Which resource.
                uri: String = "uri", with_uri;
                /// The text.
                text: String = "text", with_text;
                /// The bytes in base64.
                blob: String = "blob", with_blob;
                /// The type of either.
                mime_type: String = "mimeType", with_mime_type;
                /// `_meta`.
                meta: Meta = "_meta", with_meta;
            }
        }
    }
}
use any::AnyContents;

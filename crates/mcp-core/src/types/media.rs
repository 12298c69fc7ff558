//! The bytes of media, which are base64 on the wire.

use std::fmt;

use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

use super::{
    AudioContent, BlobResourceContents, ContentBlock, EmbeddedResource, ImageContent,
    ResourceContents,
};
use crate::{ErrorClass, PublicError};

/// Base64 as servers write it: with or without padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The data of an image, of audio or of a resource is not base64.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidBase64(base64::DecodeError);

impl fmt::Display for InvalidBase64 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the data is not base64: {}", self.0)
    }
}

impl std::error::Error for InvalidBase64 {}

impl PublicError for InvalidBase64 {
    fn class(&self) -> ErrorClass {
        ErrorClass::Decode
    }
}

fn decode(data: &str) -> Result<Vec<u8>, InvalidBase64> {
    BASE64.decode(data).map_err(InvalidBase64)
}

impl ImageContent {
    /// Decodes the image, whose type is [`mime_type`](Self::mime_type).
    ///
    /// # Errors
    /// If the data is not base64.
    pub fn bytes(&self) -> Result<Vec<u8>, InvalidBase64> {
        decode(&self.data)
    }
}

impl AudioContent {
    /// Decodes the audio, whose type is [`mime_type`](Self::mime_type).
    ///
    /// # Errors
    /// If the data is not base64.
    pub fn bytes(&self) -> Result<Vec<u8>, InvalidBase64> {
        decode(&self.data)
    }
}

impl BlobResourceContents {
    /// Decodes the contents, whose type is [`mime_type`](Self::mime_type).
    ///
    /// # Errors
    /// If the data is not base64.
    pub fn bytes(&self) -> Result<Vec<u8>, InvalidBase64> {
        decode(&self.blob)
    }
}

impl ResourceContents {
    /// The MIME type, if the server gives one.
    pub fn mime_type(&self) -> Option<&str> {
        match self {
            Self::Text(contents) => contents.mime_type.as_deref(),
            Self::Blob(contents) => contents.mime_type.as_deref(),
            Self::Unknown(_) => None,
        }
    }

    /// The contents: the bytes of the text, or the decoded data. `None` for an unknown object.
    ///
    /// # Errors
    /// If the data is not base64.
    pub fn bytes(&self) -> Result<Option<Vec<u8>>, InvalidBase64> {
        match self {
            Self::Text(contents) => Ok(Some(contents.text.clone().into_bytes())),
            Self::Blob(contents) => contents.bytes().map(Some),
            Self::Unknown(_) => Ok(None),
        }
    }
}

impl ContentBlock {
    /// The MIME type of an image, of audio, or of a resource. `None` for text and for any other kind.
    ///
    /// ```
    /// use mcp_core::ContentBlock;
    ///
    /// let block = ContentBlock::image("aGVsbG8=", "image/png");
    /// if let (Some("image/png"), Some(bytes)) = (block.mime_type(), block.bytes()?) {
    ///     assert_eq!(bytes, b"hello");
    /// }
    /// # Ok::<(), mcp_core::InvalidBase64>(())
    /// ```
    pub fn mime_type(&self) -> Option<&str> {
        match self {
            Self::Image(content) => Some(&content.mime_type),
            Self::Audio(content) => Some(&content.mime_type),
            Self::Resource(EmbeddedResource { resource, .. }) => resource.mime_type(),
            Self::ResourceLink(link) => link.mime_type.as_deref(),
            _ => None,
        }
    }

    /// The bytes: the text, the decoded image or audio, or the contents of the resource. `None` for a link, and
    /// for an unknown kind.
    ///
    /// # Errors
    /// If the data is not base64.
    pub fn bytes(&self) -> Result<Option<Vec<u8>>, InvalidBase64> {
        match self {
            Self::Text(content) => Ok(Some(content.text.clone().into_bytes())),
            Self::Image(content) => content.bytes().map(Some),
            Self::Audio(content) => content.bytes().map(Some),
            Self::Resource(content) => content.resource.bytes(),
            _ => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn padding_is_optional_and_other_data_is_an_error() {
        for data in ["aGVsbG8=", "aGVsbG8"] {
            assert_eq!(ImageContent::new(data, "image/png").bytes().unwrap(), b"hello");
        }
        let error = AudioContent::new("no base64", "audio/wav").bytes().unwrap_err();
        assert!(error.to_string().starts_with("the data is not base64: "), "{error}");
    }

    #[test]
    fn a_resource_has_the_bytes_of_its_text_or_blob() {
        let blob = BlobResourceContents::new("file:///a", "AAE=").with_mime_type("image/gif");
        let block = ContentBlock::resource(blob);
        assert_eq!(block.mime_type(), Some("image/gif"));
        assert_eq!(block.bytes().unwrap().unwrap(), [0, 1]);
        let text = ResourceContents::text("file:///b", "hi");
        assert_eq!(text.bytes().unwrap().unwrap(), b"hi");
        assert_eq!(ContentBlock::text("hi").mime_type(), None);
    }
}

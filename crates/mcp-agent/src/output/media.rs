//! The media types that the APIs accept in results.

use crate::api::Api;

/// The kind of block for a piece of media.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MediaKind {
    Image,
    Pdf,
}

/// The MIME type in the notation of the APIs, if the API accepts it.
///
/// OpenAI: the guide on images and vision; Anthropic: `Base64ImageSource`; Gemini: multimodal function
/// responses. All accept PDF.
pub(crate) fn accepted(api: Api, mime: &str) -> Option<(MediaKind, &'static str)> {
    let essence = mime.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let image = |mime| Some((MediaKind::Image, mime));
    match essence.as_str() {
        "image/png" => image("image/png"),
        "image/jpeg" | "image/jpg" => image("image/jpeg"),
        "image/webp" => image("image/webp"),
        "image/gif" if api != Api::Gemini => image("image/gif"),
        "application/pdf" => Some((MediaKind::Pdf, "application/pdf")),
        _ => None,
    }
}

/// Whether data is valid base64. An API refuses the whole request otherwise.
pub(crate) fn is_base64(data: &str) -> bool {
    let digits = data.trim_end_matches('=');
    let padding = data.len() - digits.len();
    !digits.is_empty()
        && data.len().is_multiple_of(4)
        && padding <= 2
        && digits.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn media_types_are_normalized() {
        assert_eq!(
            accepted(Api::Anthropic, "Image/JPG; q=1"),
            Some((MediaKind::Image, "image/jpeg"))
        );
        assert_eq!(accepted(Api::Gemini, "image/gif"), None);
        assert_eq!(accepted(Api::OpenAiChat, "image/svg+xml"), None);
        assert_eq!(accepted(Api::Gemini, "application/pdf").map(|it| it.0), Some(MediaKind::Pdf));
    }

    #[test]
    fn base64_is_checked_before_it_is_sent() {
        for data in ["AAAA", "AAA=", "AA==", "+/9a"] {
            assert!(is_base64(data), "{data}");
        }
        for data in ["", "A", "AAA", "A===", "====", "AA-_", "AA\nA", "A=AA", "é///"] {
            assert!(!is_base64(data), "{data}");
        }
    }
}

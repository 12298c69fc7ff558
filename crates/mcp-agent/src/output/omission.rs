use std::fmt;

/// A part of a result that the model does not get.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Omission {
    /// What it is, such as `image/tiff`, `text` or `structured content`.
    pub what: String,
    /// How many bytes of it are left out.
    pub bytes: usize,
    /// Why.
    pub reason: OmissionReason,
}

/// Why a model does not get a part of a result, to match on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OmissionReason {
    /// There is more text than [`OutputLimits::text`](crate::OutputLimits::text).
    TextLimit,
    /// There are more images and documents than [`OutputLimits::media`](crate::OutputLimits::media).
    MediaLimit,
    /// The API does not accept media of this type, or none where a tool failed.
    Unsupported,
    /// The data is not in base64.
    Malformed,
    /// Structured content of a tool with an app is for the app.
    ForApp,
}

impl fmt::Display for Omission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, bytes, reason } = self;
        let reason = match reason {
            OmissionReason::TextLimit | OmissionReason::MediaLimit => "too large",
            OmissionReason::Unsupported => "not supported",
            OmissionReason::Malformed => "not valid base64",
            OmissionReason::ForApp => "for the app",
        };
        write!(f, "{what}, {bytes} bytes left out: {reason}")
    }
}

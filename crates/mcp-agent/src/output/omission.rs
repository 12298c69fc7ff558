use std::fmt;

/// A part of a result that is not passed to the model.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Omission {
    /// The part, such as `image/tiff`, `text` or `structured content`.
    pub what: String,
    /// The number of bytes that are left out.
    pub bytes: usize,
    /// The reason.
    pub reason: OmissionReason,
}

/// The reason for an [`Omission`], to match on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OmissionReason {
    /// The text exceeds [`OutputLimits::text`](crate::OutputLimits::text).
    TextLimit,
    /// Images and documents exceed [`OutputLimits::media`](crate::OutputLimits::media).
    MediaLimit,
    /// The API does not accept media of this type, or no media in the result of a failed tool.
    Unsupported,
    /// The data is not valid base64.
    Malformed,
    /// The part is meant for the app of the tool.
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

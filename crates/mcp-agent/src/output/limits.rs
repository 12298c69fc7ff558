/// Limits on the size of one result for the model. The excess is omitted, with a note for the model and
/// an entry in [`ToolOutput::omitted`](crate::ToolOutput::omitted);
/// [`ToolOutput::result`](crate::ToolOutput::result) keeps the whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct OutputLimits {
    /// Bytes of text, structured content included. Default: 100 KiB, some 25,000 tokens.
    pub text: usize,
    /// Bytes of images and documents, in base64. Zero for models that accept only text. Default: 5 MiB.
    pub media: usize,
}

impl OutputLimits {
    /// The default limits.
    pub fn new() -> Self {
        Self { text: 100 * 1024, media: 5 * 1024 * 1024 }
    }

    /// Sets [`text`](Self::text).
    #[must_use]
    pub fn with_text(mut self, bytes: usize) -> Self {
        self.text = bytes;
        self
    }

    /// Sets [`media`](Self::media).
    #[must_use]
    pub fn with_media(mut self, bytes: usize) -> Self {
        self.media = bytes;
        self
    }
}

impl Default for OutputLimits {
    fn default() -> Self {
        Self::new()
    }
}

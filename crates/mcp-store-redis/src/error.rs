use std::fmt;

use redis::RedisError;

/// Why Redis could not be used. Its text does not contain the password of the URL.
#[derive(Debug)]
pub struct Error {
    what: &'static str,
    source: RedisError,
}

impl Error {
    pub(crate) fn new(what: &'static str, source: RedisError) -> Self {
        Self { what, source }
    }

    /// Whether the connection failed or timed out, so that a later attempt may succeed.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        self.source.is_io_error() || self.source.is_timeout() || self.source.is_connection_dropped()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "redis: {}: {}", self.what, self.source)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}

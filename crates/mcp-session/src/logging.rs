//! The log level, which is set differently in each era.

use std::{
    borrow::Cow,
    sync::atomic::{AtomicU8, Ordering},
};

use mcp_core::{LoggingLevel, Meta, meta_key};

const LEVELS: [LoggingLevel; 8] = [
    LoggingLevel::Debug,
    LoggingLevel::Info,
    LoggingLevel::Notice,
    LoggingLevel::Warning,
    LoggingLevel::Error,
    LoggingLevel::Critical,
    LoggingLevel::Alert,
    LoggingLevel::Emergency,
];

/// The level of the session: the index in [`LEVELS`] plus one, 0 for none.
#[derive(Debug, Default)]
pub(crate) struct LogLevel(AtomicU8);

impl LogLevel {
    pub(crate) fn set(&self, level: &LoggingLevel) {
        let place = LEVELS.iter().position(|known| known == level);
        let number = place.and_then(|place| u8::try_from(place + 1).ok());
        self.0.store(number.unwrap_or_default(), Ordering::Relaxed);
    }

    /// The `_meta` of a request, with the log level of this call, or else that of the session unless `meta` has one.
    pub(crate) fn added_to<'a>(
        &self,
        of_call: Option<&LoggingLevel>,
        meta: Option<&'a Meta>,
    ) -> Option<Cow<'a, Meta>> {
        if let Some(level) = of_call {
            let meta = meta.cloned().unwrap_or_default();
            return Some(Cow::Owned(meta.with(meta_key::LOG_LEVEL, level.as_str())));
        }
        let number = usize::from(self.0.load(Ordering::Relaxed));
        let level = number.checked_sub(1).and_then(|place| LEVELS.get(place));
        match (level, meta) {
            (Some(level), meta) if meta.is_none_or(|it| !it.contains_key(meta_key::LOG_LEVEL)) => {
                let meta = meta.cloned().unwrap_or_default();
                Some(Cow::Owned(meta.with(meta_key::LOG_LEVEL, level.as_str())))
            }
            (_, meta) => meta.map(Cow::Borrowed),
        }
    }
}

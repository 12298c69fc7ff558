//! How much servers shall log, which each era says in its own way.

use std::{
    borrow::Cow,
    sync::atomic::{AtomicU8, Ordering},
};

use mcp_core::{Era, LoggingLevel, Meta, SetLevelRequestParams, meta_key, method};

use crate::{Error, Session};

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

/// The least severe messages that are wanted: one more than the place in [`LEVELS`], 0 for none.
#[derive(Debug, Default)]
pub(crate) struct LogLevel(AtomicU8);

impl LogLevel {
    fn set(&self, level: &LoggingLevel) {
        let place = LEVELS.iter().position(|known| known == level);
        let number = place.and_then(|place| u8::try_from(place + 1).ok());
        self.0.store(number.unwrap_or_default(), Ordering::Relaxed);
    }

    /// The `_meta` of a request, with the level of this call, or else that of the session unless it says
    /// one itself.
    pub(crate) fn beside<'a>(
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

impl Session {
    /// Sets the least severe messages that the server shall log from here on. They reach
    /// [`Handlers::on_log`](crate::Handlers::on_log). A server of the legacy era is told at once; one of
    /// the modern era with each request, and logs nothing as long as no level is set.
    ///
    /// Spec: server/utilities/logging
    ///
    /// # Errors
    /// When a server of the legacy era refuses.
    pub async fn set_log_level(&self, level: LoggingLevel) -> Result<(), Error> {
        match self.era() {
            Era::Legacy => {
                let params = SetLevelRequestParams::new(level);
                self.request(method::LOGGING_SET_LEVEL, &params).await.map(drop)
            }
            Era::Modern => {
                self.log_level().set(&level);
                Ok(())
            }
        }
    }
}

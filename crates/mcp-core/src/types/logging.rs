use serde_json::Value;

use super::{Meta, meta::with_meta};

open_enum! {
    /// How much a log message matters, as in syslog (RFC 5424).
    ///
    /// Spec: server/utilities/logging#log-levels
    pub enum LoggingLevel {
        /// For those who look for a fault.
        Debug = "debug",
        /// The way things go.
        Info = "info",
        /// Normal, and worth noting.
        Notice = "notice",
        /// Something may go wrong.
        Warning = "warning",
        /// Something went wrong.
        Error = "error",
        /// A part failed.
        Critical = "critical",
        /// Somebody must act at once.
        Alert = "alert",
        /// Nothing works any more.
        Emergency = "emergency",
    }
}

impl LoggingLevel {
    /// Its place from 0 (debug) to 7 (emergency); `None` for a level this library does not know.
    pub fn severity(&self) -> Option<u8> {
        Some(match self {
            Self::Debug => 0,
            Self::Info => 1,
            Self::Notice => 2,
            Self::Warning => 3,
            Self::Error => 4,
            Self::Critical => 5,
            Self::Alert => 6,
            Self::Emergency => 7,
            Self::Other(_) => return None,
        })
    }
}

wire_struct! {
    /// Parameters of `notifications/message`.
    ///
    /// Spec: server/utilities/logging#log-message-notifications
    pub struct LoggingMessageNotificationParams {
        required {
            /// How much it matters.
            level: LoggingLevel = "level";
            /// What there is to say: text, or any other JSON.
            data: Value = "data";
        }
        optional {
            /// The part of the server that says it.
            logger: String = "logger", with_logger;
            /// Anything else there is to say.
            meta: Meta = "_meta", with_meta;
        }
    }
}

wire_struct! {
    /// Parameters of `logging/setLevel`. Until 2025-11-25.
    pub struct SetLevelRequestParams {
        required {
            /// The least severe messages to send.
            level: LoggingLevel = "level";
        }
        optional {
            /// Anything else there is to say.
            meta: Meta = "_meta", with_meta;
        }
    }
}

with_meta!(LoggingMessageNotificationParams, SetLevelRequestParams);

use serde_json::Value;

use super::{Meta, meta::with_meta};

open_enum! {
    /// The level of a log message, as in syslog (RFC 5424). Deprecated since 2026-07-28.
    ///
    /// Spec: [Log
    /// levels](https://modelcontextprotocol.io/specification/2026-07-28/server/utilities/logging#log-levels)
    pub enum LoggingLevel {
        /// Detailed information for debugging.
        Debug = "debug",
        /// General information.
        Info = "info",
        /// Normal but significant events.
        Notice = "notice",
        /// Warning conditions.
        Warning = "warning",
        /// Error conditions.
        Error = "error",
        /// Critical conditions, such as the failure of a component.
        Critical = "critical",
        /// Immediate action is required.
        Alert = "alert",
        /// The system is unusable.
        Emergency = "emergency",
    }
}

impl LoggingLevel {
    /// The severity from 0 (debug) to 7 (emergency). `None` for an unknown level.
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
    /// Parameters of `notifications/message`: a log message. Deprecated since 2026-07-28.
    ///
    /// Spec: [Log message
    /// notifications](https://modelcontextprotocol.io/specification/2026-07-28/server/utilities/logging#log-message-notifications)
    pub struct LoggingMessageNotificationParams {
        required {
            /// The level.
            level: LoggingLevel = "level";
            /// The message: text, or any other JSON.
            data: Value = "data";
        }
        optional {
            /// The name of the logger in the server.
            logger: String = "logger", with_logger;
            /// Metadata.
            meta: Meta = "_meta", with_meta;
        }
    }
}

wire_struct! {
    /// Parameters of `logging/setLevel`. Until 2025-11-25.
    ///
    /// Spec: [Setting log
    /// level](https://modelcontextprotocol.io/specification/2025-11-25/server/utilities/logging#setting-log-level)
    pub struct SetLevelRequestParams {
        required {
            /// The minimum level of messages to be sent.
            level: LoggingLevel = "level";
        }
        optional {
            /// Metadata.
            meta: Meta = "_meta", with_meta;
        }
    }
}

with_meta!(LoggingMessageNotificationParams, SetLevelRequestParams);

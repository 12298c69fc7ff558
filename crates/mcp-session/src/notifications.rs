//! Notifications of the server outside of calls.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use mcp_core::{
    Excerpt, LoggingLevel, LoggingMessageNotificationParams, Notification, decode_params, method,
};
use mcp_transport::Gap;

use crate::{
    cache::SessionCache,
    handlers::{CallInfo, LogHandler, LogMessage},
    subscribe::Registry,
    task_progress::TaskProgress,
};

/// The `tracing` target of log messages of servers.
const LOG_TARGET: &str = "mcp_session::log";

pub(crate) type NotificationHandler = Arc<dyn Fn(&Notification) + Send + Sync>;

/// The receivers of a session's notifications, in order: the cache, subscriptions, extensions, the application.
#[derive(Clone)]
pub(crate) struct Notifications {
    pub(crate) server: Arc<str>,
    pub(crate) cache: Option<Arc<SessionCache>>,
    pub(crate) registry: Arc<Registry>,
    pub(crate) on_notification: Option<NotificationHandler>,
    pub(crate) on_log: Option<LogHandler>,
    pub(crate) task_progress: Arc<TaskProgress>,
}

impl Notifications {
    /// Fans out a notification that arrived while the server worked on `call`; `extensions` is called for the
    /// extensions. A panic in a handler is logged and has no other effect.
    pub(crate) fn dispatch(
        &self,
        notification: &Notification,
        extensions: impl FnOnce(&Notification),
        call: impl FnOnce() -> Option<CallInfo>,
    ) {
        // First, so that no receiver reads a stale result.
        if let Some(cache) = &self.cache {
            cache.invalidate(notification);
        }
        self.registry.notify(notification);
        let handled = catch_unwind(AssertUnwindSafe(|| {
            extensions(notification);
            if let Some(on_notification) = &self.on_notification {
                on_notification(notification);
            }
            if notification.method == method::NOTIFICATIONS_PROGRESS {
                self.task_progress.notify(notification);
            }
            if notification.method == method::NOTIFICATIONS_MESSAGE {
                match (&self.on_log, decode_params(notification.params.as_ref())) {
                    (Some(on_log), Ok(params)) => {
                        on_log(LogMessage::new(Arc::clone(&self.server), call(), params));
                    }
                    (None, Ok(params)) => self.log(&params),
                    (_, Err(error)) => {
                        tracing::debug!(%error, "cannot decode a log message");
                    }
                }
            }
        }));
        if handled.is_err() {
            tracing::error!(method = %notification.method, "a notification handler panicked");
        }
    }

    /// Emits a log message without a handler as an event.
    ///
    /// Spec: server/utilities/logging
    fn log(&self, message: &LoggingMessageNotificationParams) {
        let server = &*self.server;
        let logger = message.logger.as_deref().map(|it| Excerpt(it).to_string());
        let text = match message.data.as_str() {
            Some(text) => Excerpt(text).to_string(),
            None => Excerpt(&message.data.to_string()).to_string(),
        };
        match message.level {
            LoggingLevel::Debug => tracing::debug!(target: LOG_TARGET, server, logger, "{text}"),
            LoggingLevel::Info | LoggingLevel::Notice => {
                tracing::info!(target: LOG_TARGET, server, logger, "{text}");
            }
            LoggingLevel::Warning => tracing::warn!(target: LOG_TARGET, server, logger, "{text}"),
            _ => tracing::error!(target: LOG_TARGET, server, logger, "{text}"),
        }
    }

    /// Reports that notifications may be missing.
    pub(crate) fn gap(&self, gap: Gap) {
        match &gap {
            // Only log messages and progress are missing.
            Gap::Lagged(lagged) if lagged.others == 0 => {
                tracing::debug!(server = %self.server, %gap);
                return;
            }
            Gap::Lagged(_) => tracing::warn!(server = %self.server, %gap),
            _ => tracing::debug!(server = %self.server, %gap),
        }
        if let Some(cache) = &self.cache {
            cache.evict_all();
        }
        self.registry.gap(gap);
    }
}

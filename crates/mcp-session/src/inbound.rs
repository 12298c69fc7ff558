//! What arrives outside calls: answered, handed on, or the end of the connection.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use mcp_core::{Message, Notification, method};
use mcp_transport::{Gap, Inbound, InboundItem};
use tokio::{sync::watch, task::JoinHandle};

use crate::{
    Extension, NotificationHandler,
    answering::Answering,
    cache::SessionCache,
    handlers::{Asked, CallInfo, LogHandler},
    subscribe::Hub,
};

/// Watches a connection, until it is dropped.
pub(crate) struct Incoming {
    over: watch::Sender<bool>,
    answering: Arc<Answering>,
    task: Option<JoinHandle<()>>,
}

impl Incoming {
    pub(crate) fn is_over(&self) -> bool {
        *self.over.borrow()
    }

    /// Waits until the connection is over.
    pub(crate) async fn over(&self) {
        let mut over = self.over.subscribe();
        // It cannot be dropped meanwhile: `self` has it.
        let _ = over.wait_for(|over| *over).await;
    }

    pub(crate) fn end(&self) {
        self.over.send_replace(true);
        self.answering.end();
    }

    /// What answers the server.
    pub(crate) fn answering(&self) -> &Arc<Answering> {
        &self.answering
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
        self.answering.end();
    }
}

/// Begins to read what belongs to no call.
pub(crate) fn watch(mut inbound: Inbound, answering: Answering, notices: Notices) -> Incoming {
    let over = watch::Sender::new(false);
    let answering = Arc::new(answering);
    if inbound.is_none() {
        return Incoming { over, answering, task: None };
    }
    let ended = over.clone();
    let answers = Arc::clone(&answering);
    let task = tokio::spawn(async move {
        while let Some(item) = inbound.next().await {
            let message = match item {
                Ok(InboundItem::Message(message)) => message,
                Ok(InboundItem::Gap(gap)) => {
                    match &gap {
                        Gap::Lagged(_) => tracing::warn!(%gap, "messages were lost"),
                        _ => tracing::debug!(%gap, "messages of the server may have been lost"),
                    }
                    notices.missed();
                    notices.hub.lost(gap);
                    continue;
                }
                Err(error) => {
                    tracing::debug!(%error, "connection over");
                    break;
                }
            };
            match message {
                Message::Request(request) => answers.take(request, None),
                Message::Notification(notification) => {
                    if notification.method == method::NOTIFICATIONS_CANCELLED {
                        answers.cancelled(&notification);
                    } else {
                        notices.tell(&notification, || None);
                    }
                }
                Message::Response(response) => {
                    tracing::debug!(?response.id, "an answer to no request of ours");
                }
            }
        }
        ended.send_replace(true);
        answers.end();
    });
    Incoming { over, answering, task: Some(task) }
}

/// Who takes notifications that belong to no call.
#[derive(Clone)]
pub(crate) struct Notices {
    pub(crate) hub: Arc<Hub>,
    pub(crate) server: Arc<str>,
    pub(crate) on_notification: Option<NotificationHandler>,
    pub(crate) on_log: Option<LogHandler>,
    pub(crate) cache: Option<Arc<SessionCache>>,
    pub(crate) extensions: Vec<Arc<dyn Extension>>,
}

impl Notices {
    /// Something may have been said that nobody heard.
    pub(crate) fn missed(&self) {
        if let Some(cache) = &self.cache {
            cache.missed();
        }
    }

    /// Hands a notification on, which came while `call` was worked on. A handler that panics is the
    /// application's mistake, and no reason to leave the server without answers from here on.
    pub(crate) fn tell(
        &self,
        notification: &Notification,
        call: impl FnOnce() -> Option<CallInfo>,
    ) {
        // First, so that whoever is told finds nothing that is out of date.
        if let Some(cache) = &self.cache {
            cache.heard(notification);
        }
        self.hub.tell(notification);
        let told = catch_unwind(AssertUnwindSafe(|| {
            let heard =
                |extension: &Arc<dyn Extension>| extension.heard(&self.server, notification);
            self.extensions.iter().for_each(heard);
            if let Some(on_notification) = &self.on_notification {
                on_notification(notification);
            }
            if let Some(on_log) = &self.on_log
                && notification.method == method::NOTIFICATIONS_MESSAGE
            {
                match mcp_core::decode_params(notification.params.as_ref()) {
                    Ok(params) => {
                        on_log(Asked { server: Arc::clone(&self.server), call: call(), params });
                    }
                    Err(error) => tracing::debug!(%error, "a log message that cannot be read"),
                }
            }
        }));
        if told.is_err() {
            tracing::error!(method = %notification.method, "the handler of notifications panicked");
        }
    }
}

//! Handling of notifications from servers.

use mcp_core::{LoggingLevel, Notification, RawObject, meta_key, method};

use crate::{list_change::ListChange, member::Member, relay};

/// Handles a notification of a server, inside or outside of a call.
pub(crate) fn receive(member: &Member, notification: &Notification) {
    let method = &*notification.method;
    if let Some(change) = ListChange::of(method) {
        return member.dirty.changed(change);
    }
    match method {
        // Already handled by the subscription.
        method::NOTIFICATIONS_SUBSCRIPTIONS_ACKNOWLEDGED => {}
        method::NOTIFICATIONS_RESOURCES_UPDATED => resource_updated(member, notification),
        method::NOTIFICATIONS_MESSAGE => log(member, notification),
        _ => {
            if let Some(notification) = relay::send(notification.clone()) {
                member.clients.send(&notification);
            }
        }
    }
}

fn resource_updated(member: &Member, notification: &Notification) {
    let Some(mut params) = params(notification) else { return };
    let Some(uri) = params.text("uri") else { return };
    let shown = member.exposure.uri(&uri);
    member.clients.resource_updated(&shown, || {
        params.set("uri", &shown);
        // The id of the group's own subscription.
        params.within("_meta", |meta| meta.remove(meta_key::SUBSCRIPTION_ID));
        notification.clone().with_params(params.to_json())
    });
}

/// Forwards a log message, with the server's name prefixed to its logger.
fn log(member: &Member, notification: &Notification) {
    let params = params(notification).unwrap_or_default();
    let level: Option<LoggingLevel> = params.decode("level");
    let notification = match member.exposure.is_plain {
        true => notification.clone(),
        false => notification.clone().with_params(with_server(&member.name, params).to_json()),
    };
    if let Some(notification) = relay::send_log(notification) {
        member.clients.log(level.as_ref(), &notification);
    }
}

fn with_server(server: &str, mut params: RawObject) -> RawObject {
    match params.text("logger") {
        Some(logger) => params.set("logger", &format!("{server}/{logger}")),
        None => params.set("logger", server),
    }
    params
}

fn params(notification: &Notification) -> Option<RawObject> {
    RawObject::parse(notification.params.clone()?).ok()
}

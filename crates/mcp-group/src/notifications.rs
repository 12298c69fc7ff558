//! What becomes of the notifications of servers.

use mcp_core::{LoggingLevel, Notification, RawObject, meta_key, method};

use crate::{list_change::ListChange, member::Member, relay};

/// Takes a notification of a server, inside a call or outside.
pub(crate) fn receive(member: &Member, notification: &Notification) {
    let method = &*notification.method;
    if let Some(change) = ListChange::of(method) {
        return member.dirty.changed(change);
    }
    match method {
        // The subscription has read it.
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
        // That of a subscription of the group.
        params.within("_meta", |meta| meta.remove(meta_key::SUBSCRIPTION_ID));
        notification.clone().with_params(params.to_json())
    });
}

/// Passes a log message on, with the server's name before that of its logger.
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

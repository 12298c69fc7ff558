use mcp_core::{CancelledNotificationParams, Notification, RequestId, method};

/// The request id of a `notifications/cancelled`.
pub(crate) fn cancelled(notification: &Notification) -> Option<RequestId> {
    if notification.method != method::NOTIFICATIONS_CANCELLED {
        return None;
    }
    let params: CancelledNotificationParams = notification.params.as_ref()?.decode().ok()?;
    params.request_id
}

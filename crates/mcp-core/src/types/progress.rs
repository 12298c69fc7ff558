use super::{Meta, Number, ProgressToken, meta::with_meta};
use crate::RequestId;

wire_struct! {
    /// Parameters of `notifications/progress`.
    ///
    /// Spec: [Progress](https://modelcontextprotocol.io/specification/2026-07-28/basic/patterns/progress)
    pub struct ProgressNotificationParams {
        required {
            /// The token of the request.
            progress_token: ProgressToken = "progressToken";
            /// The progress so far, in a unit of the sender. Increases with each notification.
            progress: Number = "progress";
        }
        optional {
            /// The total, if it is known.
            total: Number = "total", with_total;
            /// A human-readable status. Since 2025-03-26.
            message: String = "message", with_message;
            /// Metadata. Since 2026-07-28 with the id of the subscription.
            meta: Meta = "_meta", with_meta;
        }
    }
}

impl ProgressNotificationParams {
    /// The completed fraction, from 0 to 1. `None` if the total is unknown or not positive.
    pub fn fraction(&self) -> Option<f64> {
        let total = self.total.as_ref()?.to_f64();
        (total > 0.0).then(|| (self.progress.to_f64() / total).clamp(0.0, 1.0))
    }
}

wire_struct! {
    /// Parameters of `notifications/cancelled`.
    ///
    /// Spec: [Cancellation](https://modelcontextprotocol.io/specification/2026-07-28/basic/patterns/cancellation)
    #[derive(Default)]
    pub struct CancelledNotificationParams {
        optional {
            /// The request to cancel. Required, except in 2025-11-25, where tasks are cancelled by `tasks/cancel`.
            request_id: RequestId = "requestId", with_request_id;
            /// The reason, for logs and users.
            reason: String = "reason", with_reason;
            /// Metadata. Since 2026-07-28 with the id of the subscription.
            meta: Meta = "_meta", with_meta;
        }
    }
}

with_meta!(ProgressNotificationParams, CancelledNotificationParams);

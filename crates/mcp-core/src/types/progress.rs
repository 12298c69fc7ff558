use super::{Meta, Number, ProgressToken, meta::with_meta};
use crate::RequestId;

wire_struct! {
    /// Parameters of `notifications/progress`.
    ///
    /// Spec: basic/patterns/progress
    pub struct ProgressNotificationParams {
        required {
            /// Whose progress it is: the token that the request named.
            progress_token: ProgressToken = "progressToken";
            /// How far it is: more with each notification, in a unit of the sender's.
            progress: Number = "progress";
        }
        optional {
            /// How far it will go, if that is known.
            total: Number = "total", with_total;
            /// What is being done. Since 2025-03-26.
            message: String = "message", with_message;
            /// Names the subscription since 2026-07-28.
            meta: Meta = "_meta", with_meta;
        }
    }
}

impl ProgressNotificationParams {
    /// The part that is done, from 0 to 1, where the total is known and more than zero.
    pub fn fraction(&self) -> Option<f64> {
        let total = self.total.as_ref()?.to_f64();
        (total > 0.0).then(|| (self.progress.to_f64() / total).clamp(0.0, 1.0))
    }
}

wire_struct! {
    /// Parameters of `notifications/cancelled`.
    ///
    /// Spec: basic/patterns/cancellation
    #[derive(Default)]
    pub struct CancelledNotificationParams {
        optional {
            /// The request to give up. Required but in 2025-11-25, where tasks are cancelled otherwise.
            request_id: RequestId = "requestId", with_request_id;
            /// Why, for logs and people.
            reason: String = "reason", with_reason;
            /// Names the subscription since 2026-07-28.
            meta: Meta = "_meta", with_meta;
        }
    }
}

with_meta!(ProgressNotificationParams, CancelledNotificationParams);

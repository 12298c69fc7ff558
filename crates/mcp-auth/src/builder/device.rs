//! Device code grant.

use std::sync::Arc;

use crate::grant::kind::{DeviceCode, GrantKind};
use crate::oauth::OAuth;

/// Device code grant.
impl OAuth {
    /// Device code: the user enters a code on another device; [`on_code`](Self::on_code) shows it.
    pub fn device_code(client_id: impl Into<String>) -> Self {
        Self::of(GrantKind::Device(None)).client(client_id)
    }

    /// Shows the code of a login on another device; for [`device_code`](Self::device_code).
    pub fn on_code(self, show: impl Fn(DeviceCode) + Send + Sync + 'static) -> Self {
        self.set(|it| match &mut it.grant {
            GrantKind::Device(on_code) => *on_code = Some(Arc::new(show)),
            _ => it.set_error("`.on_code(…)` is for `OAuth::device_code`"),
        })
    }
}

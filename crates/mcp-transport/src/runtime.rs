use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    time::Duration,
};

use tokio::runtime::Handle;

use crate::{Delivery, Error, ErrorKind};

/// Returns the tokio runtime that a connection is opened in. `what` names what needs it, at the start of the
/// error text.
///
/// # Errors
/// [`Config`](ErrorKind::Config), not sent, outside a runtime, and in one whose timer is not enabled. (tokio
/// reports the latter by a panic only, which is caught here; the panic hook still runs.)
pub fn require_runtime(what: &str) -> Result<Handle, Error> {
    let failed = |why: &str| {
        let text = format!("{what} needs a tokio runtime {why}");
        Error::new(ErrorKind::Config, text).with_delivery(Delivery::NotSent)
    };
    let runtime =
        Handle::try_current().map_err(|error| failed("to connect in").with_source(error))?;
    catch_unwind(AssertUnwindSafe(|| drop(tokio::time::sleep(Duration::ZERO))))
        .map_err(|_| failed("whose timer is enabled: see tokio::runtime::Builder::enable_all"))?;
    Ok(runtime)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn a_runtime_with_a_timer_is_required() {
        let outside = require_runtime("X").unwrap_err();
        assert_eq!((outside.kind(), outside.delivery()), (ErrorKind::Config, Delivery::NotSent));
        assert_eq!(outside.to_string(), "X needs a tokio runtime to connect in");
        let bare = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let without_timer = bare.block_on(async { require_runtime("X").unwrap_err() });
        assert_eq!(without_timer.kind(), ErrorKind::Config);
        assert!(without_timer.to_string().contains("enable_all"), "{without_timer}");
        let timed = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        timed.block_on(async { require_runtime("X").unwrap() });
    }
}

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    time::Duration,
};

use tokio::runtime::Handle;

use crate::{Delivery, Error, ErrorKind};

/// Returns the current tokio runtime. `what` names the subject at the start of the error text.
///
/// # Errors
/// [`Config`](ErrorKind::Config), not sent, outside a runtime, and in one whose timer is not enabled. (tokio reports
/// the latter only by a panic, which is caught here; the panic hook still runs.)
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

/// How long a runtime has to run an empty task.
const PROBE_TIMEOUT: Duration = Duration::from_millis(500);

/// Whether `runtime` makes progress: it is the current one, or runs an empty task within 500 ms. A runtime that has
/// ended does not, nor does a `current_thread` runtime that no thread is blocked on.
pub async fn is_driven(runtime: &Handle) -> bool {
    if Handle::try_current().is_ok_and(|present| present.id() == runtime.id()) {
        return true;
    }
    let probe = runtime.spawn(async {});
    matches!(tokio::time::timeout(PROBE_TIMEOUT, probe).await, Ok(Ok(())))
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

    #[test]
    fn a_suspended_or_ended_runtime_is_not_driven() {
        let build = || tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let (present, resting, ended) = (build(), build(), build());
        let driven = tokio::runtime::Runtime::new().unwrap();
        let [resting_handle, ended_handle, driven_handle] =
            [&resting, &ended, &driven].map(|runtime| runtime.handle().clone());
        drop(ended);
        present.block_on(async {
            assert!(is_driven(&Handle::current()).await);
            assert!(is_driven(&driven_handle).await);
            assert!(!is_driven(&resting_handle).await);
            assert!(!is_driven(&ended_handle).await);
        });
        drop(resting);
    }
}

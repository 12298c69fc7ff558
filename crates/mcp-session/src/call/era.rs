use mcp_core::{Era, method};

/// What to do instead of setting the level of one call.
pub(super) const NO_LEVEL: &str = "the legacy era has no log level for one call: use set_log_level";

/// What to do instead of calling a method of the other era.
pub(super) fn replacement(method: &str, era: Era) -> Option<&'static str> {
    Some(match (era, method) {
        (Era::Modern, method::PING) => {
            "the modern era has no ping: any other call is a sign of life"
        }
        (Era::Modern, method::LOGGING_SET_LEVEL) => {
            "the modern era sends the level with each request: use set_log_level"
        }
        (Era::Modern, method::RESOURCES_SUBSCRIBE | method::RESOURCES_UNSUBSCRIBE) => {
            "the modern era has subscriptions/listen instead: use subscribe"
        }
        (Era::Modern, method::INITIALIZE) => "the modern era has no sessions to initialize",
        (Era::Legacy, method::SUBSCRIPTIONS_LISTEN) => {
            "the legacy era has resources/subscribe instead: use subscribe"
        }
        (Era::Legacy, method::SERVER_DISCOVER) => {
            "the legacy era answers it with initialize: see the session's verdict"
        }
        _ => return None,
    })
}

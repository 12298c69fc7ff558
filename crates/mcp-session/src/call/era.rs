use mcp_core::{Era, ServerCapabilities, method};

/// The error for a log level on a single call.
pub(super) const NO_LEVEL: &str = "the legacy era has no log level for one call: use set_log_level";

/// The alternative to a method of the other era.
pub(super) fn replacement(method: &str, era: Era) -> Option<&'static str> {
    Some(match (era, method) {
        (Era::Modern, method::PING) => "the modern era has no ping: use Session::ping",
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

/// The capability that a server must declare for a method, but does not.
///
/// Spec: 2025-11-25 basic/lifecycle#operation
pub(super) fn undeclared(method: &str, declared: &ServerCapabilities) -> Option<&'static str> {
    let (capability, is_declared) = match method {
        method::TOOLS_LIST | method::TOOLS_CALL => ("tools", declared.tools.is_some()),
        method::PROMPTS_LIST | method::PROMPTS_GET => ("prompts", declared.prompts.is_some()),
        method::RESOURCES_LIST | method::RESOURCES_TEMPLATES_LIST | method::RESOURCES_READ => {
            ("resources", declared.resources.is_some())
        }
        method::RESOURCES_SUBSCRIBE | method::RESOURCES_UNSUBSCRIBE => {
            let subscribe = declared.resources.as_ref().and_then(|it| it.subscribe);
            ("resources.subscribe", subscribe == Some(true))
        }
        method::COMPLETION_COMPLETE => ("completions", declared.completions.is_some()),
        method::LOGGING_SET_LEVEL => ("logging", declared.logging.is_some()),
        _ => return None,
    };
    (!is_declared).then_some(capability)
}

//! Timeouts, whose unit depends on the application.

use std::time::Duration;

use serde_json::Value;

use super::name_of;
use crate::application::{MILLISECOND, SECOND};
use crate::fields::Fields;
use crate::manner::Manner;
use crate::server::Server;

/// A `timeout` below this many milliseconds was probably meant in seconds.
const SUSPICIOUS_MILLISECONDS: f64 = 1000.0;
/// A `timeout` of at least this many seconds was probably meant in milliseconds.
const SUSPICIOUS_SECONDS: f64 = 10_000.0;

/// Request timeout fields with their units.
const REQUEST: &[(&str, Duration)] = &[
    ("tool_timeout_sec", SECOND),
    ("timeoutMs", MILLISECOND),
    ("timeout_ms", MILLISECOND),
    ("timeoutSeconds", SECOND),
    ("timeout_seconds", SECOND),
    ("timeout_sec", SECOND),
];

const STARTUP: &[(&str, Duration)] = &[
    ("startup_timeout_sec", SECOND),
    ("startup_timeout_ms", MILLISECOND),
    ("connect_timeout", SECOND),
    ("connectionTimeout", MILLISECOND),
    ("discoveryTimeoutMs", MILLISECOND),
];

pub(super) fn read(fields: &mut Fields<'_>, manner: Manner, server: &mut Server) {
    if fields.get("timeout").is_some_and(Value::is_object) {
        by_step(fields, server);
    }
    let timeout = timeout(fields, manner);
    server.timeout = server.timeout.or(timeout).or_else(|| first(fields, REQUEST));
    server.startup_timeout = server.startup_timeout.or_else(|| first(fields, STARTUP));
}

fn first(fields: &mut Fields<'_>, names: &[(&str, Duration)]) -> Option<Duration> {
    names.iter().find_map(|(name, unit)| fields.time(name, *unit))
}

/// `timeout`: in the application's unit, or in the plausible one.
fn timeout(fields: &mut Fields<'_>, manner: Manner) -> Option<Duration> {
    let number = fields.get("timeout")?.as_f64();
    let path = fields.at("timeout");
    let (unit, doubt) = match (manner.timeout_unit(), number) {
        (None, Some(number)) if number > 0.0 && number < SUSPICIOUS_MILLISECONDS => (
            SECOND,
            Some(format!(
                "read as {number} seconds: some applications count in seconds, others in milliseconds, where it would be {number} ms; use \"timeoutSeconds\" or \"timeoutMs\" instead"
            )),
        ),
        (None, _) => (MILLISECOND, None),
        (Some(SECOND), Some(number)) if number >= SUSPICIOUS_SECONDS => (
            SECOND,
            Some(format!(
                "read as {number} seconds, the unit of {}: were {number} milliseconds meant?",
                name_of(manner)
            )),
        ),
        (Some(unit), _) => (unit, None),
    };
    let time = fields.time("timeout", unit);
    if let (Some(doubt), Some(_)) = (doubt, time) {
        fields.doubt(path, doubt);
    }
    time
}

/// `timeout` of OpenCode, with a limit in milliseconds for each phase.
fn by_step(fields: &mut Fields<'_>, server: &mut Server) {
    let path = fields.at("timeout");
    let Some((_, map)) = fields.object(&["timeout"]) else { return };
    let mut steps = Fields::new(map, path.clone(), fields.findings());
    server.startup_timeout = steps.time("startup", MILLISECOND);
    server.timeout = steps.time("execution", MILLISECOND);
    let left: Vec<String> = steps.iter().map(|(name, _)| name.to_owned()).collect();
    for name in left {
        steps.doubt(path.key(&name), format!("the time limit {name:?} is not used here"));
    }
}

use std::{ops::Range, time::Duration};

use mcp_core::RawJson;
use memchr::memmem;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::LONGEST;

const MEMBER: &[u8] = b"\"ttlMs\"";

/// A result that its server lets us keep.
#[derive(Debug, Clone)]
pub(crate) struct Hinted {
    pub(crate) json: RawJson,
    /// For how long, and no longer than a day.
    pub(crate) ttl: Duration,
    pub(crate) is_public: bool,
    /// Where the number of milliseconds stands.
    number: Range<usize>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Hints<'a> {
    #[serde(borrow)]
    ttl_ms: &'a RawValue,
    #[serde(default, borrow)]
    cache_scope: Option<&'a RawValue>,
    #[serde(default, borrow)]
    result_type: Option<&'a RawValue>,
}

impl Hinted {
    /// Reads the hints; `None` where there are none, or they say that it is stale at once.
    pub(crate) fn read(result: &RawJson) -> Option<Self> {
        let json = result.as_bytes();
        if !may_have_time(json) {
            return None;
        }
        let hints: Hints<'_> = result.decode().ok()?;
        let is_complete = hints.result_type.is_none_or(|it| it.get() == "\"complete\"");
        let ttl = milliseconds(hints.ttl_ms.get()).filter(|_| is_complete)?;
        let start = hints.ttl_ms.get().as_ptr().addr() - json.as_ptr().addr();
        let number = start..start + hints.ttl_ms.get().len();
        // What is absent or unknown is for nobody else.
        let is_public = hints.cache_scope.is_some_and(|it| it.get() == "\"public\"");
        // What arrived may be a part of something much larger.
        let json = RawJson::trusted(json.to_vec());
        Some(Self { json, ttl, is_public, number })
    }

    /// The same for no longer than this.
    pub(crate) fn within(self, limit: Duration) -> Self {
        Self { ttl: self.ttl.min(limit), ..self }
    }

    /// The result with as much of its time as is left.
    pub(crate) fn with_ttl(&self, left: Duration) -> RawJson {
        let json = self.json.as_bytes();
        let left = left.as_millis().to_string();
        let mut out = Vec::with_capacity(json.len() + left.len());
        out.extend_from_slice(&json[..self.number.start]);
        out.extend_from_slice(left.as_bytes());
        out.extend_from_slice(&json[self.number.end..]);
        RawJson::trusted(out)
    }
}

/// Whether there is any `ttlMs` other than zero, at whatever depth: so that a result of a server that
/// gives no hints is not parsed for them.
fn may_have_time(json: &[u8]) -> bool {
    memmem::find_iter(json, MEMBER).any(|at| {
        let rest = json[at + MEMBER.len()..].trim_ascii_start();
        let Some(value) = rest.strip_prefix(b":") else { return false };
        let value = value.trim_ascii_start();
        !(value.starts_with(b"0") && matches!(value.get(1), Some(b',' | b'}')))
    })
}

/// More than zero milliseconds, up to a day.
fn milliseconds(number: &str) -> Option<Duration> {
    let number: serde_json::Number = number.parse().ok()?;
    let milliseconds = match (number.as_u64(), number.as_f64()) {
        (Some(whole), _) => whole,
        // As in 1e3, or more than fits: the conversion goes to the nearest that does.
        (None, Some(float)) => float as u64,
        (None, None) => 0,
    };
    (milliseconds > 0).then(|| Duration::from_millis(milliseconds).min(LONGEST))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn read(json: &'static str) -> Option<(u64, bool)> {
        let hinted = Hinted::read(&RawJson::from_text(json).unwrap())?;
        Some((u64::try_from(hinted.ttl.as_millis()).unwrap(), hinted.is_public))
    }

    #[test]
    fn only_what_has_time_is_kept() {
        let day = 24 * 60 * 60 * 1000;
        for (json, wanted) in [
            (r#"{"ttlMs":5000,"cacheScope":"public"}"#, Some((5000, true))),
            (r#"{"ttlMs":5000,"cacheScope":"private"}"#, Some((5000, false))),
            (r#"{"ttlMs":5000,"cacheScope":"galaxy"}"#, Some((5000, false))),
            (r#"{"ttlMs":5000,"cacheScope":7}"#, Some((5000, false))),
            (r#"{ "ttlMs" : 5e3 , "resultType" : "complete" }"#, Some((5000, false))),
            (r#"{"ttlMs":86400001}"#, Some((day, false))),
            (r#"{"ttlMs":1e300}"#, Some((day, false))),
            (r#"{"ttlMs":99999999999999999999999999}"#, Some((day, false))),
            (r#"{"ttlMs":0,"cacheScope":"public"}"#, None),
            (r#"{"ttlMs":0.5}"#, None),
            (r#"{"ttlMs":-5}"#, None),
            (r#"{"ttlMs":"5000"}"#, None),
            (r#"{"ttlMs":null}"#, None),
            (r#"{"tools":[]}"#, None),
            (r#"{"tools":[{"ttlMs":5000}]}"#, None),
            (r#"{"text":"\"ttlMs\":5000","ttlMs":0}"#, None),
            (r#"{"ttlMs":5000,"resultType":"input_required"}"#, None),
            (r#"{"ttlMs":5000,"ttlMs":6000}"#, None),
            (r#"[5000]"#, None),
        ] {
            assert_eq!(read(json), wanted, "{json}");
        }
    }

    #[test]
    fn the_time_that_is_left_takes_the_place_of_the_whole() {
        let json = r#"{"a":[1, 2],"ttlMs" : 5000 ,"z":"é"}"#;
        let hinted = Hinted::read(&RawJson::from_text(json).unwrap()).unwrap();
        let left = hinted.with_ttl(Duration::from_millis(12));
        assert_eq!(left.as_bytes(), r#"{"a":[1, 2],"ttlMs" : 12 ,"z":"é"}"#.as_bytes());
    }
}

use std::{ops::Range, time::Duration};

use mcp_core::RawJson;
use memchr::memmem;
use serde::Deserialize;
use serde_json::value::RawValue;

/// Maximum time for which a result is cached.
pub(super) const MAX_TTL: Duration = Duration::from_secs(24 * 60 * 60);

const MEMBER: &[u8] = b"\"ttlMs\"";

/// A result that may be cached.
#[derive(Debug, Clone)]
pub(super) struct CacheableResult {
    pub(super) json: RawJson,
    /// The time to live, at most [`MAX_TTL`].
    pub(super) ttl: Duration,
    pub(super) is_public: bool,
    /// The range of the number of milliseconds; `None` if the client set the time.
    number: Option<Range<usize>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Hints<'a> {
    #[serde(default, borrow)]
    ttl_ms: Option<&'a RawValue>,
    #[serde(default, borrow)]
    cache_scope: Option<&'a RawValue>,
    #[serde(default, borrow)]
    result_type: Option<&'a RawValue>,
}

impl CacheableResult {
    /// Reads the hints; `None` if the result is stale at once. `default` applies to results without a `ttlMs`.
    pub(super) fn read(result: &RawJson, default: Option<Duration>) -> Option<Self> {
        let json = result.as_bytes();
        if default.is_none() && !may_have_time(json) {
            return None;
        }
        let hints: Hints<'_> = result.decode().ok()?;
        if hints.result_type.is_some_and(|it| it.get() != "\"complete\"") {
            return None;
        }
        let (ttl, number) = match hints.ttl_ms {
            Some(number) => {
                let start = number.get().as_ptr().addr() - json.as_ptr().addr();
                (milliseconds(number.get())?, Some(start..start + number.get().len()))
            }
            None => (default.filter(|it| !it.is_zero())?.min(MAX_TTL), None),
        };
        // Any other scope is private.
        let is_public =
            number.is_some() && hints.cache_scope.is_some_and(|it| it.get() == "\"public\"");
        // It may be part of a much larger frame.
        let json = RawJson::trusted(json.to_vec());
        Some(Self { json, ttl, is_public, number })
    }

    /// Whether the server set the time.
    pub(super) fn is_hinted(&self) -> bool {
        self.number.is_some()
    }

    /// The same result, for at most `limit`.
    pub(super) fn within(self, limit: Duration) -> Self {
        Self { ttl: self.ttl.min(limit), ..self }
    }

    /// The result with its remaining time.
    pub(super) fn with_ttl(&self, left: Duration) -> RawJson {
        let Some(number) = &self.number else { return self.json.clone() };
        let json = self.json.as_bytes();
        let left = left.as_millis().to_string();
        let mut out = Vec::with_capacity(json.len() + left.len());
        out.extend_from_slice(&json[..number.start]);
        out.extend_from_slice(left.as_bytes());
        out.extend_from_slice(&json[number.end..]);
        RawJson::trusted(out)
    }
}

/// Whether there is a nonzero `ttlMs` at any depth, so that results without hints are not parsed.
fn may_have_time(json: &[u8]) -> bool {
    memmem::find_iter(json, MEMBER).any(|at| {
        let rest = json[at + MEMBER.len()..].trim_ascii_start();
        let Some(value) = rest.strip_prefix(b":") else { return false };
        let value = value.trim_ascii_start();
        !(value.starts_with(b"0") && matches!(value.get(1), Some(b',' | b'}')))
    })
}

/// A positive number of milliseconds, at most [`MAX_TTL`].
fn milliseconds(number: &str) -> Option<Duration> {
    let number: serde_json::Number = number.parse().ok()?;
    let milliseconds = match (number.as_u64(), number.as_f64()) {
        (Some(whole), _) => whole,
        // Such as 1e3, or too large for an integer: the conversion saturates.
        (None, Some(float)) => float as u64,
        (None, None) => 0,
    };
    (milliseconds > 0).then(|| Duration::from_millis(milliseconds).min(MAX_TTL))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn read(json: &'static str) -> Option<(u64, bool)> {
        let result = CacheableResult::read(&RawJson::from_text(json).unwrap(), None)?;
        Some((u64::try_from(result.ttl.as_millis()).unwrap(), result.is_public))
    }

    #[test]
    fn only_results_with_a_ttl_are_cached() {
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
    fn a_result_without_a_ttl_gets_the_default() {
        let ten = Duration::from_secs(10);
        let read = |json: &'static str| {
            CacheableResult::read(&RawJson::from_text(json).unwrap(), Some(ten))
        };
        for json in [r#"{"tools":[],"cacheScope":"public"}"#, r#"{"tools":[{"ttlMs":5}]}"#] {
            let result = read(json).unwrap();
            assert_eq!((result.ttl, result.is_public, result.is_hinted()), (ten, false, false));
            assert_eq!(result.with_ttl(Duration::ZERO).as_bytes(), json.as_bytes());
        }
        assert_eq!(read(r#"{"ttlMs":5000}"#).unwrap().ttl, Duration::from_secs(5));
        for json in [r#"{"ttlMs":0}"#, r#"{"ttlMs":"5"}"#, r#"{"resultType":"task"}"#, "5"] {
            assert!(read(json).is_none(), "{json}");
        }
        let none = CacheableResult::read(&RawJson::from_text("{}").unwrap(), Some(Duration::ZERO));
        assert!(none.is_none());
    }

    #[test]
    fn the_remaining_time_replaces_the_ttl() {
        let json = r#"{"a":[1, 2],"ttlMs" : 5000 ,"z":"é"}"#;
        let result = CacheableResult::read(&RawJson::from_text(json).unwrap(), None).unwrap();
        let left = result.with_ttl(Duration::from_millis(12));
        assert_eq!(left.as_bytes(), r#"{"a":[1, 2],"ttlMs" : 12 ,"z":"é"}"#.as_bytes());
    }
}

use std::fmt;

use http::HeaderValue;

const TRACEPARENT: &str = "traceparent";
const TRACESTATE: &str = "tracestate";
const BAGGAGE: &str = "baggage";

/// The longest `traceparent` of a future version, in bytes.
const MAX_TRACEPARENT: usize = 128;
/// The longest `tracestate` in bytes, and its maximum number of members.
const MAX_TRACESTATE: (usize, usize) = (4096, 32);
/// The longest `baggage` in bytes, and its maximum number of members.
const MAX_BAGGAGE: (usize, usize) = (8192, 64);

/// The position of a message in a distributed trace: `traceparent` and `tracestate` of W3C Trace Context,
/// and W3C Baggage.
///
/// Sessions write it into the `_meta` of a message. In [`Envelope::trace`](crate::Envelope::trace) it is
/// sent as the headers of the same names, if the transport has headers.
///
/// Only valid entries are stored. An entry that violates the W3C format, or is longer than 128 bytes
/// (`traceparent` of a future version), 4 KiB (`tracestate`) or 8 KiB (`baggage`), is dropped, and
/// [`rejected`](Self::rejected) returns its name. Pairs of names and values can be collected into a
/// `TraceContext`, such as the map that an OpenTelemetry propagator fills; unknown names are ignored.
/// `Debug` prints no values.
///
/// ```
/// use mcp_transport::TraceContext;
///
/// let context = TraceContext::new("00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01")
///     .with_baggage("tenant=blue");
/// assert_eq!(context.baggage(), Some("tenant=blue"));
/// let same: TraceContext = context.entries().collect();
/// assert_eq!(same, context);
/// assert_eq!(TraceContext::new("nonsense").rejected(), Some("traceparent"));
/// ```
///
/// Spec: [`_meta`](https://modelcontextprotocol.io/specification/2026-07-28/basic/index#_meta)
#[derive(Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TraceContext {
    traceparent: Option<HeaderValue>,
    tracestate: Option<HeaderValue>,
    baggage: Option<HeaderValue>,
    rejected: Option<&'static str>,
}

impl TraceContext {
    /// Creates a context from a `traceparent`: version, trace id, parent id and flags in hexadecimal.
    pub fn new(traceparent: impl Into<String>) -> Self {
        let mut context = Self::default();
        context.set(TRACEPARENT, traceparent.into());
        context
    }

    /// Sets the `tracestate`. It is ignored without a `traceparent`.
    #[must_use]
    pub fn with_tracestate(mut self, tracestate: impl Into<String>) -> Self {
        self.set(TRACESTATE, tracestate.into());
        self
    }

    /// Sets the `baggage`. It is sent to every server.
    #[must_use]
    pub fn with_baggage(mut self, baggage: impl Into<String>) -> Self {
        self.set(BAGGAGE, baggage.into());
        self
    }

    /// The `traceparent`.
    pub fn traceparent(&self) -> Option<&str> {
        text(self.traceparent.as_ref())
    }

    /// The `tracestate`, if there is a `traceparent`.
    pub fn tracestate(&self) -> Option<&str> {
        self.traceparent.as_ref().and(text(self.tracestate.as_ref()))
    }

    /// The `baggage`.
    pub fn baggage(&self) -> Option<&str> {
        text(self.baggage.as_ref())
    }

    /// Whether it has no entry to send.
    pub fn is_empty(&self) -> bool {
        self.traceparent.is_none() && self.baggage.is_none()
    }

    /// The name of the first entry that was dropped because it is invalid.
    pub fn rejected(&self) -> Option<&'static str> {
        self.rejected
    }

    /// The entries to send, as pairs of the name in `_meta` and in headers, and the value.
    pub fn entries(&self) -> impl Iterator<Item = (&'static str, &str)> {
        [
            (TRACEPARENT, self.traceparent()),
            (TRACESTATE, self.tracestate()),
            (BAGGAGE, self.baggage()),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
    }

    /// The [entries](Self::entries) as header values. Those of `baggage` are marked as sensitive.
    pub fn headers(&self) -> impl Iterator<Item = (&'static str, &HeaderValue)> {
        let tracestate = self.traceparent.as_ref().and(self.tracestate.as_ref());
        let values = [
            (TRACEPARENT, self.traceparent.as_ref()),
            (TRACESTATE, tracestate),
            (BAGGAGE, self.baggage.as_ref()),
        ];
        values.into_iter().filter_map(|(name, value)| Some((name, value?)))
    }

    fn set(&mut self, name: &str, value: String) {
        let (slot, name, is_valid): (_, _, fn(&str) -> bool) = if is(name, TRACEPARENT) {
            (&mut self.traceparent, TRACEPARENT, is_traceparent)
        } else if is(name, TRACESTATE) {
            (&mut self.tracestate, TRACESTATE, is_tracestate)
        } else if is(name, BAGGAGE) {
            (&mut self.baggage, BAGGAGE, is_baggage)
        } else {
            return;
        };
        let header = Some(value).filter(|value| is_valid(value));
        *slot = header.and_then(|value| HeaderValue::try_from(value).ok());
        match slot {
            // Baggage is defined by applications and may hold secrets.
            Some(value) => value.set_sensitive(name == BAGGAGE),
            None => {
                self.rejected.get_or_insert(name);
            }
        }
    }
}

impl<K: AsRef<str>, V: Into<String>> FromIterator<(K, V)> for TraceContext {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let mut context = Self::default();
        context.extend(entries);
        context
    }
}

impl<K: AsRef<str>, V: Into<String>> Extend<(K, V)> for TraceContext {
    fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, entries: I) {
        for (name, value) in entries {
            self.set(name.as_ref(), value.into());
        }
    }
}

impl fmt::Debug for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.entries().map(|(name, _)| name)).finish()
    }
}

fn text(value: Option<&HeaderValue>) -> Option<&str> {
    value.and_then(|value| value.to_str().ok())
}

fn is(name: &str, known: &str) -> bool {
    name.eq_ignore_ascii_case(known)
}

/// W3C Trace Context: `version "-" trace-id "-" parent-id "-" trace-flags`. Future versions may append more
/// after another `-`.
fn is_traceparent(value: &str) -> bool {
    let mut parts = value.splitn(5, '-');
    let mut hex = |digits: usize| {
        parts.next().filter(|part| {
            part.len() == digits && part.bytes().all(|it| matches!(it, b'0'..=b'9' | b'a'..=b'f'))
        })
    };
    let is_zero = |part: &str| part.bytes().all(|it| it == b'0');
    let (Some(version), Some(trace), Some(parent), Some(_)) = (hex(2), hex(32), hex(16), hex(2))
    else {
        return false;
    };
    let fits = match version {
        "ff" => false,
        "00" => parts.next().is_none(),
        _ => value.len() <= MAX_TRACEPARENT && value.bytes().all(|it| it.is_ascii_graphic()),
    };
    fits && !is_zero(trace) && !is_zero(parent)
}

fn is_tracestate(value: &str) -> bool {
    let is_key = |key: &str| {
        !key.is_empty()
            && key.bytes().all(
                |it| matches!(it, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'*' | b'/' | b'@'),
            )
    };
    is_list(value, MAX_TRACESTATE, |key, value| is_key(key) && !value.contains('='))
}

fn is_baggage(value: &str) -> bool {
    let is_token = |it: u8| it.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&it);
    let is_octet =
        |it: u8| matches!(it, b' ' | b'\t' | 0x21 | 0x23..=0x2b | 0x2d..=0x5b | 0x5d..=0x7e);
    is_list(value, MAX_BAGGAGE, |key, value| {
        let key = key.trim_end();
        !key.is_empty() && key.bytes().all(is_token) && value.bytes().all(is_octet)
    })
}

/// Whether all members of a list have the form `key=value` and their number is within the limit.
fn is_list(
    value: &str,
    (max_len, max_members): (usize, usize),
    is_member: impl Fn(&str, &str) -> bool,
) -> bool {
    let is_text = |it: u8| matches!(it, b' '..=b'~' | b'\t');
    if value.trim().is_empty() || value.len() > max_len || !value.bytes().all(is_text) {
        return false;
    }
    let members = || value.split(',').map(str::trim).filter(|member| !member.is_empty());
    members().count() <= max_members
        && members()
            .all(|member| member.split_once('=').is_some_and(|(key, value)| is_member(key, value)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01";

    #[test]
    fn valid_entries_are_unchanged() {
        let context: TraceContext = [
            ("TraceParent", PARENT),
            ("tracestate", "rojo=00f067aa0ba902b7, ,congo=t61 rcWkgMzE"),
            ("baggage", "user=al%20ice;secret,n = 1"),
            ("b3", "ignored"),
        ]
        .into_iter()
        .collect();
        assert_eq!(context.rejected(), None);
        let entries: Vec<_> = context.entries().collect();
        assert_eq!(entries[0], ("traceparent", PARENT));
        assert_eq!(entries[1], ("tracestate", "rojo=00f067aa0ba902b7, ,congo=t61 rcWkgMzE"));
        assert_eq!(entries[2], ("baggage", "user=al%20ice;secret,n = 1"));
        assert!(context.headers().all(|(name, value)| value.is_sensitive() == (name == "baggage")));
        assert_eq!(format!("{context:?}"), r#"{"traceparent", "tracestate", "baggage"}"#);
        let future = PARENT.replacen("00", "01", 1) + "-more";
        assert_eq!(TraceContext::new(future.clone()).traceparent(), Some(&*future));
    }

    #[test]
    fn a_tracestate_without_a_traceparent_is_ignored() {
        let context = TraceContext::default().with_tracestate("a=b");
        assert!(context.is_empty() && context.rejected().is_none());
        assert_eq!((context.entries().count(), context.headers().count()), (0, 0));
    }

    #[test]
    fn invalid_entries_are_dropped_and_reported_as_rejected() {
        let hostile = [
            "",
            "nonsense",
            "00-0AF7651916CD43DD8448EB211C80319C-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "ff-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01",
            "00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01-more",
            "01-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01-a\r\nx: y",
            "00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-0é",
        ];
        for value in hostile {
            let context = TraceContext::new(value);
            assert_eq!(context.rejected(), Some("traceparent"), "{value}");
            assert!(context.is_empty(), "{value}");
        }
        let long = format!("a={}", "x".repeat(8192));
        let many = "a=b,".repeat(65);
        for value in ["", " ", "a", "A=b", "a=b=c", "a=b\r\nx: y", "=b", &long, &many] {
            let context = TraceContext::new(PARENT).with_tracestate(value);
            assert_eq!(context.rejected(), Some("tracestate"), "{value}");
            assert_eq!(context.entries().count(), 1, "{value}");
        }
        for value in ["", "a", "a b=c", "a=\"", "a=b\n", "=b", "a=ü", &long, &many] {
            let context = TraceContext::new(PARENT).with_baggage(value);
            assert_eq!(context.rejected(), Some("baggage"), "{value}");
            assert_eq!(context.entries().count(), 1, "{value}");
        }
    }
}

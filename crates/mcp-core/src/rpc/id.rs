use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, de};

/// The id of a request: an integer or a string. The JSON type is preserved: `1` is not `"1"`.
///
/// ```
/// use mcp_core::RequestId;
///
/// assert_ne!(RequestId::from(1), RequestId::from("1"));
/// assert!(RequestId::from("1").echoes(&RequestId::from(1)));
/// ```
///
/// Spec: [Requests](https://modelcontextprotocol.io/specification/2026-07-28/basic/index#requests)
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(untagged)]
#[expect(clippy::exhaustive_enums, reason = "JSON-RPC has no third kind of id")]
pub enum RequestId {
    /// An integer.
    Number(i64),
    /// A string.
    String(String),
}

impl RequestId {
    /// Whether this id of a response matches the id of a request: equal, or the decimal string of it. Some
    /// servers convert numbers to strings.
    pub fn echoes(&self, request: &Self) -> bool {
        self == request || self.to_number().is_some_and(|number| number == *request)
    }

    /// The number whose decimal string this id is. Look for an exact match first: `1` and `"1"` may both be
    /// in flight.
    pub fn to_number(&self) -> Option<Self> {
        let Self::String(text) = self else { return None };
        let number: i64 = text.parse().ok()?;
        // Only the canonical form: no leading zeros, plus signs or white space.
        let is_plain = text.starts_with(|first: char| first == '-' || ('1'..='9').contains(&first));
        (is_plain || text == "0").then_some(Self::Number(number))
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RequestId::Number(number) => number.fmt(f),
            RequestId::String(string) => write!(f, "{string:?}"),
        }
    }
}

impl From<i64> for RequestId {
    fn from(number: i64) -> Self {
        RequestId::Number(number)
    }
}

impl From<&str> for RequestId {
    fn from(string: &str) -> Self {
        RequestId::String(string.to_owned())
    }
}

impl From<String> for RequestId {
    fn from(string: String) -> Self {
        RequestId::String(string)
    }
}

impl<'de> Deserialize<'de> for RequestId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl de::Visitor<'_> for Visitor {
            type Value = RequestId;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an id that is an integer or a string")
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<RequestId, E> {
                Ok(RequestId::Number(number))
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<RequestId, E> {
                i64::try_from(number)
                    .map(RequestId::Number)
                    .map_err(|_| E::invalid_value(de::Unexpected::Unsigned(number), &self))
            }

            fn visit_f64<E: de::Error>(self, number: f64) -> Result<RequestId, E> {
                // Some servers store numbers as floats and write `7.0` for 7.
                const EXACT: f64 = (1_u64 << f64::MANTISSA_DIGITS) as f64;
                match number.fract() == 0.0 && number.abs() < EXACT {
                    true => Ok(RequestId::Number(number as i64)),
                    false => Err(E::invalid_value(de::Unexpected::Float(number), &self)),
                }
            }

            fn visit_str<E: de::Error>(self, string: &str) -> Result<RequestId, E> {
                Ok(RequestId::String(string.to_owned()))
            }

            fn visit_string<E: de::Error>(self, string: String) -> Result<RequestId, E> {
                Ok(RequestId::String(string))
            }
        }

        deserializer.deserialize_any(Visitor)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::RequestId;

    #[test]
    fn the_json_type_of_an_id_is_preserved() {
        for text in ["1", "-7", "\"1\"", "\"\"", "9223372036854775807"] {
            let id: RequestId = serde_json::from_str(text).unwrap();
            assert_eq!(serde_json::to_string(&id).unwrap(), text);
        }
        assert_ne!(RequestId::from(1), RequestId::from("1"));
    }

    #[test]
    fn a_string_or_float_id_echoes_the_number() {
        let float: RequestId = serde_json::from_str("7.0").unwrap();
        assert_eq!(float, RequestId::from(7));
        for (id, request, echoes) in [
            (RequestId::from("7"), RequestId::from(7), true),
            ("-7".into(), (-7).into(), true),
            (7.into(), 7.into(), true),
            ("07".into(), 7.into(), false),
            ("+7".into(), 7.into(), false),
            ("7 ".into(), 7.into(), false),
            ("a".into(), 7.into(), false),
            // A number does not echo a string.
            (7.into(), "7".into(), false),
        ] {
            assert_eq!(id.echoes(&request), echoes, "{id} {request}");
        }
    }

    #[test]
    fn fractions_null_and_objects_are_invalid_ids() {
        for text in ["1.5", "1e300", "null", "true", "{}", "9223372036854775808"] {
            assert!(serde_json::from_str::<RequestId>(text).is_err(), "{text}");
        }
    }
}

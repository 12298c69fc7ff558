use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, de};

/// The id of a request: an integer or a string, and it stays what it was (`1` is not `"1"`).
///
/// Spec: basic/index#requests
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(untagged)]
#[expect(clippy::exhaustive_enums, reason = "JSON-RPC knows no third kind of id")]
pub enum RequestId {
    /// An integer.
    Number(i64),
    /// A string.
    String(String),
}

impl RequestId {
    /// Whether this id, which a peer sent, stands for the one that it was `asked` with: the same one, or its
    /// decimal text, which some servers make of numbers.
    pub fn echoes(&self, asked: &Self) -> bool {
        self == asked || self.to_number().is_some_and(|number| number == *asked)
    }

    /// The number that this id is the decimal text of. An exact match comes first: `1` and `"1"` may both be
    /// in flight.
    pub fn to_number(&self) -> Option<Self> {
        let Self::String(text) = self else { return None };
        let number: i64 = text.parse().ok()?;
        // Nothing but the text that the number itself has.
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
                // Some servers keep numbers as floats and write `7.0` for 7.
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
    fn an_id_keeps_its_json_type() {
        for text in ["1", "-7", "\"1\"", "\"\"", "9223372036854775807"] {
            let id: RequestId = serde_json::from_str(text).unwrap();
            assert_eq!(serde_json::to_string(&id).unwrap(), text);
        }
        assert_ne!(RequestId::from(1), RequestId::from("1"));
    }

    #[test]
    fn an_id_that_came_back_as_text_or_float_echoes_the_number() {
        let float: RequestId = serde_json::from_str("7.0").unwrap();
        assert_eq!(float, RequestId::from(7));
        for (id, asked, echoes) in [
            (RequestId::from("7"), RequestId::from(7), true),
            ("-7".into(), (-7).into(), true),
            (7.into(), 7.into(), true),
            ("07".into(), 7.into(), false),
            ("+7".into(), 7.into(), false),
            ("7 ".into(), 7.into(), false),
            ("a".into(), 7.into(), false),
            // What was asked as text comes back as text.
            (7.into(), "7".into(), false),
        ] {
            assert_eq!(id.echoes(&asked), echoes, "{id} {asked}");
        }
    }

    #[test]
    fn fractions_null_and_objects_are_no_ids() {
        for text in ["1.5", "1e300", "null", "true", "{}", "9223372036854775808"] {
            assert!(serde_json::from_str::<RequestId>(text).is_err(), "{text}");
        }
    }
}

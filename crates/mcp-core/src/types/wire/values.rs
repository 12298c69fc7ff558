use std::fmt;

use serde::de::{Deserialize, DeserializeOwned, Deserializer, Error, Unexpected, Visitor};
use serde_json::{Value, value::RawValue};

/// An integer, which a peer may have written as `50.0`. `null` counts as absent.
pub(crate) struct Integer(Option<i64>);

impl From<Integer> for Option<i64> {
    fn from(integer: Integer) -> Self {
        integer.0
    }
}

impl<'de> Deserialize<'de> for Integer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct IntegerVisitor;

        impl Visitor<'_> for IntegerVisitor {
            type Value = Integer;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an integer of 64 bits")
            }

            fn visit_i64<E>(self, number: i64) -> Result<Integer, E> {
                Ok(Integer(Some(number)))
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<Integer, E> {
                i64::try_from(number)
                    .map(|number| Integer(Some(number)))
                    .map_err(|_| E::invalid_value(Unexpected::Unsigned(number), &self))
            }

            fn visit_f64<E: Error>(self, number: f64) -> Result<Integer, E> {
                // Every integer up to 2^53 is exact in both types.
                const EXACT: f64 = 9_007_199_254_740_992.0;
                if number.fract() == 0.0 && number.abs() <= EXACT {
                    Ok(Integer(Some(number as i64)))
                } else {
                    Err(E::invalid_value(Unexpected::Float(number), &self))
                }
            }

            fn visit_unit<E>(self) -> Result<Integer, E> {
                Ok(Integer(None))
            }
        }

        deserializer.deserialize_any(IntegerVisitor)
    }
}

/// A hint in milliseconds: a number of any size and form, or a string of one. An invalid value counts as absent, since
/// it is only a hint.
pub(crate) struct Milliseconds(Option<i64>);

impl From<Milliseconds> for Option<i64> {
    fn from(hint: Milliseconds) -> Self {
        hint.0
    }
}

impl<'de> Deserialize<'de> for Milliseconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let hint = match Value::deserialize(deserializer)? {
            Value::Number(number) => number.as_i64().or_else(|| rounded(number.as_f64()?)),
            Value::String(text) => text.trim().parse().ok().and_then(rounded),
            _ => None,
        };
        Ok(Self(hint))
    }
}

/// The nearest integer, within the range of the type.
fn rounded(number: f64) -> Option<i64> {
    (!number.is_nan()).then_some(number.round() as i64)
}

/// A hint: an invalid value counts as absent.
pub(crate) struct Hint<T>(pub(crate) Option<T>);

impl<'de, T: DeserializeOwned> Deserialize<'de> for Hint<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Box::<RawValue>::deserialize(deserializer)
            .map(|raw| Self(serde_json::from_str(raw.get()).ok()))
    }
}

/// A value for which `null` is not the same as absent.
pub(crate) struct Nullable(Value);

impl From<Nullable> for Option<Value> {
    fn from(value: Nullable) -> Self {
        Some(value.0)
    }
}

impl<'de> Deserialize<'de> for Nullable {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Value::deserialize(deserializer).map(Nullable)
    }
}

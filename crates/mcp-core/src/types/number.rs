use std::{fmt, ops::Deref};

use serde::{Deserialize, Serialize};

/// A JSON number whose form is preserved: `50` is not `50.0`.
///
/// Dereferences to [`serde_json::Number`]. Convert integers and floats with `From`. Infinities and NaN, which
/// JSON does not have, become zero.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Number(serde_json::Number);

impl Number {
    /// The value as a float, rounded to the nearest one.
    pub fn to_f64(&self) -> f64 {
        self.0.as_f64().unwrap_or_default()
    }
}

impl Deref for Number {
    type Target = serde_json::Number;

    fn deref(&self) -> &serde_json::Number {
        &self.0
    }
}

impl fmt::Debug for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl From<serde_json::Number> for Number {
    fn from(number: serde_json::Number) -> Self {
        Self(number)
    }
}

impl From<Number> for serde_json::Number {
    fn from(number: Number) -> Self {
        number.0
    }
}

impl From<f64> for Number {
    fn from(number: f64) -> Self {
        Self(serde_json::Number::from_f64(number).unwrap_or_else(|| 0.into()))
    }
}

macro_rules! from_integers {
    ($($integer:ty),+) => {
        $( impl From<$integer> for Number {
            fn from(number: $integer) -> Self {
                Self(number.into())
            }
        } )+
    };
}

from_integers!(i32, i64, u32, u64, usize);

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::{Value, value::RawValue};

use super::{Extra, InputRequiredResult, Meta, WithMeta};
use crate::{ProtocolVersion, RawJson};

open_enum! {
    /// What kind of result a response holds. Absent, as before 2026-07-28, it means `complete`.
    ///
    /// Spec: basic/index#resulttype
    pub enum ResultType {
        /// The result that was asked for.
        Complete = "complete",
        /// The server needs more: see [`InputRequiredResult`].
        InputRequired = "input_required",
    }
}

open_enum! {
    /// Who may share a cached result. Absent or unknown counts as private.
    ///
    /// Spec: server/utilities/caching#cache-scope
    pub enum CacheScope {
        /// Everybody.
        Public = "public",
        /// The same authorization alone.
        Private = "private",
    }
}

/// What a method of the protocol answers with.
pub trait MethodResult: Serialize + Sized {
    /// Decodes a result.
    ///
    /// # Errors
    /// When the JSON has another shape, and when its `resultType` is one that the method does not know.
    fn decode(raw: &RawJson) -> Result<Self, serde_json::Error>;

    /// Decodes a result that was sent in this revision. Default: [`decode`](Self::decode), for results that
    /// have the same shape in every revision.
    ///
    /// # Errors
    /// As of [`decode`](Self::decode).
    fn decode_in(raw: &RawJson, version: ProtocolVersion) -> Result<Self, serde_json::Error> {
        let _ = version;
        Self::decode(raw)
    }
}

/// Results that servers send: they have a `_meta` and, since 2026-07-28, a `resultType`.
pub trait ServerResult: WithMeta {
    /// What kind of result this is, as the server said.
    fn result_type(&self) -> Option<&ResultType>;

    /// Sets the kind; `None` leaves the member out, as legacy revisions want.
    fn set_result_type(&mut self, result_type: Option<ResultType>);

    /// Whether this is the result that was asked for.
    fn is_complete(&self) -> bool {
        matches!(self.result_type(), None | Some(ResultType::Complete))
    }
}

/// Results that may be kept for a time.
///
/// Spec: server/utilities/caching
pub trait Cacheable {
    /// For how long after its arrival the result is fresh: zero where the server does not say.
    fn ttl(&self) -> Duration;

    /// Whether others than the same authorization may see the kept result.
    fn is_shareable(&self) -> bool;

    /// Sets both hints. A time of more than `i64::MAX` milliseconds is cut to that.
    fn set_cache(&mut self, ttl: Duration, scope: CacheScope);
}

/// Results that are one page of a list.
///
/// Spec: server/utilities/pagination
pub trait Page {
    /// What the list is of.
    type Item;

    /// Where the next page begins; `None` on the last one. An empty string is a cursor.
    fn next_cursor(&self) -> Option<&str>;

    /// The elements of this page.
    fn items(&self) -> &super::List<Self::Item>;

    /// Takes the elements of this page.
    fn into_items(self) -> super::List<Self::Item>;
}

macro_rules! server_result {
    ($($name:ident $(page of $item:ty, $items:ident)?),+ $(,)?) => {
        $( $crate::types::meta::with_meta!($name);

        impl $crate::types::ServerResult for $name {
            fn result_type(&self) -> Option<&$crate::types::ResultType> {
                self.result_type.as_ref()
            }

            fn set_result_type(&mut self, result_type: Option<$crate::types::ResultType>) {
                self.result_type = result_type;
            }
        }

        impl $crate::types::MethodResult for $name {
            fn decode(raw: &$crate::RawJson) -> Result<Self, serde_json::Error> {
                let result = raw.decode::<Self>()?;
                $crate::types::results::check_complete(&result)?;
                Ok(result)
            }
        } )+
    };
}

macro_rules! cacheable {
    ($($name:ident),+ $(,)?) => {
        $( impl $crate::types::Cacheable for $name {
            fn ttl(&self) -> std::time::Duration {
                let milliseconds = self.ttl_ms.and_then(|ttl| u64::try_from(ttl).ok());
                std::time::Duration::from_millis(milliseconds.unwrap_or_default())
            }

            fn is_shareable(&self) -> bool {
                self.cache_scope == Some($crate::types::CacheScope::Public)
            }

            fn set_cache(&mut self, ttl: std::time::Duration, scope: $crate::types::CacheScope) {
                self.ttl_ms = Some(i64::try_from(ttl.as_millis()).unwrap_or(i64::MAX));
                self.cache_scope = Some(scope);
            }
        } )+
    };
}

macro_rules! page {
    ($($name:ident of $item:ty = $items:ident),+ $(,)?) => {
        $( impl $crate::types::Page for $name {
            type Item = $item;

            fn next_cursor(&self) -> Option<&str> {
                self.next_cursor.as_deref()
            }

            fn items(&self) -> &$crate::types::List<$item> {
                &self.$items
            }

            fn into_items(self) -> $crate::types::List<$item> {
                self.$items
            }
        } )+
    };
}
pub(crate) use {cacheable, page, server_result};

/// An unknown kind of result is not to be read as a complete one.
pub(crate) fn check_complete(result: &impl ServerResult) -> Result<(), serde_json::Error> {
    match result.result_type() {
        None | Some(ResultType::Complete) => Ok(()),
        Some(other) => Err(unexpected(other.as_str())),
    }
}

fn unexpected(result_type: &str) -> serde_json::Error {
    de::Error::custom(format_args!("unexpected resultType {result_type:?}"))
}

wire_struct! {
    /// A result that says no more than that all went well.
    #[derive(Default)]
    pub struct EmptyResult {
        optional {
            /// Since 2026-07-28.
            result_type: ResultType = "resultType", with_result_type;
            /// Anything else there is to say.
            meta: Meta = "_meta", with_meta;
        }
    }
}

server_result!(EmptyResult);

/// The answer to `tools/call`, `prompts/get` or `resources/read`.
///
/// Decoded by its `resultType`: absent means complete, and an unknown one is kept as it came, for
/// extensions to read.
///
/// Spec: basic/patterns/mrtr
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
#[allow(clippy::large_enum_variant, reason = "passed on once, and nearly always complete")]
pub enum Outcome<T> {
    /// The result.
    Complete(T),
    /// The server wants input before it goes on: gather it and ask again.
    InputRequired(InputRequiredResult),
    /// A kind of result that an extension defines.
    Other {
        /// Its `resultType`.
        result_type: String,
        /// The whole result.
        raw: RawJson,
    },
}

impl<T> Outcome<T> {
    /// The result, if it is complete.
    pub fn into_complete(self) -> Option<T> {
        match self {
            Self::Complete(result) => Some(result),
            _ => None,
        }
    }
}

impl<T> From<T> for Outcome<T> {
    fn from(result: T) -> Self {
        Self::Complete(result)
    }
}

impl<T: ServerResult + Serialize + de::DeserializeOwned> MethodResult for Outcome<T> {
    fn decode(raw: &RawJson) -> Result<Self, serde_json::Error> {
        // Nearly every result is complete, so that is tried before looking for the kind.
        let complete = raw.decode::<T>();
        if let Ok(result) = complete.as_ref()
            && result.is_complete()
        {
            return complete.map(Self::Complete);
        }
        let fields: Extra = raw.decode()?;
        match fields.get("resultType") {
            None | Some(Value::Null) => complete.map(Self::Complete),
            Some(Value::String(kind)) => match ResultType::from(kind.as_str()) {
                ResultType::Complete => complete.map(Self::Complete),
                ResultType::InputRequired => raw.decode().map(Self::InputRequired),
                ResultType::Other(result_type) => Ok(Self::Other { result_type, raw: raw.clone() }),
            },
            Some(other) => Err(unexpected(&other.to_string())),
        }
    }
}

impl<T: Serialize> Serialize for Outcome<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Complete(result) => result.serialize(serializer),
            Self::InputRequired(result) => result.serialize(serializer),
            Self::Other { raw, .. } => raw.serialize(serializer),
        }
    }
}

/// Keeps a copy of the text; [`MethodResult::decode`] works in place.
impl<'de, T: ServerResult + Serialize + de::DeserializeOwned> Deserialize<'de> for Outcome<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        let raw = RawJson::trusted(String::from(Box::<str>::from(raw)));
        Self::decode(&raw).map_err(de::Error::custom)
    }
}

/// A result as it came, of whatever kind.
impl MethodResult for RawJson {
    fn decode(raw: &RawJson) -> Result<Self, serde_json::Error> {
        Ok(raw.clone())
    }
}

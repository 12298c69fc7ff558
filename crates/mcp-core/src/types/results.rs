use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::{Value, value::RawValue};

use super::{Extra, InputRequiredResult, Meta, WithMeta};
use crate::{ProtocolVersion, RawJson, rpc::from_value};

open_enum! {
    /// The kind of a result. Absent means complete, as before 2026-07-28.
    ///
    /// Spec: [ResultType](https://modelcontextprotocol.io/specification/2026-07-28/basic/index#resulttype)
    pub enum ResultType {
        /// The result of the request.
        Complete = "complete",
        /// The server needs input first; see [`InputRequiredResult`].
        InputRequired = "input_required",
    }
}

open_enum! {
    /// Who may share a cached result. Absent or unknown counts as private. Since 2026-07-28.
    ///
    /// Spec: [Cache
    /// scope](https://modelcontextprotocol.io/specification/2026-07-28/server/utilities/caching#cache-scope)
    pub enum CacheScope {
        /// All clients.
        Public = "public",
        /// Only requests with the same authorization.
        Private = "private",
    }
}

/// The result of a request method.
pub trait MethodResult: Serialize + Sized {
    /// Decodes a result.
    ///
    /// # Errors
    /// If the JSON has another shape, or a `resultType` that the method does not have.
    fn decode(raw: &RawJson) -> Result<Self, serde_json::Error>;

    /// Decodes a result of this revision. Default: calls [`decode`](Self::decode), for results that have the
    /// same shape in every revision.
    ///
    /// # Errors
    /// Like [`decode`](Self::decode).
    fn decode_in(raw: &RawJson, version: ProtocolVersion) -> Result<Self, serde_json::Error> {
        let _ = version;
        Self::decode(raw)
    }
}

/// A result sent by a server: it has a `_meta` and, since 2026-07-28, a `resultType`.
///
/// Spec:
/// [Result responses](https://modelcontextprotocol.io/specification/2026-07-28/basic/index#result-responses)
pub trait ServerResult: WithMeta {
    /// The kind of the result, if the server sent it.
    fn result_type(&self) -> Option<&ResultType>;

    /// Sets the kind. `None` omits the member, as legacy revisions require.
    fn set_result_type(&mut self, result_type: Option<ResultType>);

    /// Whether the result is complete.
    fn is_complete(&self) -> bool {
        matches!(self.result_type(), None | Some(ResultType::Complete))
    }
}

/// A result that may be cached. Since 2026-07-28.
///
/// Spec: [Caching](https://modelcontextprotocol.io/specification/2026-07-28/server/utilities/caching)
pub trait Cacheable {
    /// How long the result is fresh after its arrival. Default: zero.
    fn ttl(&self) -> Duration;

    /// Whether the cached result may be used for requests with another authorization.
    fn is_shareable(&self) -> bool;

    /// Sets both caching hints. `ttl` is limited to `i64::MAX` milliseconds.
    fn set_cache(&mut self, ttl: Duration, scope: CacheScope);
}

/// A result that is one page of a list.
///
/// Spec: [Pagination](https://modelcontextprotocol.io/specification/2026-07-28/server/utilities/pagination)
pub trait Page {
    /// The type of the elements.
    type Item;

    /// The cursor of the next page. `None` on the last page. An empty string is a valid cursor.
    fn next_cursor(&self) -> Option<&str>;

    /// The elements of this page.
    fn items(&self) -> &super::LenientList<Self::Item>;

    /// Converts it into the elements of this page.
    fn into_items(self) -> super::LenientList<Self::Item>;

    /// The key that identifies an element in its list, such as the name of a tool. Default: `None`, unknown.
    fn key(item: &Self::Item) -> Option<&str> {
        let _ = item;
        None
    }
}

macro_rules! server_result {
    ($($name:ident $(page of $item:ty, $items:ident)?),+ $(,)?) => {
        $( $crate::types::meta::with_meta!($name);

        impl $crate::types::ServerResult for $name {
            fn result_type(&self) -> Option<&$crate::types::ResultType> {
                self.result_type.as_ref()
            }

            fn set_result_type(&mut self, result_type: Option<$crate::types::ResultType>) {
                if !self.extra.is_empty() {
                    self.extra.remove($crate::types::results::RESULT_TYPE);
                }
                self.result_type = result_type;
            }
        }

        impl $crate::types::MethodResult for $name {
            fn decode(raw: &$crate::RawJson) -> Result<Self, serde_json::Error> {
                let result = raw.decode::<Self>()?;
                $crate::types::results::check_complete(&result)?;
                Ok(result)
            }

            fn decode_in(
                raw: &$crate::RawJson,
                version: $crate::ProtocolVersion,
            ) -> Result<Self, serde_json::Error> {
                if version.era() == $crate::Era::Modern {
                    return Self::decode(raw);
                }
                let mut result = $crate::types::results::decode_any_kind::<Self>(raw)?;
                // Preserved as an unknown member.
                let kind = result.result_type.take_if(|it| *it != $crate::types::ResultType::Complete);
                if let Some(kind) = kind {
                    let name = $crate::types::results::RESULT_TYPE.to_owned();
                    result.extra.insert(name, kind.as_str().into());
                }
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
    ($($name:ident of $item:ty = $items:ident by $key:ident),+ $(,)?) => {
        $( impl $crate::types::Page for $name {
            type Item = $item;

            fn next_cursor(&self) -> Option<&str> {
                self.next_cursor.as_deref()
            }

            fn items(&self) -> &$crate::types::LenientList<$item> {
                &self.$items
            }

            fn into_items(self) -> $crate::types::LenientList<$item> {
                self.$items
            }

            fn key(item: &$item) -> Option<&str> {
                Some(&item.$key)
            }
        } )+
    };
}
pub(crate) use {cacheable, page, server_result};

pub(crate) const RESULT_TYPE: &str = "resultType";

/// Decodes a result of the legacy era, where `resultType` has no meaning, even one that is not text.
pub(crate) fn decode_any_kind<T: de::DeserializeOwned>(
    raw: &RawJson,
) -> Result<T, serde_json::Error> {
    raw.decode().or_else(|error| {
        let mut fields: Extra = raw.decode()?;
        match fields.remove(RESULT_TYPE) {
            Some(kind) if !kind.is_string() => from_value(&fields),
            _ => Err(error),
        }
    })
}

/// Rejects results that are not complete: an unknown kind must not be treated as complete.
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
    /// A result without data: confirms success.
    ///
    /// Spec: [EmptyResult](https://modelcontextprotocol.io/specification/2026-07-28/schema#emptyresult)
    #[derive(Default)]
    pub struct EmptyResult {
        optional {
            /// The kind of the result. Since 2026-07-28. Default: complete.
            result_type: ResultType = "resultType", with_result_type;
            /// Metadata.
            meta: Meta = "_meta", with_meta;
        }
    }
}

server_result!(EmptyResult);

/// The result of `tools/call`, `prompts/get` or `resources/read`.
///
/// The variant is determined by `resultType`: absent means complete, and an unknown one is preserved for
/// extensions.
///
/// Spec:
/// [Multi round-trip requests](https://modelcontextprotocol.io/specification/2026-07-28/basic/patterns/mrtr)
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
#[allow(clippy::large_enum_variant, reason = "moved once, and nearly always complete")]
pub enum Outcome<T> {
    /// The complete result.
    Complete(T),
    /// The server needs input: collect it and retry the request.
    InputRequired(InputRequiredResult),
    /// A kind of result defined by an extension.
    Other {
        /// The `resultType`.
        result_type: String,
        /// The whole result.
        raw: RawJson,
    },
}

impl<T> Outcome<T> {
    /// Converts it into the complete result, or `None` for any other kind.
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
        // Nearly every result is complete, so this is tried before the kind is determined.
        let complete = raw.decode::<T>();
        if let Ok(result) = complete.as_ref()
            && result.is_complete()
        {
            return complete.map(Self::Complete);
        }
        let fields: Extra = raw.decode()?;
        match fields.get(RESULT_TYPE) {
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

/// Copies the text; [`MethodResult::decode`] decodes in place.
impl<'de, T: ServerResult + Serialize + de::DeserializeOwned> Deserialize<'de> for Outcome<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        let raw = RawJson::trusted(String::from(Box::<str>::from(raw)));
        Self::decode(&raw).map_err(de::Error::custom)
    }
}

/// The raw result, of any kind.
impl MethodResult for RawJson {
    fn decode(raw: &RawJson) -> Result<Self, serde_json::Error> {
        Ok(raw.clone())
    }
}

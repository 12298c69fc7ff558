use std::{
    fmt,
    ops::{Deref, DerefMut},
    sync::{LazyLock, OnceLock},
};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, DeserializeOwned},
};
use serde_json::{Map, Value, value::RawValue};

use super::{
    ClientCapabilities, Implementation, LoggingLevel, ProgressToken,
    tasks_2025_11_25::RelatedTaskMetadata,
};
use crate::{RequestId, meta_key, rpc::from_value};

/// A `_meta` object: a JSON map with typed access to the reserved keys.
///
/// A getter returns `None` if the key is absent or its value has another shape. A received `_meta` is parsed on
/// first access.
///
/// ```
/// use mcp_core::Meta;
///
/// let meta = Meta::new().with_progress_token("upload").with("com.example/tenant", "blue");
/// assert_eq!(meta.progress_token(), Some("upload".into()));
/// assert_eq!(meta["com.example/tenant"], "blue");
/// ```
///
/// Spec: [`_meta`](https://modelcontextprotocol.io/specification/2026-07-28/basic/index#_meta)
#[derive(Clone, Default)]
pub struct Meta(Option<Box<Lazy>>);

/// A `_meta` that is parsed on first access: nearly every result has one, but few callers read it.
#[derive(Clone, Default)]
struct Lazy {
    /// The received object, until it is changed.
    raw: Option<Box<RawValue>>,
    map: OnceLock<Map<String, Value>>,
}

impl Lazy {
    fn map(&self) -> &Map<String, Value> {
        self.map.get_or_init(|| {
            let raw = self.raw.as_deref().map_or("{}", RawValue::get);
            // An object that cannot be a `Value`, for example with a number out of range, is still forwarded.
            serde_json::from_str(raw).unwrap_or_default()
        })
    }
}

static EMPTY: LazyLock<Map<String, Value>> = LazyLock::new(Map::new);

macro_rules! meta_keys {
    ($( $(#[$attr:meta])* $get:ident, $with:ident: $ty:ty = $key:path; )+) => {
        impl Meta {
            $(
                $(#[$attr])*
                pub fn $get(&self) -> Option<$ty> {
                    self.decode($key)
                }

                #[doc = concat!("Sets the value of [`", stringify!($get), "`](Self::", stringify!($get), ").")]
                #[must_use]
                pub fn $with(mut self, value: impl Into<$ty>) -> Self {
                    self.set($key, &value.into());
                    self
                }
            )+
        }
    };
}

meta_keys! {
    /// The token for progress notifications of this request.
    ///
    /// Spec: [Progress](https://modelcontextprotocol.io/specification/2026-07-28/basic/patterns/progress)
    progress_token, with_progress_token: ProgressToken = meta_key::PROGRESS_TOKEN;
    /// The protocol version of this request. [`str::parse`] converts it into a
    /// [`ProtocolVersion`](crate::ProtocolVersion). Since 2026-07-28.
    protocol_version, with_protocol_version: String = meta_key::PROTOCOL_VERSION;
    /// The capabilities of the client, as declared for this request. Since 2026-07-28.
    client_capabilities, with_client_capabilities: ClientCapabilities = meta_key::CLIENT_CAPABILITIES;
    /// The name and version of the client. Since 2026-07-28.
    client_info, with_client_info: Implementation = meta_key::CLIENT_INFO;
    /// The minimum level of log messages for this request. Since 2026-07-28, deprecated.
    log_level, with_log_level: LoggingLevel = meta_key::LOG_LEVEL;
    /// The name and version of the server. Since 2026-07-28.
    server_info, with_server_info: Implementation = meta_key::SERVER_INFO;
    /// The id of the `subscriptions/listen` request that this message belongs to. Since 2026-07-28.
    subscription_id, with_subscription_id: RequestId = meta_key::SUBSCRIPTION_ID;
    /// The task that this message belongs to. Only in 2025-11-25.
    related_task, with_related_task: RelatedTaskMetadata = meta_key::RELATED_TASK;
}

impl Meta {
    /// Creates an empty `_meta`.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets a custom key. It needs a prefix such as `com.example/`.
    #[must_use]
    pub fn with(mut self, key: impl Into<String>, value: impl Into<Value>) -> Self {
        self.insert(key.into(), value.into());
        self
    }

    /// Decodes the value of a key. `None` if it is absent or has another shape.
    pub fn decode<T: DeserializeOwned>(&self, key: &str) -> Option<T> {
        self.get(key).and_then(|value| from_value(value).ok())
    }

    fn set(&mut self, key: &str, value: &impl Serialize) {
        let value =
            serde_json::to_value(value).expect("protocol types are JSON objects or strings");
        self.insert(key.to_owned(), value);
    }
}

impl Deref for Meta {
    type Target = Map<String, Value>;

    fn deref(&self) -> &Self::Target {
        self.0.as_deref().map_or(&EMPTY, Lazy::map)
    }
}

impl DerefMut for Meta {
    fn deref_mut(&mut self) -> &mut Self::Target {
        let lazy = self.0.get_or_insert_default();
        lazy.map();
        lazy.raw = None;
        lazy.map.get_mut().expect("initialized by `map`")
    }
}

impl From<Map<String, Value>> for Meta {
    fn from(map: Map<String, Value>) -> Self {
        Self(Some(Box::new(Lazy { raw: None, map: map.into() })))
    }
}

impl fmt::Debug for Meta {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Meta").field(&**self).finish()
    }
}

impl PartialEq for Meta {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for Meta {}

impl Serialize for Meta {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.as_deref() {
            Some(Lazy { raw: Some(raw), .. }) => raw.serialize(serializer),
            _ => (**self).serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Meta {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        if !raw.get().starts_with('{') {
            return Err(de::Error::custom("`_meta` is not an object"));
        }
        Ok(Self(Some(Box::new(Lazy { raw: Some(raw), map: OnceLock::new() }))))
    }
}

/// Objects with a `_meta` member.
pub trait WithMeta {
    /// The `_meta`, if there is one.
    fn meta(&self) -> Option<&Meta>;

    /// The `_meta`, for changes. `None` omits the member.
    fn meta_mut(&mut self) -> &mut Option<Meta>;
}

macro_rules! with_meta {
    ($($name:ty),+ $(,)?) => {
        $( impl $crate::types::WithMeta for $name {
            fn meta(&self) -> Option<&$crate::types::Meta> {
                self.meta.as_ref()
            }

            fn meta_mut(&mut self) -> &mut Option<$crate::types::Meta> {
                &mut self.meta
            }
        } )+
    };
}
pub(crate) use with_meta;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use serde_json::json;

    use super::*;

    #[test]
    fn reserved_keys_are_typed_and_others_are_preserved() {
        let value = json!({
            "io.modelcontextprotocol/subscriptionId": 7,
            "io.modelcontextprotocol/logLevel": {"not": "a level"},
            "progressToken": "7",
            "com.example/x": null,
        });
        let meta: Meta = serde_json::from_value(value.clone()).unwrap();
        assert_eq!(meta.subscription_id(), Some(RequestId::Number(7)));
        assert_eq!(meta.progress_token(), Some(ProgressToken::from("7")));
        assert_eq!(meta.log_level(), None);
        assert_eq!(serde_json::to_value(&meta).unwrap(), value);
        let built = Meta::new().with_progress_token("7").with("com.example/x", Value::Null);
        assert_eq!(
            serde_json::to_value(built).unwrap(),
            json!({"progressToken": "7", "com.example/x": null})
        );
    }
}

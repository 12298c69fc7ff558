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
use crate::{RequestId, meta_key};

/// What stands in `_meta`: a JSON map with typed access to the keys that the protocol reserves.
///
/// A getter returns `None` both where a key is absent and where its value has another shape.
///
/// Spec: basic/index#_meta
#[derive(Clone, Default)]
pub struct Meta(Option<Box<Lazy>>);

/// What came over the wire is parsed when somebody looks: nearly every result has a `_meta` and hardly
/// anybody reads it.
#[derive(Clone, Default)]
struct Lazy {
    /// An object as it came, as long as nobody has changed it.
    raw: Option<Box<RawValue>>,
    map: OnceLock<Map<String, Value>>,
}

impl Lazy {
    fn map(&self) -> &Map<String, Value> {
        self.map.get_or_init(|| {
            let raw = self.raw.as_deref().map_or("{}", RawValue::get);
            // What cannot be a `Value`, such as a number beyond all measure, is still passed on raw.
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

                #[doc = concat!("Sets what [`", stringify!($get), "`](Self::", stringify!($get), ") reads.")]
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
    /// The token by which progress of this request is to be reported.
    ///
    /// Spec: basic/patterns/progress
    progress_token, with_progress_token: ProgressToken = meta_key::PROGRESS_TOKEN;
    /// The revision this request is written in; [`str::parse`] makes a
    /// [`ProtocolVersion`](crate::ProtocolVersion) of it. Since 2026-07-28.
    protocol_version, with_protocol_version: String = meta_key::PROTOCOL_VERSION;
    /// What the client can do, as declared for this request. Since 2026-07-28.
    client_capabilities, with_client_capabilities: ClientCapabilities = meta_key::CLIENT_CAPABILITIES;
    /// Which program sends this request. Since 2026-07-28.
    client_info, with_client_info: Implementation = meta_key::CLIENT_INFO;
    /// The least severe log messages wanted for this request. Since 2026-07-28, deprecated there.
    log_level, with_log_level: LoggingLevel = meta_key::LOG_LEVEL;
    /// Which program answered. Since 2026-07-28.
    server_info, with_server_info: Implementation = meta_key::SERVER_INFO;
    /// The id of the `subscriptions/listen` request that this belongs to. Since 2026-07-28.
    subscription_id, with_subscription_id: RequestId = meta_key::SUBSCRIPTION_ID;
    /// The task that this belongs to. In 2025-11-25 alone.
    related_task, with_related_task: RelatedTaskMetadata = meta_key::RELATED_TASK;
}

impl Meta {
    /// An empty `_meta`.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets a key of your own, which needs a prefix such as `com.example/`.
    #[must_use]
    pub fn with(mut self, key: impl Into<String>, value: impl Into<Value>) -> Self {
        self.insert(key.into(), value.into());
        self
    }

    /// Reads a key as `T`; `None` where it is absent or has another shape.
    pub fn decode<T: DeserializeOwned>(&self, key: &str) -> Option<T> {
        self.get(key).and_then(|value| T::deserialize(value).ok())
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
        lazy.map.get_mut().expect("the map has just been made")
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
    /// Its `_meta`.
    fn meta(&self) -> Option<&Meta>;

    /// Its `_meta`, to be changed; `None` leaves the member out.
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
    fn reserved_keys_are_typed_and_others_survive() {
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

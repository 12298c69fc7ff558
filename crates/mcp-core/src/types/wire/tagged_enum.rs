/// Declares a union of objects whose kind is determined by a string member, the tag.
///
/// If the tag is the first member, as nearly all peers write it, the object is decoded in place. Otherwise its
/// members are collected first. Objects of unknown kinds are preserved.
macro_rules! tagged_enum {
    (
        $(#[$attr:meta])*
        pub enum $name:ident by $tag:literal {
            $( $(#[$v_attr:meta])* $variant:ident($ty:ty) = $value:literal, )+
        }
    ) => {
        $(#[$attr])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum $name {
            $( $(#[$v_attr])* $variant($ty), )+
            #[doc = concat!("An object of another kind, including its `", $tag, "`.")]
            Unknown(serde_json::Map<String, serde_json::Value>),
        }

        impl $name {
            #[doc = concat!("The value of `", $tag, "`. Empty if an object of another kind has none.")]
            pub fn kind(&self) -> &str {
                match self {
                    $( Self::$variant(_) => $value, )+
                    Self::Unknown(raw) => raw.get($tag).and_then(|tag| tag.as_str()).unwrap_or_default(),
                }
            }
        }

        $( impl From<$ty> for $name {
            fn from(value: $ty) -> Self {
                Self::$variant(value)
            }
        } )+

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                match self {
                    $( Self::$variant(value) => value.serialize(serializer), )+
                    Self::Unknown(raw) => raw.serialize(serializer),
                }
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                use serde::de::{Deserialize as _, Error as _, value::MapAccessDeserializer};
                use serde_json::{Map, Value};
                use $crate::types::wire::{Key, KeySeed};

                enum Kind {
                    $( $variant, )+
                }

                fn kind(tag: &str) -> Option<u8> {
                    Some(match tag {
                        $( $value => Kind::$variant, )+
                        _ => return None,
                    } as u8)
                }

                struct UnionVisitor;

                impl<'de> serde::de::Visitor<'de> for UnionVisitor {
                    type Value = $name;

                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str(concat!("an object with `", $tag, "` (", stringify!($name), ")"))
                    }

                    fn visit_map<A>(self, mut map: A) -> Result<$name, A::Error>
                    where
                        A: serde::de::MapAccess<'de>,
                    {
                        let mut raw = Map::new();
                        match map.next_key_seed(KeySeed(|name| (name == $tag).then_some(0)))? {
                            Some(Key::Known(_)) => match map.next_value_seed(KeySeed(kind))? {
                                Key::Known(kind) => {
                                    let rest = MapAccessDeserializer::new(map);
                                    return match kind {
                                        $( at if at == Kind::$variant as u8 => {
                                            <$ty>::deserialize(rest).map($name::$variant)
                                        } )+
                                        _ => unreachable!("`kind` returns variants of `Kind`"),
                                    };
                                }
                                Key::Other(tag) => {
                                    raw.insert($tag.to_owned(), Value::String(tag));
                                }
                            },
                            Some(Key::Other(name)) => {
                                raw.insert(name, map.next_value()?);
                            }
                            None => {}
                        }
                        while let Some((name, value)) = map.next_entry()? {
                            raw.insert(name, value);
                        }
                        match raw.get($tag).and_then(Value::as_str).and_then(kind) {
                            $( Some(at) if at == Kind::$variant as u8 => $crate::rpc::from_value(&raw)
                                .map($name::$variant)
                                .map_err(A::Error::custom), )+
                            _ => Ok($name::Unknown(raw)),
                        }
                    }
                }

                deserializer.deserialize_map(UnionVisitor)
            }
        }
    };
}

/// Declares an object of the protocol.
///
/// - `tag "type" = "text";` a constant member: always written, and checked if it is present.
/// - `required { name: T = "wire name"; }` an argument of `new`: it is an error if it is missing.
/// - `optional { name: T = "wire name", with_name; }` an `Option<T>`: `null` counts as absent.
/// - `defaulted { name: T = "wire name", with_name; }` always written: may be absent on input.
///
/// A `via Type` after the wire name decodes the member as `Type`, which converts into `Option<T>`; `via Hint` decodes
/// an invalid value as absent. Unknown members are stored in `extra`. Of duplicate members the last one counts, as in
/// any JSON map.
macro_rules! wire_struct {
    (
        $(#[$attr:meta])*
        pub struct $name:ident {
            $( tag $tag:literal = $tag_value:literal; )?
            $( required { $(
                $(#[$r_attr:meta])* $r:ident: $r_ty:ty = $r_wire:literal $(via $r_via:ident)?;
            )* } )?
            $( optional { $(
                $(#[$o_attr:meta])* $o:ident: $o_ty:ty = $o_wire:literal $(via $o_via:ident)?, $o_with:ident;
            )* } )?
            $( defaulted { $(
                $(#[$d_attr:meta])* $d:ident: $d_ty:ty = $d_wire:literal, $d_with:ident;
            )* } )?
        }
    ) => {
        $(#[$attr])*
        #[derive(Clone, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct $name {
            $($( $(#[$r_attr])* pub $r: $r_ty, )*)?
            $($( $(#[$d_attr])* pub $d: $d_ty, )*)?
            $($( $(#[$o_attr])* pub $o: Option<$o_ty>, )*)?
            /// Members without a field, unchanged.
            pub extra: $crate::types::Extra,
        }

        impl $name {
            /// Creates the object from its required members. All others are absent or empty.
            #[must_use]
            pub fn new($($( $r: impl Into<$r_ty>, )*)?) -> Self {
                Self {
                    $($( $r: $r.into(), )*)?
                    $($( $d: Default::default(), )*)?
                    $($( $o: None, )*)?
                    extra: Default::default(),
                }
            }

            $($(
                #[doc = concat!("Sets [`", stringify!($o), "`](Self::", stringify!($o), ").")]
                #[must_use]
                pub fn $o_with(mut self, $o: impl Into<$o_ty>) -> Self {
                    self.$o = Some($o.into());
                    self
                }
            )*)?

            $($(
                #[doc = concat!("Sets [`", stringify!($d), "`](Self::", stringify!($d), ").")]
                #[must_use]
                pub fn $d_with(mut self, $d: impl Into<$d_ty>) -> Self {
                    self.$d = $d.into();
                    self
                }
            )*)?
        }

        /// The type name and its JSON.
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                $crate::types::wire::debug_json(stringify!($name), self, f)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                use serde::ser::SerializeMap as _;

                let mut map = serializer.serialize_map(None)?;
                $( map.serialize_entry($tag, $tag_value)?; )?
                $($( map.serialize_entry($r_wire, &self.$r)?; )*)?
                $($( map.serialize_entry($d_wire, &self.$d)?; )*)?
                $($( if let Some(value) = &self.$o { map.serialize_entry($o_wire, value)?; } )*)?
                for (name, value) in self.extra.iter() {
                    map.serialize_entry(name, value)?;
                }
                map.end()
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                use $crate::types::wire::{Key, KeySeed};

                #[allow(non_camel_case_types, reason = "named after the fields")]
                enum Known {
                    $( #[doc = $tag] Tag, )?
                    $($( $r, )*)?
                    $($( $d, )*)?
                    $($( $o, )*)?
                }

                fn known(name: &str) -> Option<u8> {
                    Some(match name {
                        $( $tag => Known::Tag, )?
                        $($( $r_wire => Known::$r, )*)?
                        $($( $d_wire => Known::$d, )*)?
                        $($( $o_wire => Known::$o, )*)?
                        _ => return None,
                    } as u8)
                }

                struct ObjectVisitor;

                impl<'de> serde::de::Visitor<'de> for ObjectVisitor {
                    type Value = $name;

                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str(concat!("an object (", stringify!($name), ")"))
                    }

                    fn visit_map<A>(self, mut map: A) -> Result<$name, A::Error>
                    where
                        A: serde::de::MapAccess<'de>,
                    {
                        $($( let mut $r: Option<$r_ty> = None; )*)?
                        $($( let mut $d: Option<$d_ty> = None; )*)?
                        $($( let mut $o: Option<$o_ty> = None; )*)?
                        let mut extra = $crate::types::Extra::default();
                        while let Some(key) = map.next_key_seed(KeySeed(known))? {
                            match key {
                                $( Key::Known(at) if at == Known::Tag as u8 => {
                                    map.next_value_seed($crate::types::wire::Tag($tag_value))?;
                                } )?
                                $($( Key::Known(at) if at == Known::$r as u8 => {
                                    $r = wire_value!(required, map, $r_ty $(, $r_via)?);
                                } )*)?
                                $($( Key::Known(at) if at == Known::$d as u8 => {
                                    $d = wire_value!(optional, map, $d_ty);
                                } )*)?
                                $($( Key::Known(at) if at == Known::$o as u8 => {
                                    $o = wire_value!(optional, map, $o_ty $(, $o_via)?);
                                } )*)?
                                Key::Known(_) => unreachable!("`known` returns variants of `Known`"),
                                Key::Other(name) => {
                                    extra.insert(name, map.next_value()?);
                                }
                            }
                        }
                        Ok($name {
                            $($( $r: match $r {
                                Some(value) => value,
                                None => return Err($crate::types::wire::missing(stringify!($name), $r_wire)),
                            }, )*)?
                            $($( $d: $d.unwrap_or_default(), )*)?
                            $($( $o, )*)?
                            extra,
                        })
                    }
                }

                deserializer.deserialize_map(ObjectVisitor)
            }
        }
    };
}

macro_rules! wire_value {
    (required, $map:ident, $ty:ty) => {
        Some($map.next_value::<$ty>()?)
    };
    (optional, $map:ident, $ty:ty) => {
        $map.next_value::<Option<$ty>>()?
    };
    (optional, $map:ident, $ty:ty, Hint) => {
        $map.next_value::<$crate::types::wire::Hint<$ty>>()?.0
    };
    ($presence:ident, $map:ident, $ty:ty, $via:ident) => {
        $map.next_value::<$crate::types::wire::$via>()?.into()
    };
}

//! Encoding and decoding of the objects of the protocol.
//!
//! [`wire_struct!`] expands a declaration of fields to a struct with a constructor, setters and serde code. The
//! generated decoder makes one pass over the members and stores unknown ones, without the intermediate copy
//! of the whole value that serde's `flatten`, `untagged` and internally tagged enums make. [`tagged_enum!`] and
//! [`open_enum!`] do the same for unions and for sets of strings.

#[macro_use]
mod object;
#[macro_use]
mod open_enum;
#[macro_use]
mod tagged_enum;
mod values;

use std::fmt;

use serde::{
    Serialize,
    de::{DeserializeSeed, Deserializer, Error, Visitor},
};
use serde_json::Value;

pub(crate) use open_enum::StringVisitor;
pub(crate) use values::{Hint, Integer, Milliseconds, Nullable};

/// Formats a value as its type name and JSON: members that are absent on the wire are omitted.
pub(crate) fn debug_json(
    name: &str,
    value: &impl Serialize,
    f: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    let json = serde_json::to_string(value);
    write_json(name, json.as_deref().unwrap_or("{…}"), f)
}

fn write_json(name: &str, json: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match f.alternate().then(|| serde_json::from_str::<Value>(json)) {
        Some(Ok(value)) => write!(f, "{name} {value:#}"),
        _ => write!(f, "{name} {json}"),
    }
}

/// A name of a known set, by its number in it, or any other name.
pub(crate) enum Key {
    Known(u8),
    Other(String),
}

/// Decodes a [`Key`]: the function returns the number of a known name. Allocates only for unknown names.
///
/// Numbers, since a type of names for each object would be a decoder for each object.
pub(crate) struct KeySeed(pub(crate) fn(&str) -> Option<u8>);

impl<'de> DeserializeSeed<'de> for KeySeed {
    type Value = Key;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Key, D::Error> {
        deserializer.deserialize_identifier(self)
    }
}

impl Visitor<'_> for KeySeed {
    type Value = Key;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E>(self, name: &str) -> Result<Key, E> {
        Ok(match (self.0)(name) {
            Some(known) => Key::Known(known),
            None => Key::Other(name.to_owned()),
        })
    }

    fn visit_string<E>(self, name: String) -> Result<Key, E> {
        Ok(match (self.0)(&name) {
            Some(known) => Key::Known(known),
            None => Key::Other(name),
        })
    }
}

/// Decodes the member that determines the kind of an object, and checks its value.
pub(crate) struct Tag(pub(crate) &'static str);

impl<'de> DeserializeSeed<'de> for Tag {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Tag {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the string {:?}", self.0)
    }

    fn visit_str<E: Error>(self, tag: &str) -> Result<(), E> {
        if tag == self.0 {
            Ok(())
        } else {
            Err(E::invalid_value(serde::de::Unexpected::Str(tag), &self))
        }
    }
}

/// The error of a missing member.
pub(crate) fn missing<E: Error>(object: &str, member: &str) -> E {
    E::custom(format_args!("missing member `{member}` of {object}"))
}

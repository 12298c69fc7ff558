use std::{borrow::Cow, collections::HashSet, fmt, ops::Range};

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, Error as _, MapAccess, Visitor},
};
use serde_json::value::RawValue;

use super::{Key, RawJson, RawObject, Value};

/// Up to this number of members, duplicates are found without a hash table.
const FEW: usize = 16;

type Members = Vec<(Key, Value)>;

impl RawObject {
    /// Finds the members of an object. Their values are not parsed.
    ///
    /// # Errors
    /// If `json` is not an object.
    pub fn parse(json: RawJson) -> Result<Self, serde_json::Error> {
        let Found { mut members, .. } = find(&json, false)?;
        let is_changed = drop_duplicates(&mut members, json.as_bytes());
        Ok(Self { json, members, is_changed })
    }

    /// Finds the members of the parameters of a message, and separately those of their `_meta`. Returns the
    /// parameters without `_meta`, and the `_meta`, which is empty if it is absent or `null`.
    ///
    /// # Errors
    /// If `json` or its `_meta` is not an object.
    pub fn parse_params(json: RawJson) -> Result<(Self, Self), serde_json::Error> {
        let Found { mut members, mut meta } = find(&json, true)?;
        drop_duplicates(&mut members, json.as_bytes());
        drop_duplicates(&mut meta, json.as_bytes());
        let meta = Self { json: json.clone(), members: meta, is_changed: true };
        Ok((Self { json, members, is_changed: true }, meta))
    }
}

/// The members of an object, and those of its `_meta` if parsed separately.
#[derive(Default)]
struct Found {
    members: Members,
    meta: Members,
}

fn find(json: &RawJson, reads_meta: bool) -> Result<Found, serde_json::Error> {
    let text = std::str::from_utf8(json.as_bytes()).map_err(serde_json::Error::custom)?;
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let seed = ObjectSeed { base: text.as_ptr().addr(), reads_meta, is_optional: false };
    let found = seed.deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(found)
}

/// Drops all members except the last of each name. Returns whether any were dropped.
fn drop_duplicates(members: &mut Members, json: &[u8]) -> bool {
    let mut names = members.iter().map(|(key, _)| key.bytes(json));
    let is_unique = match members.len() {
        0..=FEW => (1..members.len()).all(|at| {
            let own = members[at].0.bytes(json);
            members[..at].iter().all(|(key, _)| key.bytes(json) != own)
        }),
        many => {
            let mut seen = HashSet::with_capacity(many);
            names.all(|name| seen.insert(name))
        }
    };
    if !is_unique {
        let mut seen = HashSet::with_capacity(members.len());
        members.reverse();
        members.retain(|(key, _)| seen.insert(key.bytes(json).to_vec()));
        members.reverse();
    }
    !is_unique
}

/// Deserializes an object from text that starts at the address `base`.
struct ObjectSeed {
    base: usize,
    reads_meta: bool,
    /// Whether `null` counts as an empty object.
    is_optional: bool,
}

impl ObjectSeed {
    fn at(&self, text: &str) -> Range<usize> {
        let start = text.as_ptr().addr() - self.base;
        start..start + text.len()
    }
}

impl<'de> DeserializeSeed<'de> for ObjectSeed {
    type Value = Found;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Found, D::Error> {
        match self.is_optional {
            true => deserializer.deserialize_option(self),
            false => deserializer.deserialize_map(self),
        }
    }
}

#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de> Visitor<'de> for ObjectSeed {
    type Value = Found;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Found, A::Error> {
        let mut found = Found::default();
        found.members.reserve(8);
        while let Some(Name(name)) = map.next_key()? {
            if self.reads_meta && name == "_meta" {
                let seed = Self { reads_meta: false, is_optional: true, ..self };
                found.meta = map.next_value_seed(seed)?.members;
                continue;
            }
            let value: &RawValue = map.next_value()?;
            let key = match name {
                Cow::Borrowed(name) => Key::At(self.at(name)),
                Cow::Owned(name) => Key::Owned(name),
            };
            found.members.push((key, Value::At(self.at(value.get()))));
        }
        Ok(found)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Found, D::Error> {
        deserializer.deserialize_map(self)
    }

    fn visit_none<E>(self) -> Result<Found, E> {
        Ok(Found::default())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn object(text: &str) -> RawObject {
        RawObject::parse(RawJson::from_text(text.to_owned()).unwrap()).unwrap()
    }

    fn written(object: &RawObject) -> String {
        String::from_utf8(object.to_json().as_bytes().to_vec()).unwrap()
    }

    #[test]
    fn unchanged_members_keep_their_bytes_and_position() {
        let text = r#" {"a":1e400, "name":"x","b":[ 12345678901234567890123 ],"name":"y"} "#;
        let mut object = object(text);
        assert_eq!(object.text("name").unwrap(), "y");
        object.set("name", "z");
        object.remove("missing");
        let expected = r#"{"a":1e400,"b":[ 12345678901234567890123 ],"name":"z"}"#;
        assert_eq!(written(&object), expected);
    }

    #[test]
    fn an_unchanged_object_is_not_serialized() {
        let json = RawJson::from_text(r#"{"a" : 1,"\u0062":{"c":2}}"#).unwrap();
        let object = RawObject::parse(json.clone()).unwrap();
        assert_eq!(object.to_json().as_bytes().as_ptr(), json.as_bytes().as_ptr());
        assert_eq!(object.get("b").unwrap(), br#"{"c":2}"#);
        assert_eq!(object.object("b").decode::<u32>("c"), Some(2));
        for no_object in ["[]", "1", "null"] {
            assert!(RawObject::parse(RawJson::from_text(no_object).unwrap()).is_err());
        }
    }

    #[test]
    fn escaped_names_are_equal_and_duplicates_dropped() {
        for text in [r#"{"\u0061":1,"a":2,"ü\n":3}"#, r#"{"a":1,"\u0061":2,"ü\n":3}"#] {
            let mut object = object(text);
            assert_eq!(object.decode::<u32>("a"), Some(2), "{text}");
            object.set("b", &4);
            assert_eq!(written(&object), r#"{"a":2,"ü\n":3,"b":4}"#, "{text}");
        }
    }

    #[test]
    fn the_meta_of_parameters_is_parsed_separately() {
        let parts = |text: &str| {
            let json = RawJson::from_text(text.to_owned()).unwrap();
            let (params, meta) = RawObject::parse_params(json).unwrap();
            [params, meta].map(|it| String::from_utf8(it.to_vec()).unwrap())
        };
        let text = r#"{"a":[{"_meta":1}],"_meta" : { "x" : {"y":[1]},"x":2 },"\u0062":3}"#;
        assert_eq!(parts(text), [r#"{"a":[{"_meta":1}],"b":3}"#, r#"{"x":2}"#]);
        assert_eq!(parts(r#"{ "a" : 1 }"#), [r#"{"a":1}"#, "{}"]);
        assert_eq!(parts(r#"{"_meta":{"a":1},"_meta":{"b":1}}"#), ["{}", r#"{"b":1}"#]);
        assert_eq!(parts(r#"{"_meta":null,"a":1}"#), [r#"{"a":1}"#, "{}"]);
        for wrong in [r#"{"_meta":[]}"#, r#"{"_meta":1}"#, "null", "[]"] {
            let json = RawJson::from_text(wrong).unwrap();
            assert!(RawObject::parse_params(json).is_err(), "{wrong}");
        }
    }

    #[test]
    fn parsing_takes_linear_time() {
        let many: Vec<String> = (0..200_000).map(|n| format!("\"k{}\":{n}", n % 150_000)).collect();
        let object = object(&format!("{{{}}}", many.join(",")));
        assert_eq!(object.members.len(), 150_000);
        assert_eq!(object.decode::<u32>("k0"), Some(150_000));
    }
}

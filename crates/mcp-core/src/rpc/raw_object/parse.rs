use std::{borrow::Cow, collections::HashSet, fmt, ops::Range};

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, Error as _, MapAccess, Visitor},
};
use serde_json::value::RawValue;

use super::{Key, RawJson, RawObject, Value};

/// Up to this number of members, duplicates are found without a hash table.
const FEW: usize = 16;

/// The start of parameters whose first member is the `_meta`.
const META_FIRST: &[u8] = br#"{"_meta":"#;

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

impl RawObject {
    /// Finds the parameters that follow this `_meta`, which is known to be valid and is not parsed again. For most
    /// requests of a client, which have the same `_meta`. Returns `None` for parameters that do not begin with it, or
    /// are not written as most clients do, without spaces, escapes in names or repeated members: then
    /// [`parse_params`](Self::parse_params) reads them.
    ///
    /// Values are not validated, as `json` is JSON.
    pub fn parse_params_behind(meta: &[u8], json: &RawJson) -> Option<Self> {
        let all = json.as_bytes();
        let mut rest = all.strip_prefix(META_FIRST)?.strip_prefix(meta)?;
        let range = |part: &[u8], behind: usize| {
            let end = all.len() - behind;
            end - part.len()..end
        };
        let mut members = Vec::with_capacity(4);
        while rest != b"}" {
            let (name, value) = plain_text(rest.strip_prefix(b",")?)?;
            if name == b"_meta" || !name.is_ascii() {
                return None;
            }
            let key = Key::At(range(name, 1 + value.len()));
            let value = value.strip_prefix(b":")?;
            let (value, behind) = value.split_at(value_len(value)?);
            members.push((key, Value::At(range(value, behind.len()))));
            rest = behind;
        }
        let is_repeated = drop_duplicates(&mut members, all);
        (!is_repeated).then(|| Self { json: json.clone(), members, is_changed: true })
    }

    /// The bytes of the `_meta` of parameters that begin with it, for
    /// [`parse_params_behind`](Self::parse_params_behind).
    pub fn first_meta(json: &RawJson) -> Option<&[u8]> {
        let meta = json.as_bytes().strip_prefix(META_FIRST)?;
        Some(&meta[..value_len(meta)?])
    }
}

/// The string without escapes at the start of a JSON text, and what follows.
pub(super) fn plain_text(json: &[u8]) -> Option<(&[u8], &[u8])> {
    let inside = json.strip_prefix(b"\"")?;
    let end = inside.iter().position(|byte| matches!(byte, b'"' | b'\\' | ..b' '))?;
    Some((&inside[..end], inside[end..].strip_prefix(b"\"")?))
}

/// The length of the value at the start of valid JSON. A value of anything else may be any part of it.
fn value_len(json: &[u8]) -> Option<usize> {
    let (mut at, mut depth) = (0, 0_usize);
    loop {
        match json.get(at)? {
            b'"' => at += string_len(&json[at..])?,
            b'{' | b'[' => {
                depth += 1;
                at += 1;
            }
            b'}' | b']' => {
                // The end of the object that contains a number or a word.
                if depth == 0 {
                    return (at > 0).then_some(at);
                }
                depth -= 1;
                at += 1;
            }
            b',' if depth == 0 => return (at > 0).then_some(at),
            _ => {
                at += 1;
                continue;
            }
        }
        if depth == 0 {
            return Some(at);
        }
    }
}

/// The length of the string at the start of valid JSON, with its quotes.
fn string_len(json: &[u8]) -> Option<usize> {
    let mut at = 1;
    loop {
        at += memchr::memchr2(b'"', b'\\', json.get(at..)?)?;
        match json[at] {
            b'"' => return Some(at + 1),
            _ => at += 2,
        }
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
    fn parameters_behind_a_known_meta_are_those_of_the_parser() {
        let meta = r#"{"a":{"b":"}\""}}"#;
        let behind = |rest: &str| {
            let json = RawJson::from_text(format!("{{\"_meta\":{meta}{rest}}}")).unwrap();
            assert_eq!(RawObject::first_meta(&json).unwrap(), meta.as_bytes());
            let read = RawObject::parse_params_behind(meta.as_bytes(), &json)?;
            let (parsed, _) = RawObject::parse_params(json).unwrap();
            assert_eq!(written(&read), written(&parsed), "{rest}");
            assert_eq!(read.iter().collect::<Vec<_>>(), parsed.iter().collect::<Vec<_>>());
            Some(())
        };
        for rest in [
            "",
            r#","name":"x""#,
            r#","a":1.5e3,"b":true,"c":[1,{"d":"]\\\""},[]],"d":{"_meta":{"}":"{"}},"e":"\u0041\\""#,
            r#","arguments":{"query":"é","limit":10},"name":"é""#,
        ] {
            assert!(behind(rest).is_some(), "{rest}");
        }
        for rest in [
            r#", "name":"x""#,
            r#","name" :"x""#,
            r#","name":"x" "#,
            r#","n\u0061me":"x""#,
            r#","é":1"#,
            r#","_meta":{}"#,
            r#","a":1,"b":2,"a":3"#,
        ] {
            assert!(behind(rest).is_none(), "{rest}");
        }
        let other = RawJson::from_text(r#"{"_meta":{"a":1},"b":2}"#).unwrap();
        assert!(RawObject::parse_params_behind(meta.as_bytes(), &other).is_none());
        let without = RawJson::from_text(r#"{"b":2,"_meta":{}}"#).unwrap();
        assert!(RawObject::first_meta(&without).is_none());
        for broken in ["", ",", ",\"a", ",\"a\"", ",\"a\":", ",\"a\":{", ",\"a\":\"\\", ",\"a\":]"]
        {
            let json = RawJson::trusted(format!("{{\"_meta\":{meta}{broken}"));
            assert!(RawObject::parse_params_behind(meta.as_bytes(), &json).is_none(), "{broken}");
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

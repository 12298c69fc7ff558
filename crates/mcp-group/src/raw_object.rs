use std::{borrow::Cow, collections::HashSet, fmt, ops::Range};

use mcp_core::RawJson;
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{DeserializeOwned, MapAccess, Visitor},
};
use serde_json::value::RawValue;

/// Up to this number of members, duplicates are found without a table.
const FEW: usize = 16;

/// A JSON object whose members keep their bytes and their order, to change some and copy the others.
///
/// Of two members with one name the last counts. The others are dropped, so that no other reader takes them
/// for the value.
#[derive(Debug, Clone)]
pub(crate) struct RawObject {
    json: RawJson,
    members: Vec<(Key, Value)>,
    /// Whether `json` is no longer the whole of it.
    is_changed: bool,
}

#[derive(Debug, Clone)]
enum Key {
    /// The text in `json`, which has no escapes.
    At(Range<usize>),
    Owned(String),
}

#[derive(Debug, Clone)]
enum Value {
    /// The bytes in `json`.
    At(Range<usize>),
    Owned(Vec<u8>),
}

impl Default for RawObject {
    fn default() -> Self {
        Self { json: RawJson::trusted("{}"), members: Vec::new(), is_changed: false }
    }
}

impl RawObject {
    /// Finds the members of an object.
    pub(crate) fn parse(json: RawJson) -> Result<Self, serde_json::Error> {
        let mut found: Found<'_> = json.decode()?;
        let is_changed = found.drop_duplicates();
        let base = json.as_bytes().as_ptr().addr();
        let at = |text: &str| {
            let start = text.as_ptr().addr() - base;
            start..start + text.len()
        };
        let members = found.0.into_iter().map(|(key, value)| {
            let key = match key {
                Cow::Borrowed(key) => Key::At(at(key)),
                Cow::Owned(key) => Key::Owned(key),
            };
            (key, Value::At(at(value.get())))
        });
        Ok(Self { members: members.collect(), is_changed, json })
    }

    /// The bytes of a member.
    pub(crate) fn get(&self, name: &str) -> Option<&[u8]> {
        self.members.iter().find(|(key, _)| self.is(key, name)).map(|(_, value)| self.bytes(value))
    }

    /// A member as `T`; `None` where it is absent or has another shape.
    pub(crate) fn decode<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        serde_json::from_slice(self.get(name)?).ok()
    }

    pub(crate) fn text(&self, name: &str) -> Option<String> {
        self.decode(name)
    }

    /// A member as it stands.
    pub(crate) fn json(&self, name: &str) -> Option<RawJson> {
        let (_, value) = self.members.iter().find(|(key, _)| self.is(key, name))?;
        Some(RawJson::trusted(match value {
            Value::At(at) => self.json.to_bytes().slice(at.clone()),
            Value::Owned(bytes) => bytes.clone().into(),
        }))
    }

    /// A member that is an object; an empty one where it is none.
    pub(crate) fn object(&self, name: &str) -> Self {
        self.json(name).and_then(|json| Self::parse(json).ok()).unwrap_or_default()
    }

    /// All members, with their bytes.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.members.iter().map(|(key, value)| (self.name(key), self.bytes(value)))
    }

    /// Sets a member, in the place it had.
    pub(crate) fn set(&mut self, name: &str, value: &(impl Serialize + ?Sized)) {
        let bytes = serde_json::to_vec(value).expect("strings and protocol types are JSON");
        self.put(name, bytes);
    }

    /// Sets a member to an object.
    pub(crate) fn set_object(&mut self, name: &str, object: &Self) {
        self.put(name, object.to_vec());
    }

    /// Sets a member to the bytes of a JSON value.
    pub(crate) fn put(&mut self, name: &str, bytes: Vec<u8>) {
        self.is_changed = true;
        match self.members.iter().position(|(key, _)| self.is(key, name)) {
            Some(at) => self.members[at].1 = Value::Owned(bytes),
            None => self.push(name, bytes),
        }
    }

    /// Adds a member that is not there.
    pub(crate) fn push(&mut self, name: &str, bytes: Vec<u8>) {
        self.is_changed = true;
        self.members.push((Key::Owned(name.to_owned()), Value::Owned(bytes)));
    }

    pub(crate) fn remove(&mut self, name: &str) {
        if let Some(at) = self.members.iter().position(|(key, _)| self.is(key, name)) {
            self.members.remove(at);
            self.is_changed = true;
        }
    }

    /// Lets `change` change each object of the list `name`; other elements stay as they are.
    pub(crate) fn each(&mut self, name: &str, mut change: impl FnMut(&mut Self)) {
        let Some(list) = self.json(name) else { return };
        let Ok(elements) = list.decode::<Vec<&RawValue>>() else { return };
        let mut out = Vec::with_capacity(list.len());
        out.push(b'[');
        for element in elements {
            if out.len() > 1 {
                out.push(b',');
            }
            let bytes = list.to_bytes().slice_ref(element.get().as_bytes());
            match Self::parse(RawJson::trusted(bytes)) {
                Ok(mut object) => {
                    change(&mut object);
                    object.write(&mut out);
                }
                Err(_) => out.extend_from_slice(element.get().as_bytes()),
            }
        }
        out.push(b']');
        self.put(name, out);
    }

    /// Lets `change` change the object `name`, if it is one.
    pub(crate) fn within(&mut self, name: &str, change: impl FnOnce(&mut Self)) {
        if let Some(mut object) = self.json(name).and_then(|json| Self::parse(json).ok()) {
            change(&mut object);
            self.set_object(name, &object);
        }
    }

    pub(crate) fn to_vec(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.json.len() + 64);
        self.write(&mut out);
        out
    }

    pub(crate) fn to_json(&self) -> RawJson {
        match self.is_changed {
            true => RawJson::trusted(self.to_vec()),
            false => self.json.clone(),
        }
    }

    fn write(&self, out: &mut Vec<u8>) {
        if !self.is_changed {
            return out.extend_from_slice(self.json.as_bytes());
        }
        let start = out.len();
        out.push(b'{');
        for (key, value) in &self.members {
            if out.len() > start + 1 {
                out.push(b',');
            }
            match key {
                Key::At(at) => {
                    out.push(b'"');
                    out.extend_from_slice(&self.json.as_bytes()[at.clone()]);
                    out.push(b'"');
                }
                Key::Owned(key) => {
                    serde_json::to_writer(&mut *out, key).expect("a string is JSON");
                }
            }
            out.push(b':');
            out.extend_from_slice(self.bytes(value));
        }
        out.push(b'}');
    }

    fn is(&self, key: &Key, name: &str) -> bool {
        match key {
            Key::At(at) => self.json.as_bytes()[at.clone()] == *name.as_bytes(),
            Key::Owned(key) => key == name,
        }
    }

    fn name<'a>(&'a self, key: &'a Key) -> &'a str {
        match key {
            Key::At(at) => std::str::from_utf8(&self.json.as_bytes()[at.clone()])
                .expect("it was parsed as a string"),
            Key::Owned(key) => key,
        }
    }

    fn bytes<'a>(&'a self, value: &'a Value) -> &'a [u8] {
        match value {
            Value::At(at) => &self.json.as_bytes()[at.clone()],
            Value::Owned(bytes) => bytes,
        }
    }
}

/// The members of an object as they were found.
struct Found<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl Found<'_> {
    /// Drops all members but the last of each name. Returns whether there were any.
    fn drop_duplicates(&mut self) -> bool {
        let Self(members) = self;
        let is_first = |at: usize| members[..at].iter().all(|(key, _)| *key != members[at].0);
        if members.len() <= FEW && (0..members.len()).all(is_first) {
            return false;
        }
        let before = members.len();
        let mut seen = HashSet::with_capacity(before);
        members.reverse();
        members.retain(|(key, _)| seen.insert(key.clone()));
        members.reverse();
        members.len() < before
    }
}

impl<'de> Deserialize<'de> for Found<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

        struct ObjectVisitor;

        impl<'de> Visitor<'de> for ObjectVisitor {
            type Value = Found<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Found<'de>, A::Error> {
                let mut members = Vec::with_capacity(8);
                while let Some((Name(name), value)) = map.next_entry()? {
                    members.push((name, value));
                }
                Ok(Found(members))
            }
        }

        deserializer.deserialize_map(ObjectVisitor)
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
    fn members_that_are_not_changed_keep_their_bytes_and_their_place() {
        let text = r#" {"a":1e400, "name":"x","b":[ 12345678901234567890123 ],"name":"y"} "#;
        let mut object = object(text);
        assert_eq!(object.text("name").unwrap(), "y");
        object.set("name", "z");
        object.remove("missing");
        let expected = r#"{"a":1e400,"b":[ 12345678901234567890123 ],"name":"z"}"#;
        assert_eq!(written(&object), expected);
    }

    #[test]
    fn an_object_that_is_not_changed_is_not_written_again() {
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
    fn an_escaped_name_is_the_same_name_and_one_value_is_left_of_each() {
        for text in [r#"{"\u0061":1,"a":2,"ü\n":3}"#, r#"{"a":1,"\u0061":2,"ü\n":3}"#] {
            let mut object = object(text);
            assert_eq!(object.decode::<u32>("a"), Some(2), "{text}");
            object.set("b", &4);
            assert_eq!(written(&object), r#"{"a":2,"ü\n":3,"b":4}"#, "{text}");
        }
    }

    #[test]
    fn many_members_take_no_longer_each_than_few() {
        let many: Vec<String> = (0..200_000).map(|n| format!("\"k{}\":{n}", n % 150_000)).collect();
        let object = object(&format!("{{{}}}", many.join(",")));
        assert_eq!(object.members.len(), 150_000);
        assert_eq!(object.decode::<u32>("k0"), Some(150_000));
    }
}

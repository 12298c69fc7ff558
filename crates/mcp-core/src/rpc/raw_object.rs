mod parse;

use std::ops::Range;

use serde::{Serialize, de::DeserializeOwned};
use serde_json::value::RawValue;

use super::{RawJson, raw::from_json};

/// A JSON object whose members keep their bytes and their order, to change some and copy the others, as a proxy
/// does.
///
/// If two members have the same name, the last one counts. The others are dropped, so that no other reader
/// takes them for the value.
///
/// ```
/// use mcp_core::{RawJson, RawObject};
///
/// let mut object = RawObject::parse(RawJson::from_text(r#"{"n": 1.50, "name": "a"}"#)?)?;
/// object.set("name", "b");
/// assert_eq!(object.to_json().as_bytes(), br#"{"n":1.50,"name":"b"}"#);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct RawObject {
    json: RawJson,
    members: Vec<(Key, Value)>,
    /// Whether `json` is outdated.
    is_changed: bool,
}

#[derive(Debug, Clone)]
enum Key {
    /// A string without escapes, by its range in `json`.
    At(Range<usize>),
    Owned(String),
}

#[derive(Debug, Clone)]
enum Value {
    /// Bytes, by their range in `json`.
    At(Range<usize>),
    Owned(Vec<u8>),
}

impl Key {
    fn bytes<'a>(&'a self, json: &'a [u8]) -> &'a [u8] {
        match self {
            Self::At(at) => &json[at.clone()],
            Self::Owned(key) => key.as_bytes(),
        }
    }
}

impl Default for RawObject {
    fn default() -> Self {
        Self { json: RawJson::trusted("{}"), members: Vec::new(), is_changed: false }
    }
}

impl RawObject {
    /// The bytes of a member.
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.members.iter().find(|(key, _)| self.is(key, name)).map(|(_, value)| self.bytes(value))
    }

    /// A member as `T`, or `None` if it is absent or cannot be deserialized as `T`.
    pub fn decode<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        from_json(self.get(name)?).ok()
    }

    /// A member that is a string, or `None`.
    pub fn text(&self, name: &str) -> Option<String> {
        let json = self.get(name)?;
        let text = match parse::plain_text(json) {
            Some((text, [])) => std::str::from_utf8(text).ok().map(str::to_owned),
            _ => None,
        };
        text.or_else(|| from_json(json).ok())
    }

    /// A member as raw JSON. It shares the bytes of this object if it was not changed.
    pub fn json(&self, name: &str) -> Option<RawJson> {
        let (_, value) = self.members.iter().find(|(key, _)| self.is(key, name))?;
        Some(RawJson::trusted(match value {
            Value::At(at) => self.json.to_bytes().slice(at.clone()),
            Value::Owned(bytes) => bytes.clone().into(),
        }))
    }

    /// A member that is an object, or an empty object.
    pub fn object(&self, name: &str) -> Self {
        self.json(name).and_then(|json| Self::parse(json).ok()).unwrap_or_default()
    }

    /// All members, with their bytes.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.members.iter().map(|(key, value)| (self.name(key), self.bytes(value)))
    }

    /// Sets a member. An existing one keeps its position.
    ///
    /// # Panics
    /// If `value` has no JSON representation, such as a map whose keys are not strings.
    pub fn set(&mut self, name: &str, value: &(impl Serialize + ?Sized)) {
        let bytes = serde_json::to_vec(value).expect("the value has a JSON representation");
        self.put(name, bytes);
    }

    /// Sets a member to an object. An existing one keeps its position.
    pub fn set_object(&mut self, name: &str, object: &Self) {
        self.put(name, object.to_vec());
    }

    /// Sets a member to the bytes of a JSON value, which are not validated.
    pub fn put(&mut self, name: &str, bytes: Vec<u8>) {
        self.is_changed = true;
        match self.members.iter().position(|(key, _)| self.is(key, name)) {
            Some(at) => self.members[at].1 = Value::Owned(bytes),
            None => self.push(name, bytes),
        }
    }

    /// Adds a member that does not exist yet, with the bytes of a JSON value.
    pub fn push(&mut self, name: &str, bytes: Vec<u8>) {
        self.is_changed = true;
        self.members.push((Key::Owned(name.to_owned()), Value::Owned(bytes)));
    }

    /// Removes a member.
    pub fn remove(&mut self, name: &str) {
        if let Some(at) = self.members.iter().position(|(key, _)| self.is(key, name)) {
            self.members.remove(at);
            self.is_changed = true;
        }
    }

    /// Calls `change` with each object in the array `name`. Other elements are copied.
    pub fn each(&mut self, name: &str, mut change: impl FnMut(&mut Self)) {
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

    /// Calls `change` with the member `name`, if it is an object.
    pub fn within(&mut self, name: &str, change: impl FnOnce(&mut Self)) {
        if let Some(mut object) = self.json(name).and_then(|json| Self::parse(json).ok()) {
            change(&mut object);
            self.set_object(name, &object);
        }
    }

    /// Keeps the members for whose names `keep` returns `true`.
    pub fn retain(&mut self, mut keep: impl FnMut(&str) -> bool) {
        let Self { json, members, .. } = self;
        let before = members.len();
        members.retain(|(key, _)| {
            std::str::from_utf8(key.bytes(json.as_bytes())).is_ok_and(&mut keep)
        });
        self.is_changed |= self.members.len() != before;
    }

    /// Whether it has no members.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// The approximate length of the written object, in bytes.
    pub fn size_hint(&self) -> usize {
        self.members.iter().fold(self.json.len(), |length, (_, value)| {
            length + if let Value::Owned(bytes) = value { bytes.len() + 16 } else { 0 }
        })
    }

    /// Writes the object.
    pub fn to_vec(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.size_hint());
        self.write(&mut out);
        out
    }

    /// The object as raw JSON: the bytes it was parsed from, if it was not changed.
    pub fn to_json(&self) -> RawJson {
        match self.is_changed {
            true => RawJson::trusted(self.to_vec()),
            false => self.json.clone(),
        }
    }

    fn write(&self, out: &mut Vec<u8>) {
        if !self.is_changed {
            return out.extend_from_slice(self.json.as_bytes());
        }
        out.push(b'{');
        self.write_members(out);
        out.push(b'}');
    }

    /// Appends the members to an object that is being written, after its opening brace or its last member.
    pub fn write_members(&self, out: &mut Vec<u8>) {
        for (key, value) in &self.members {
            if !matches!(out.last(), None | Some(b'{')) {
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
    }

    fn is(&self, key: &Key, name: &str) -> bool {
        key.bytes(self.json.as_bytes()) == name.as_bytes()
    }

    fn name<'a>(&'a self, key: &'a Key) -> &'a str {
        std::str::from_utf8(key.bytes(self.json.as_bytes())).expect("it was parsed as a string")
    }

    fn bytes<'a>(&'a self, value: &'a Value) -> &'a [u8] {
        match value {
            Value::At(at) => &self.json.as_bytes()[at.clone()],
            Value::Owned(bytes) => bytes,
        }
    }
}

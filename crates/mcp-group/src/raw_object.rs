mod parse;

use std::ops::Range;

use mcp_core::RawJson;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::value::RawValue;

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

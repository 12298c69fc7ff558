use std::fmt;

use mcp_core::RawJson;
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{DeserializeOwned, MapAccess, Visitor},
};
use serde_json::value::RawValue;

/// A JSON object whose members stay as they came, in their order: to change one of them and leave the
/// bytes of the others alone. Of two members of one name the last counts, and the others are dropped, so
/// that nobody behind can read it in another way.
#[derive(Debug, Clone, Default)]
pub(crate) struct Object(Vec<(String, Box<RawValue>)>);

impl Object {
    /// Reads `raw`; an absent value is an empty object.
    pub(crate) fn of(raw: Option<&RawJson>) -> Result<Self, serde_json::Error> {
        raw.map_or_else(|| Ok(Self::default()), RawJson::decode)
    }

    pub(crate) fn read(raw: &RawValue) -> Result<Self, serde_json::Error> {
        serde_json::from_str(raw.get())
    }

    pub(crate) fn get(&self, name: &str) -> Option<&RawValue> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| &**value)
    }

    /// A member as `T`; `None` where it is absent or has another shape.
    pub(crate) fn decode<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        serde_json::from_str(self.get(name)?.get()).ok()
    }

    pub(crate) fn text(&self, name: &str) -> Option<String> {
        self.decode(name)
    }

    /// A member that is an object; an empty one where it is none.
    pub(crate) fn object(&self, name: &str) -> Self {
        self.decode(name).unwrap_or_default()
    }

    /// Sets a member, in the place it had.
    pub(crate) fn set(&mut self, name: &str, value: &(impl Serialize + ?Sized)) {
        let value = serde_json::value::to_raw_value(value)
            .expect("strings, raw values and protocol types are JSON");
        self.put(name.to_owned(), value);
    }

    pub(crate) fn put(&mut self, name: String, value: Box<RawValue>) {
        match self.0.iter_mut().find(|(key, _)| *key == name) {
            Some((_, old)) => *old = value,
            None => self.0.push((name, value)),
        }
    }

    pub(crate) fn remove(&mut self, name: &str) {
        self.0.retain(|(key, _)| key != name);
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &RawValue)> {
        self.0.iter().map(|(key, value)| (key.as_str(), &**value))
    }

    /// Lets `change` change each object of the list `name`; other elements stay as they are.
    pub(crate) fn each(&mut self, name: &str, mut change: impl FnMut(&mut Object)) {
        let Some(mut list) = self.decode::<Vec<Box<RawValue>>>(name) else { return };
        for element in &mut list {
            if let Ok(mut object) = Self::read(element) {
                change(&mut object);
                *element = object.to_raw();
            }
        }
        self.set(name, &list);
    }

    /// Lets `change` change the object `name`, if it is one.
    pub(crate) fn within(&mut self, name: &str, change: impl FnOnce(&mut Object)) {
        if let Some(mut object) = self.decode::<Object>(name) {
            change(&mut object);
            self.put(name.to_owned(), object.to_raw());
        }
    }

    pub(crate) fn to_raw(&self) -> Box<RawValue> {
        serde_json::value::to_raw_value(self).expect("names and raw values are JSON")
    }

    pub(crate) fn to_json(&self) -> RawJson {
        RawJson::from_serialize(self).expect("names and raw values are JSON")
    }
}

impl Serialize for Object {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ObjectVisitor;

        impl<'de> Visitor<'de> for ObjectVisitor {
            type Value = Object;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object, A::Error> {
                let mut object = Object::default();
                while let Some((name, value)) = map.next_entry::<String, Box<RawValue>>()? {
                    object.put(name, value);
                }
                Ok(object)
            }
        }

        deserializer.deserialize_map(ObjectVisitor)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn what_is_not_touched_keeps_its_bytes_and_its_place() {
        let text = r#"{"a":1e400,"name":"x","b":[ 12345678901234567890123 ],"name":"y"}"#;
        let mut object: Object = serde_json::from_str(text).unwrap();
        assert_eq!(object.text("name").unwrap(), "y");
        object.set("name", "z");
        object.remove("missing");
        let json = object.to_json();
        let expected = r#"{"a":1e400,"name":"z","b":[ 12345678901234567890123 ]}"#;
        assert_eq!(json.as_bytes(), expected.as_bytes());
    }
}

use std::ops::{Deref, DerefMut};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::{Map, Value, value::RawValue};

use crate::{RawJson, rpc::from_value};

/// A list sent by a peer, decoded element by element: invalid elements are skipped and reported.
///
/// Dereferences to a `Vec` of the valid elements. Only those are serialized.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LenientList<T> {
    items: Vec<T>,
    skipped: Vec<Skipped>,
}

/// An element of a [`LenientList`] that could not be decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Skipped {
    /// The index in the received list, from zero.
    pub index: usize,
    /// The received element.
    pub raw: RawJson,
    /// The decoding error.
    pub reason: String,
}

impl<T> LenientList<T> {
    /// The skipped elements, in their original order.
    pub fn skipped(&self) -> &[Skipped] {
        &self.skipped
    }

    /// Converts it into a `Vec` of the valid elements.
    pub fn into_vec(self) -> Vec<T> {
        self.items
    }
}

impl<T> Default for LenientList<T> {
    fn default() -> Self {
        Self::from(Vec::new())
    }
}

impl<T> Deref for LenientList<T> {
    type Target = Vec<T>;

    fn deref(&self) -> &Vec<T> {
        &self.items
    }
}

impl<T> DerefMut for LenientList<T> {
    fn deref_mut(&mut self) -> &mut Vec<T> {
        &mut self.items
    }
}

impl<T> From<Vec<T>> for LenientList<T> {
    fn from(items: Vec<T>) -> Self {
        Self { items, skipped: Vec::new() }
    }
}

impl<T, const N: usize> From<[T; N]> for LenientList<T> {
    fn from(items: [T; N]) -> Self {
        Self::from(Vec::from(items))
    }
}

impl<T> From<LenientList<T>> for Vec<T> {
    fn from(list: LenientList<T>) -> Self {
        list.items
    }
}

impl<T> FromIterator<T> for LenientList<T> {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        Self::from(Vec::from_iter(items))
    }
}

impl<T> IntoIterator for LenientList<T> {
    type Item = T;
    type IntoIter = std::vec::IntoIter<T>;

    fn into_iter(self) -> Self::IntoIter {
        self.items.into_iter()
    }
}

impl<'a, T> IntoIterator for &'a LenientList<T> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.items.iter()
    }
}

impl<T: Serialize> Serialize for LenientList<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.items.serialize(serializer)
    }
}

impl<'de, T: de::DeserializeOwned> Deserialize<'de> for LenientList<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // A deserializer cannot go back, so the raw text is stored: it is decoded as a whole first, and
        // element by element if that fails.
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        if let Ok(items) = serde_json::from_str::<Vec<T>>(raw.get()) {
            return Ok(Self::from(items));
        }
        let elements: Vec<&RawValue> =
            serde_json::from_str(raw.get()).map_err(de::Error::custom)?;
        let mut list = Self::default();
        for (index, element) in elements.into_iter().enumerate() {
            match undecorated(element.get()) {
                Ok(item) => list.items.push(item),
                Err(error) => list.skipped.push(Skipped {
                    index,
                    raw: RawJson::trusted(element.get().to_owned()),
                    reason: error.to_string(),
                }),
            }
        }
        Ok(list)
    }
}

/// The members of an element that only decorate it.
const DECORATIONS: [&str; 5] = ["annotations", "icons", "title", "execution", "_meta"];

/// Decodes an element, without decorations of another shape.
fn undecorated<T: de::DeserializeOwned>(element: &str) -> Result<T, serde_json::Error> {
    serde_json::from_str(element).or_else(|error| {
        let Ok(fields) = serde_json::from_str::<Map<String, Value>>(element) else {
            return Err(error);
        };
        let without = |names: &[&str]| {
            let mut fields = fields.clone();
            let removed = names.iter().filter(|name| fields.remove(**name).is_some()).count();
            (removed > 0).then(|| from_value(&fields).ok()).flatten()
        };
        let one = DECORATIONS.iter().find_map(|name| without(&[name]));
        one.or_else(|| without(&DECORATIONS)).ok_or(error)
    })
}

//! The way back from the arguments of a model to those of the tool.

use std::collections::HashMap;

use mcp_core::{Entries, RawJson};

/// What has to be undone in a value. The default undoes nothing.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Back {
    /// By the names that the model knows; those with nothing to undo are left out.
    pub(crate) properties: HashMap<String, Property>,
    /// Of every element of an array.
    pub(crate) items: Option<Box<Back>>,
}

/// What has to be undone in a property.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Property {
    /// The name that the tool knows, where it is another.
    pub(crate) name: Option<String>,
    /// Whether `null` stands for an absent property.
    pub(crate) drops_null: bool,
    pub(crate) value: Back,
}

impl Back {
    pub(crate) fn is_empty(&self) -> bool {
        self.properties.is_empty() && self.items.is_none()
    }

    /// Adds what has to be undone in a property, if there is something.
    pub(crate) fn insert(&mut self, name: &str, property: Property) {
        if property != Property::default() {
            self.properties.insert(name.to_owned(), property);
        }
    }

    /// Undoes it all. What needs no change keeps its bytes, such as numbers of any size.
    pub(crate) fn apply(&self, value: &RawJson) -> Result<RawJson, serde_json::Error> {
        match value.as_bytes().first() {
            Some(b'{') if !self.properties.is_empty() => {
                let mut restored = Entries::new();
                for (name, value) in value.decode::<Entries<RawJson>>()? {
                    let Some(property) = self.properties.get(&name) else {
                        restored.insert(name, value);
                        continue;
                    };
                    if property.drops_null && value.is_null() {
                        continue;
                    }
                    let name = property.name.clone().unwrap_or(name);
                    restored.insert(name, property.value.apply(&value)?);
                }
                RawJson::from_serialize(&restored)
            }
            Some(b'[') => {
                let Some(items) = &self.items else { return Ok(value.clone()) };
                let restored: Result<Vec<RawJson>, _> =
                    value.decode::<Vec<RawJson>>()?.iter().map(|it| items.apply(it)).collect();
                RawJson::from_serialize(&restored?)
            }
            _ => Ok(value.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn restored(back: &Back, text: &str) -> String {
        let value = RawJson::from_text(text.to_owned()).unwrap();
        String::from_utf8(back.apply(&value).unwrap().as_bytes().to_vec()).unwrap()
    }

    #[test]
    fn names_and_absent_properties_are_restored_and_all_else_keeps_its_bytes() {
        let mut inner = Back::default();
        inner.insert("x", Property { drops_null: true, ..Property::default() });
        let list = Back { items: Some(Box::new(inner.clone())), ..Back::default() };
        let mut back = Back::default();
        back.insert("id_1", Property { name: Some("$id".to_owned()), ..Property::default() });
        back.insert("list", Property { value: list, ..Property::default() });
        back.insert("same", Property::default());
        assert_eq!(back.properties.len(), 2);
        assert_eq!(
            restored(
                &back,
                r#"{"id_1": 123456789012345678901234567890, "n": null, "list": [{"x": null, "y": null}, {"x": 1.0}, "x"]}"#
            ),
            r#"{"$id":123456789012345678901234567890,"n":null,"list":[{"y":null},{"x":1.0},"x"]}"#
        );
        assert_eq!(restored(&Back::default(), r#"{"a" : 1e400}"#), r#"{"a" : 1e400}"#);
    }
}

//! The conversion of the model's arguments into those of the tool.

use std::collections::HashMap;

use mcp_core::{Entries, RawJson};

/// The conversion of one value. The default leaves it unchanged.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Restore {
    /// Properties that are converted, by their names in the declaration.
    pub(crate) properties: HashMap<String, Property>,
    /// The conversion of every element of an array.
    pub(crate) items: Option<Box<Restore>>,
}

/// The conversion of one property.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Property {
    /// The original name, for a property that was renamed.
    pub(crate) name: Option<String>,
    /// Whether `null` stands for an absent property.
    pub(crate) drops_null: bool,
    pub(crate) value: Restore,
}

impl Restore {
    pub(crate) fn is_empty(&self) -> bool {
        self.properties.is_empty() && self.items.is_none()
    }

    /// Adds the conversion of a property, unless it leaves the property unchanged.
    pub(crate) fn insert(&mut self, name: &str, property: Property) {
        if property != Property::default() {
            self.properties.insert(name.to_owned(), property);
        }
    }

    /// Converts a value. Unchanged parts keep their bytes, such as numbers of any size.
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

    fn restored(restore: &Restore, text: &str) -> String {
        let value = RawJson::from_text(text.to_owned()).unwrap();
        String::from_utf8(restore.apply(&value).unwrap().as_bytes().to_vec()).unwrap()
    }

    #[test]
    fn names_and_absent_properties_are_restored_and_other_parts_keep_their_bytes() {
        let mut inner = Restore::default();
        inner.insert("x", Property { drops_null: true, ..Property::default() });
        let list = Restore { items: Some(Box::new(inner.clone())), ..Restore::default() };
        let mut restore = Restore::default();
        restore.insert("id_1", Property { name: Some("$id".to_owned()), ..Property::default() });
        restore.insert("list", Property { value: list, ..Property::default() });
        restore.insert("same", Property::default());
        assert_eq!(restore.properties.len(), 2);
        assert_eq!(
            restored(
                &restore,
                r#"{"id_1": 123456789012345678901234567890, "n": null, "list": [{"x": null, "y": null}, {"x": 1.0}, "x"]}"#
            ),
            r#"{"$id":123456789012345678901234567890,"n":null,"list":[{"y":null},{"x":1.0},"x"]}"#
        );
        assert_eq!(restored(&Restore::default(), r#"{"a" : 1e400}"#), r#"{"a" : 1e400}"#);
    }
}

use serde_json::{Map, Value};

/// The approximate memory size of an object, in bytes.
pub fn memory_size(members: &Map<String, Value>) -> usize {
    members.iter().map(|(name, value)| 2 * size_of::<String>() + name.len() + of(value)).sum()
}

/// The approximate memory size of a value, in bytes.
pub(crate) fn of(value: &Value) -> usize {
    const EACH: usize = size_of::<Value>();
    match value {
        Value::String(text) => EACH + text.len(),
        Value::Array(items) => EACH + items.iter().map(of).sum::<usize>(),
        Value::Object(members) => EACH + memory_size(members),
        Value::Null | Value::Bool(_) | Value::Number(_) => EACH,
    }
}

//! Detection of text that repeats the structured content, as the protocol recommends.

use serde_json::Value;

/// Whether the texts are the JSON of the data: of the whole, or one text for each element of a list. Some
/// servers wrap the data as `{"result": …}`.
///
/// Spec: server/tools#structured-content
pub(crate) fn repeats(texts: &[&str], data: &Value) -> bool {
    let inner = data.as_object().filter(|it| it.len() == 1).and_then(|it| it.get("result"));
    [Some(data), inner].into_iter().flatten().any(|data| match (texts, data) {
        ([text], data) if is(text, data) => true,
        (texts, Value::Array(parts)) => {
            texts.len() == parts.len() && texts.iter().zip(parts).all(|(text, part)| is(text, part))
        }
        _ => false,
    })
}

fn is(text: &str, data: &Value) -> bool {
    data.as_str() == Some(text) || serde_json::from_str::<Value>(text).is_ok_and(|it| it == *data)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn texts_that_repeat_the_data_are_detected() {
        for (texts, data) in [
            (vec![r#"{ "a": [1, 2] }"#], json!({"a": [1, 2]})),
            (vec!["42"], json!({"result": 42})),
            (vec!["Dune"], json!({"result": "Dune"})),
            (vec!["a", r#"{"b": 1}"#], json!({"result": ["a", {"b": 1}]})),
            (vec!["1", "2"], json!([1, 2])),
            (vec![], json!({"result": []})),
        ] {
            assert!(repeats(&texts, &data), "{texts:?}");
        }
        for (texts, data) in [
            (vec!["found two"], json!({"a": [1, 2]})),
            (vec![], json!({"a": 1})),
            (vec!["1", "2", "3"], json!([1, 2])),
            (vec!["42"], json!({"result": 42, "unit": "km"})),
        ] {
            assert!(!repeats(&texts, &data), "{texts:?}");
        }
    }
}

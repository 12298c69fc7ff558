//! Whether the text of a result says the same as its structured content, as the protocol recommends.

use serde_json::Value;

/// Whether these texts are the data as JSON: the whole of it, or one text for each element of a list, which
/// some servers wrap as `{"result": …}`.
///
/// Spec: server/tools#structured-content
pub(crate) fn says_the_same(texts: &[&str], data: &Value) -> bool {
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
    fn texts_that_are_the_data_are_told_from_those_that_are_not() {
        for (texts, data) in [
            (vec![r#"{ "a": [1, 2] }"#], json!({"a": [1, 2]})),
            (vec!["42"], json!({"result": 42})),
            (vec!["Dune"], json!({"result": "Dune"})),
            (vec!["a", r#"{"b": 1}"#], json!({"result": ["a", {"b": 1}]})),
            (vec!["1", "2"], json!([1, 2])),
            (vec![], json!({"result": []})),
        ] {
            assert!(says_the_same(&texts, &data), "{texts:?}");
        }
        for (texts, data) in [
            (vec!["found two"], json!({"a": [1, 2]})),
            (vec![], json!({"a": 1})),
            (vec!["1", "2", "3"], json!([1, 2])),
            (vec!["42"], json!({"result": 42, "unit": "km"})),
        ] {
            assert!(!says_the_same(&texts, &data), "{texts:?}");
        }
    }
}

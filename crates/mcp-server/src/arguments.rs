//! The arguments of handlers: schema and decoding.

use mcp_core::PromptArgument;
use schemars::{JsonSchema, generate::SchemaSettings};
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::{Map, Value};

/// The schema of the arguments of a handler.
pub(crate) struct Arguments {
    /// A JSON Schema with `"type": "object"` at the root.
    pub(crate) schema: Map<String, Value>,
    /// Whether `A` is `()`, so that arguments are ignored.
    none: bool,
}

impl Arguments {
    pub(crate) fn of<A: JsonSchema>() -> Self {
        let mut schema = schema::<A>(SchemaSettings::draft2020_12().for_deserialize());
        let none = schema.get("type").is_some_and(|kind| kind == "null");
        if schema.get("type").is_none_or(|kind| kind != "object") {
            // First, as is usual.
            schema.shift_insert(0, "type".to_owned(), "object".into());
        }
        Self { schema, none }
    }

    /// A function that decodes the text of an object, and so validates it; its error names the path of the member.
    pub(crate) fn decoder<A: DeserializeOwned>(
        &self,
    ) -> impl Fn(&str) -> Result<A, String> + use<A> {
        let none = self.none;
        move |text| {
            let text = match none {
                false => text,
                true => {
                    let _: IgnoredAny = serde_json::from_str(text).map_err(|it| it.to_string())?;
                    "null"
                }
            };
            serde_json::from_str(text).map_err(|error| explain::<A>(text, &error))
        }
    }

    /// The arguments in the form that prompts list.
    pub(crate) fn for_prompt(&self) -> Vec<PromptArgument> {
        let required = self.schema.get("required").and_then(Value::as_array);
        let is_required =
            |name: &str| required.is_some_and(|names| names.iter().any(|it| it == name));
        let properties = self.schema.get("properties").and_then(Value::as_object);
        let properties = properties.into_iter().flatten();
        properties
            .map(|(name, schema)| {
                let mut argument = PromptArgument::new(name).with_required(is_required(name));
                argument.title = text(schema, "title");
                argument.description = text(schema, "description");
                argument
            })
            .collect()
    }
}

/// The schema of the data that a tool returns, unless it allows anything.
pub(crate) fn output_schema<T: JsonSchema>() -> Option<Map<String, Value>> {
    let schema = schema::<T>(SchemaSettings::draft2020_12().for_serialize());
    (!schema.is_empty()).then_some(schema)
}

/// The schema of a type without the dialect, which is the default one, and without the type's name in
/// Rust.
fn schema<T: JsonSchema>(settings: SchemaSettings) -> Map<String, Value> {
    let settings = settings.with(|settings| settings.meta_schema = None);
    let mut schema = settings.into_generator().into_root_schema_for::<T>();
    let mut schema = schema.as_object_mut().map(std::mem::take).unwrap_or_default();
    schema.shift_remove("title");
    schema
}

fn text(schema: &Value, member: &str) -> Option<String> {
    Some(schema.get(member)?.as_str()?.to_owned())
}

/// Decodes again to find the path of the invalid member.
fn explain<A: DeserializeOwned>(text: &str, error: &serde_json::Error) -> String {
    let mut json = serde_json::Deserializer::from_str(text);
    match serde_path_to_error::deserialize::<_, A>(&mut json) {
        Err(error) => error.to_string(),
        Ok(_) => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    /// What to look for.
    #[derive(Debug, Deserialize, JsonSchema)]
    #[expect(dead_code, reason = "only decoded")]
    struct Search {
        /// Words of the title.
        query: String,
        limit: Option<u32>,
        #[serde(default)]
        shelves: Vec<Shelf>,
    }

    #[derive(Debug, Deserialize, JsonSchema)]
    #[expect(dead_code, reason = "only decoded")]
    struct Shelf {
        row: u8,
    }

    #[test]
    fn a_struct_is_an_object_schema_without_dialect_and_title() {
        let schema = Arguments::of::<Search>().schema;
        assert_eq!(schema["type"], "object");
        assert_eq!(schema["required"], json!(["query"]));
        assert_eq!(schema["properties"]["query"]["description"], "Words of the title.");
        assert_eq!(schema["description"], "What to look for.");
        assert!(!schema.contains_key("$schema") && !schema.contains_key("title"));
    }

    #[test]
    fn no_arguments_and_any_arguments_are_objects_too() {
        let none = Arguments::of::<()>();
        assert_eq!(Value::from(none.schema.clone()), json!({"type": "object"}));
        assert_eq!(none.decoder::<()>()(r#"{"more": 1}"#), Ok(()));
        let any = Arguments::of::<Value>();
        assert_eq!(Value::from(any.schema.clone()), json!({"type": "object"}));
        assert_eq!(any.decoder::<Value>()(r#"{"a": 1}"#), Ok(json!({"a": 1})));
    }

    #[test]
    fn invalid_arguments_are_named_by_their_path() {
        let decode = Arguments::of::<Search>().decoder::<Search>();
        let error = |text: &str| decode(text).unwrap_err();
        assert!(error("{}").contains("`query`"), "{}", error("{}"));
        let wrong = error(r#"{"query": "x", "limit": "ten"}"#);
        assert!(wrong.starts_with("limit: "), "{wrong}");
        let deep = error(r#"{"query": "x", "shelves": [{"row": 1}, {"row": 300}]}"#);
        assert!(deep.starts_with("shelves[1].row: "), "{deep}");
        assert_eq!(decode(r#"{"query": "x"}"#).unwrap().limit, None);
    }

    #[test]
    fn prompts_list_the_members() {
        let arguments = Arguments::of::<Search>().for_prompt();
        let seen: Vec<_> = arguments.iter().map(|it| (&*it.name, it.required)).collect();
        assert_eq!(seen, [("query", Some(true)), ("limit", Some(false)), ("shelves", Some(false))]);
        assert_eq!(arguments[0].description.as_deref(), Some("Words of the title."));
    }
}

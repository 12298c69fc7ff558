use mcp_core::{RawJson, Tool};
use serde_json::{Map, Value, json};

use crate::{
    api::Api,
    change::Change,
    error::{AgentError, AgentErrorKind},
    schema::{Adapted, adapt},
};

/// The declaration of a tool as a function for a model.
///
/// A [`Toolset`](crate::Toolset) declares all tools of its sessions, with unique names.
///
/// ```
/// use mcp_agent::{Api, Declaration};
/// use mcp_core::Tool;
/// use serde_json::json;
///
/// let schema = json!({
///     "type": "object",
///     "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
///     "required": ["city"],
/// });
/// let tool = Tool::new("forecast", schema.as_object().cloned().unwrap_or_default());
/// let declaration = Declaration::new(Api::OpenAiChat, "forecast", &tool);
/// assert!(declaration.is_strict());
/// assert_eq!(
///     declaration.json()["function"]["parameters"]["properties"]["days"]["type"],
///     json!(["integer", "null"])
/// );
/// // The model writes every property; the tool receives those with a value.
/// let arguments = declaration.arguments(r#"{"city": "Lisbon", "days": null}"#)?;
/// assert_eq!(arguments.as_bytes(), br#"{"city":"Lisbon"}"#);
/// # Ok::<(), mcp_agent::AgentError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Declaration {
    name: String,
    description: Option<String>,
    json: Value,
    adapted: Adapted,
}

impl Declaration {
    /// Declares a tool under a name of up to 64 of `A-Z a-z 0-9 _ -` that begins with a letter or an
    /// underscore. The function is strict where the API has strict functions and the schema allows it.
    pub fn new(api: Api, name: impl Into<String>, tool: &Tool) -> Self {
        Self::with_strict(api, name, tool, true)
    }

    /// The same, strict only with `may_be_strict`.
    pub(crate) fn with_strict(
        api: Api,
        name: impl Into<String>,
        tool: &Tool,
        may_be_strict: bool,
    ) -> Self {
        let name = name.into();
        let adapted = adapt(api, &tool.input_schema, may_be_strict);
        let description = description(tool).map(str::to_owned);
        let json = write(api, &name, description.as_deref(), &adapted);
        Self { name, description, json, adapted }
    }

    /// The name of the function.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The description of the function.
    pub fn description(&self) -> Option<&str> {
        self.description.as_deref()
    }

    /// The schema of the arguments.
    pub fn schema(&self) -> &Map<String, Value> {
        &self.adapted.schema
    }

    /// The declaration in the shape of the API. [`Api::tools`] combines declarations for a request.
    pub fn json(&self) -> &Value {
        &self.json
    }

    /// Whether the API enforces the schema.
    pub fn is_strict(&self) -> bool {
        self.adapted.is_strict
    }

    /// The differences between the schema of the tool and the declared one.
    pub fn changes(&self) -> &[Change] {
        &self.adapted.changes
    }

    /// Converts the arguments that the model wrote, as JSON text, into those of the tool. An empty text
    /// means no arguments.
    ///
    /// Unchanged parts keep their notation, such as numbers of any size.
    ///
    /// # Errors
    /// Kind [`Arguments`](AgentErrorKind::Arguments) when the text is not a JSON object.
    pub fn arguments(&self, text: &str) -> Result<RawJson, AgentError> {
        let failed =
            |why: String| AgentError::new(AgentErrorKind::Arguments, why).about(&self.name);
        let text = match text.trim() {
            "" | "null" => "{}",
            text => text,
        };
        let value = RawJson::from_text(text.to_owned());
        let value =
            value.map_err(|error| failed(format!("the arguments are not JSON: {error}")))?;
        if !value.as_bytes().starts_with(b"{") {
            return Err(failed("the arguments are not a JSON object".to_owned()));
        }
        let restored = self.adapted.restore.apply(&value);
        restored.map_err(|error| failed(format!("the arguments cannot be read: {error}")))
    }
}

impl Api {
    /// The value of the member `tools` of a request.
    pub fn tools<'a>(self, declarations: impl IntoIterator<Item = &'a Declaration>) -> Value {
        let all: Vec<&Value> = declarations.into_iter().map(Declaration::json).collect();
        match self {
            Self::Gemini if !all.is_empty() => json!([{ "functionDeclarations": all }]),
            _ => json!(all),
        }
    }
}

/// The description for the model, or else the title.
fn description(tool: &Tool) -> Option<&str> {
    let title = || Some(tool.display_name()).filter(|title| *title != tool.name);
    tool.description.as_deref().filter(|text| !text.trim().is_empty()).or_else(title)
}

fn write(api: Api, name: &str, description: Option<&str>, adapted: &Adapted) -> Value {
    let mut function = Map::new();
    let mut set = |key: &str, value: Value| drop(function.insert(key.to_owned(), value));
    if api == Api::OpenAiResponses {
        set("type", "function".into());
    }
    set("name", name.into());
    if let Some(description) = description {
        set("description", description.into());
    }
    let schema = || Value::Object(adapted.schema.clone());
    match api {
        Api::OpenAiChat | Api::OpenAiResponses => {
            set("parameters", schema());
            // Responses defaults to strict. Some services with the API of Chat Completions do not accept
            // the member.
            if adapted.is_strict || api == Api::OpenAiResponses {
                set("strict", adapted.is_strict.into());
            }
        }
        Api::Anthropic => set("input_schema", schema()),
        Api::Gemini if has_properties(&adapted.schema) => set("parametersJsonSchema", schema()),
        // A function without parameters omits the member.
        Api::Gemini => {}
    }
    match api {
        Api::OpenAiChat => json!({ "type": "function", "function": function }),
        _ => function.into(),
    }
}

fn has_properties(schema: &Map<String, Value>) -> bool {
    let is_open = schema.get("additionalProperties").is_some_and(|it| *it != Value::Bool(false));
    is_open || schema.get("properties").and_then(Value::as_object).is_some_and(|it| !it.is_empty())
}

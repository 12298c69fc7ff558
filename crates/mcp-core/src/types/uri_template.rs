use std::fmt;

use iri_string::{
    spec::UriSpec,
    template::{
        UriTemplateStr,
        context::{AssocVisitor as _, Context, ListVisitor as _, Visitor},
    },
};
use serde::Serialize;
use serde_json::{Map, Value};

use super::ResourceTemplate;

/// Error of expanding a [`ResourceTemplate`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpandError(String);

impl ResourceTemplate {
    /// Expands the template with these variables: any value that serializes as an object of strings, numbers, booleans,
    /// lists and objects. A missing or null variable is left out.
    ///
    /// ```
    /// use mcp_core::ResourceTemplate;
    /// use serde_json::json;
    ///
    /// # fn main() -> Result<(), mcp_core::ExpandError> {
    /// let template = ResourceTemplate::new("file:///{+path}{?tags*}", "files");
    /// let uri = template.expand(json!({ "path": "a/b c", "tags": ["x", "y"] }))?;
    /// assert_eq!(uri, "file:///a/b%20c?tags=x&tags=y");
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// The template is not valid in the syntax of RFC 6570, or the variables have other types.
    ///
    /// Spec: [Resource
    /// templates](https://modelcontextprotocol.io/specification/2026-07-28/server/resources#resource-templates)
    pub fn expand(&self, variables: impl Serialize) -> Result<String, ExpandError> {
        let template = UriTemplateStr::new(&self.uri_template);
        let template =
            template.map_err(|error| ExpandError(format!("the template is not valid: {error}")))?;
        let variables = serde_json::to_value(variables);
        let variables =
            variables.map_err(|error| ExpandError(format!("the variables: {error}")))?;
        let Value::Object(variables) = variables else {
            return Err(ExpandError("the variables are not an object".to_owned()));
        };
        let read = |(name, value): (String, Value)| {
            Variable::read(&name, value).map(|value| (name, value))
        };
        let variables = Variables(variables.into_iter().map(read).collect::<Result<_, _>>()?);
        let expanded = template.expand::<UriSpec, _>(&variables);
        let expanded = expanded.map_err(|error| {
            ExpandError(format!("the variables do not match the template: {error}"))
        })?;
        Ok(expanded.to_string())
    }
}

struct Variables(Vec<(String, Variable)>);

enum Variable {
    Missing,
    Text(String),
    List(Vec<String>),
    Pairs(Vec<(String, String)>),
}

impl Variable {
    fn read(name: &str, value: Value) -> Result<Self, ExpandError> {
        let nested = || ExpandError(format!("the variable {name:?} is nested too deeply"));
        let text = |value| text(value).ok_or_else(nested);
        Ok(match value {
            Value::Null => Self::Missing,
            Value::Array(items) => Self::List(
                items.into_iter().filter(|it| !it.is_null()).map(text).collect::<Result<_, _>>()?,
            ),
            Value::Object(members) => Self::Pairs(pairs(members).ok_or_else(nested)?),
            value => Self::Text(text(value)?),
        })
    }
}

fn pairs(members: Map<String, Value>) -> Option<Vec<(String, String)>> {
    let members = members.into_iter().filter(|(_, value)| !value.is_null());
    members.map(|(key, value)| Some((key, text(value)?))).collect()
}

/// `None` for lists and objects.
fn text(value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(is_true) => Some(is_true.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

impl Context for Variables {
    fn visit<V: Visitor>(&self, visitor: V) -> V::Result {
        let name = visitor.var_name().as_str();
        let found = self.0.iter().find(|(known, _)| known == name);
        match found.map(|(_, value)| value) {
            None | Some(Variable::Missing) => visitor.visit_undefined(),
            Some(Variable::Text(text)) => visitor.visit_string(text),
            Some(Variable::List(items)) => visitor.visit_list().visit_items_and_finish(items),
            Some(Variable::Pairs(pairs)) => {
                let pairs = pairs.iter().map(|(key, value)| (key, value));
                visitor.visit_assoc().visit_entries_and_finish(pairs)
            }
        }
    }
}

impl fmt::Display for ExpandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ExpandError {}

impl crate::PublicError for ExpandError {}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn expand(template: &str, variables: &Value) -> Result<String, ExpandError> {
        ResourceTemplate::new(template, "t").expand(variables)
    }

    #[test]
    fn examples_of_rfc_6570_are_expanded() {
        let variables = json!({
            "var": "value", "hello": "Hello World!", "path": "/foo/bar", "x": 1024, "empty": "",
            "list": ["red", "green", "blue"], "undef": null, "yes": true,
            "keys": { "comma": ",", "dot": ".", "semi": ";" },
        });
        for (template, expected) in [
            ("{var}", "value"),
            ("{hello}", "Hello%20World%21"),
            ("{+hello}", "Hello%20World!"),
            ("{+path}/here", "/foo/bar/here"),
            ("here?ref={+path}", "here?ref=/foo/bar"),
            ("X{#hello}", "X#Hello%20World!"),
            ("map?{x,empty}", "map?1024,"),
            ("{.x,yes}", ".1024.true"),
            ("{/var,x}/here", "/value/1024/here"),
            ("{;x,empty}", ";x=1024;empty"),
            ("{?x,undef,missing}", "?x=1024"),
            ("?fixed=yes{&x}", "?fixed=yes&x=1024"),
            ("{var:3}", "val"),
            ("{list}", "red,green,blue"),
            ("{/list*}", "/red/green/blue"),
            ("{?keys*}", "?comma=%2C&dot=.&semi=%3B"),
            ("file:///{undef}", "file:///"),
        ] {
            assert_eq!(expand(template, &variables).as_deref(), Ok(expected), "{template}");
        }
    }

    #[test]
    fn expansion_errors_name_the_cause() {
        for (template, variables, expected) in [
            ("file:///{path", json!({}), "the template is not valid"),
            ("{=x}", json!({}), "the template is not valid"),
            ("{x}", json!(["x"]), "the variables are not an object"),
            ("{x}", json!({ "x": [["y"]] }), "\"x\" is nested too deeply"),
            ("{x:1}", json!({ "x": ["y"] }), "do not match the template"),
        ] {
            let failure = expand(template, &variables).map_err(|error| error.to_string());
            assert!(failure.as_ref().is_err_and(|text| text.contains(expected)), "{failure:?}");
        }
    }
}

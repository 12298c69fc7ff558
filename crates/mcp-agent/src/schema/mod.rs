//! The schema of a tool in the form that an API accepts.

mod back;
mod expand;
mod keywords;
mod loose;
mod merge;
mod notes;
mod rename;
mod root;
mod strict;
#[cfg(test)]
mod tests;

use serde_json::{Map, Value};

use crate::{
    api::Api,
    change::{Change, ChangeKind},
    names::Alphabet,
};
pub(crate) use back::Back;
use loose::Refusals;

/// A schema as an API accepts it.
#[derive(Debug, Clone)]
pub(crate) struct Adapted {
    pub(crate) schema: Map<String, Value>,
    pub(crate) is_strict: bool,
    pub(crate) back: Back,
    pub(crate) changes: Vec<Change>,
}

/// Every keyword is accepted.
const ANY: Refusals = Refusals { keywords: None, formats: &[] };

/// Of `parametersJsonSchema`, as documented for the same subset at `responseJsonSchema`.
const GEMINI: Refusals = Refusals {
    keywords: Some(&[
        "type",
        "title",
        "description",
        "format",
        "enum",
        "items",
        "prefixItems",
        "minItems",
        "maxItems",
        "minimum",
        "maximum",
        "anyOf",
        "oneOf",
        "properties",
        "additionalProperties",
        "required",
        "propertyOrdering",
    ]),
    formats: &["date-time", "date", "time"],
};

/// The names of arguments that the API accepts, as its error says it.
const ANTHROPIC_NAMES: Alphabet = Alphabet { others: "_.-", starts_with_letter: false };

/// The names of parameters, as documented.
const GEMINI_NAMES: Alphabet = Alphabet { others: "_", starts_with_letter: true };

/// Adapts the schema of a tool's arguments.
pub(crate) fn adapt(api: Api, schema: &Map<String, Value>, may_be_strict: bool) -> Adapted {
    let mut changes = Vec::new();
    let expanded = expand::expand(schema, &mut changes);
    let flat = root::flatten(expanded, &mut changes);
    let is_open_ai = matches!(api, Api::OpenAiChat | Api::OpenAiResponses);
    if is_open_ai && may_be_strict {
        let form = match changes.first() {
            None => strict::strict(&flat, &mut changes),
            // The model would be held to a schema that is not the tool's.
            Some(change) => Err(change.to_string()),
        };
        match form {
            Ok((schema, back)) => return Adapted { schema, is_strict: true, back, changes },
            Err(why) => changes.push(Change::new("", ChangeKind::NotStrict, why)),
        }
    }
    let refusals = if api == Api::Gemini { GEMINI } else { ANY };
    let mut schema = loose::loose(&flat, refusals, &mut changes);
    let back = match api {
        Api::OpenAiChat | Api::OpenAiResponses => Back::default(),
        Api::Anthropic => rename::rename(&mut schema, ANTHROPIC_NAMES, &mut changes),
        Api::Gemini => rename::rename(&mut schema, GEMINI_NAMES, &mut changes),
    };
    Adapted { schema, is_strict: false, back, changes }
}

//! Schemas of tools in the forms that the APIs accept.

mod expand;
mod keywords;
mod kind;
mod loose;
mod merge;
mod notes;
mod nullable;
mod reference;
mod rename;
mod restore;
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
use loose::Dialect;
pub(crate) use restore::Restore;

/// A schema in the form that an API accepts.
#[derive(Debug, Clone)]
pub(crate) struct Adapted {
    pub(crate) schema: Map<String, Value>,
    pub(crate) is_strict: bool,
    pub(crate) restore: Restore,
    pub(crate) changes: Vec<Change>,
}

/// OpenAI and Anthropic accept every keyword.
const ANY: Dialect = Dialect { keywords: None, formats: &[] };

/// The subset for `parametersJsonSchema`, documented at `responseJsonSchema`.
const GEMINI: Dialect = Dialect {
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

/// Accepted names of arguments, as the error of the API states.
const ANTHROPIC_NAMES: Alphabet = Alphabet { others: "_.-", starts_with_letter: false };

/// Accepted names of parameters, as documented.
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
            // Strict would enforce a schema that differs from the tool's.
            Some(change) => Err(change.to_string()),
        };
        match form {
            Ok((schema, restore)) => return Adapted { schema, is_strict: true, restore, changes },
            Err(why) => changes.push(Change::new("", ChangeKind::NotStrict, why)),
        }
    }
    let dialect = if api == Api::Gemini { GEMINI } else { ANY };
    let mut schema = loose::loose(&flat, dialect, &mut changes);
    let restore = match api {
        Api::OpenAiChat | Api::OpenAiResponses => Restore::default(),
        Api::Anthropic => rename::rename(&mut schema, ANTHROPIC_NAMES, &mut changes),
        Api::Gemini => rename::rename(&mut schema, GEMINI_NAMES, &mut changes),
    };
    Adapted { schema, is_strict: false, restore, changes }
}

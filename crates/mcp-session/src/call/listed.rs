//! Listed names, for the "did you mean" of errors.

use std::{
    any::Any,
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use mcp_core::{
    ListPromptsResult, ListResourcesResult, ListToolsResult, error_code, method, nearest,
};

use crate::Error;

/// Maximum number of names stored for each method, and maximum length of a name in bytes.
const MAX_NAMES: usize = 1000;
const MAX_NAME: usize = 128;

/// The listed names for each method.
#[derive(Debug, Default)]
pub(crate) struct ListedNames(Mutex<HashMap<&'static str, Vec<String>>>);

impl ListedNames {
    /// Stores the names of a list. Compiles to nothing for results of other types.
    #[inline]
    pub(super) fn learn<R: 'static>(&self, result: &R) {
        let result: &dyn Any = result;
        if let Some(list) = result.downcast_ref::<ListToolsResult>() {
            self.add(method::TOOLS_CALL, list.tools.iter().map(|it| &*it.name));
        } else if let Some(list) = result.downcast_ref::<ListPromptsResult>() {
            self.add(method::PROMPTS_GET, list.prompts.iter().map(|it| &*it.name));
        } else if let Some(list) = result.downcast_ref::<ListResourcesResult>() {
            self.add(method::RESOURCES_READ, list.resources.iter().map(|it| &*it.uri));
        }
    }

    fn add<'a>(&self, method: &'static str, names: impl Iterator<Item = &'a str>) {
        let mut all = self.lock();
        let known = all.entry(method).or_default();
        for name in names.filter(|name| name.len() <= MAX_NAME) {
            if known.len() >= MAX_NAMES {
                return;
            }
            if let Err(at) = known.binary_search_by(|it| (**it).cmp(name)) {
                known.insert(at, name.to_owned());
            }
        }
    }

    /// A suggestion for a name that was not listed: the most similar listed name.
    pub(crate) fn suggestion(&self, method: &str, name: &str) -> Option<String> {
        let all = self.lock();
        let known = all.get(method)?;
        if known.iter().any(|it| it == name) {
            return None;
        }
        let near = nearest(name, known.iter().map(String::as_str))?;
        Some(format!("did you mean {near:?}?"))
    }

    /// The same for an error, if it may mean that the name is unknown.
    pub(super) fn suggestion_for(&self, error: &Error, name: &str) -> Option<String> {
        let answer = error.answer()?;
        let may_be_unknown = matches!(
            answer.code,
            error_code::INVALID_PARAMS
                | error_code::METHOD_NOT_FOUND
                | error_code::RESOURCE_NOT_FOUND
        );
        // A group suggests names itself.
        let is_suggested = answer.message.contains("did you mean");
        (may_be_unknown && !is_suggested).then(|| self.suggestion(error.method()?, name))?
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<&'static str, Vec<String>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use mcp_core::ErrorObject;

    use super::*;

    fn names(count: usize) -> ListedNames {
        let listed = ListedNames::default();
        let names: Vec<String> = (0..count).map(|it| format!("tool_{it:04}")).collect();
        listed.add(method::TOOLS_CALL, names.iter().map(String::as_str));
        listed
    }

    #[test]
    fn only_unlisted_names_get_a_suggestion() {
        let listed = names(10);
        let of = |method, name| listed.suggestion(method, name);
        assert_eq!(
            of(method::TOOLS_CALL, "tool0003").as_deref(),
            Some("did you mean \"tool_0003\"?")
        );
        assert_eq!(of(method::TOOLS_CALL, "tool_0003"), None);
        assert_eq!(of(method::TOOLS_CALL, "else"), None);
        assert_eq!(of(method::PROMPTS_GET, "tool0003"), None);
    }

    #[test]
    fn the_number_of_names_is_bounded() {
        assert_eq!(names(5000).lock()[method::TOOLS_CALL].len(), MAX_NAMES);
    }

    #[test]
    fn other_errors_get_no_suggestion() {
        let listed = names(10);
        let error = |code, text: &str| {
            Error::from_answer("shop", ErrorObject::new(code, text)).with_method(method::TOOLS_CALL)
        };
        let of = |error: Error| listed.suggestion_for(&error, "tool0003");
        assert!(of(error(error_code::INVALID_PARAMS, "unknown tool")).is_some());
        assert_eq!(of(error(error_code::INTERNAL_ERROR, "broken")), None);
        assert_eq!(of(error(error_code::INVALID_PARAMS, "unknown; did you mean \"x\"?")), None);
    }
}

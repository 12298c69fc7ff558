//! A compiled schema, and what it says of a result.

use std::{
    fmt::{self, Write as _},
    panic::{AssertUnwindSafe, catch_unwind},
};

use jsonschema::{PatternOptions, ValidationError, Validator};
use serde_json::Value;

use super::{
    steps::{Counted, Counting, Steps},
    weight::{Weight, weigh},
};

/// Errors that are told of one result.
const MOST_ERRORS: usize = 4;

/// The length of what is told of one error, in bytes.
const MOST_WORDS: usize = 240;

/// What is spent at most on telling what is wrong, since every error takes memory.
const EXPLAINING: u64 = 200_000;

/// How far the validator may go down: the depth of a value times that of the schemas at it. The stack of a
/// thread has to hold it.
const MOST_FRAMES: u64 = 1024;

/// The memory for a compiled pattern, in bytes.
const PATTERN_SIZE: usize = 256 << 10;

/// How often a pattern with look-around may go back in one text; one that does so more often does not fit.
const BACKTRACKS: usize = 100_000;

/// A schema that can be used.
#[derive(Debug)]
pub(crate) struct Judge {
    validator: Validator<Counting>,
    weight: Weight,
}

/// Why a result is not known to be good.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It does not fit.
    Misfit(String),
    /// It cannot be judged.
    Unjudged(String),
    /// It was not judged within so many steps.
    Unfinished(u64),
}

impl Judge {
    /// Compiles a schema, or tells why it cannot be used.
    pub(crate) fn new(schema: &Value) -> Result<Self, String> {
        let weight = weigh(schema)?;
        // Look-around is common in the schemas that libraries write, such as for addresses of mail. Only
        // what has any goes back and forth, and only so far.
        let patterns = PatternOptions::fancy_regex()
            .backtrack_limit(BACKTRACKS)
            .size_limit(PATTERN_SIZE)
            .dfa_size_limit(PATTERN_SIZE);
        let options = jsonschema::options_for::<Counting>()
            .offline()
            .should_validate_formats(false)
            .with_pattern_options(patterns);
        match catch_unwind(AssertUnwindSafe(|| options.build(schema))) {
            Ok(Ok(validator)) => Ok(Self { validator, weight }),
            Ok(Err(error)) => Err(told(&error)),
            Err(_) => Err("the validator cannot stand it".to_owned()),
        }
    }

    /// Judges a value.
    pub(crate) fn judge(&self, value: &Value, max_steps: u64) -> Result<(), Fault> {
        let unjudged = |why: String| Err(Fault::Unjudged(why));
        let frames = depth(value).saturating_mul(u64::from(self.weight.height));
        if frames > MOST_FRAMES {
            return unjudged("the result goes too deep for it".to_owned());
        }
        let steps = Steps::new(max_steps, self.weight.cost);
        let is_valid = || self.validator.is_valid(Counted::new(value, &steps));
        match catch_unwind(AssertUnwindSafe(is_valid)) {
            Err(_) => unjudged("the validator cannot stand the result".to_owned()),
            Ok(_) if steps.are_used_up() => Err(Fault::Unfinished(max_steps)),
            Ok(true) => Ok(()),
            Ok(false) => Err(Fault::Misfit(self.explained(value))),
        }
    }

    fn explained(&self, value: &Value) -> String {
        let steps = Steps::new(EXPLAINING, self.weight.cost);
        let errors = catch_unwind(AssertUnwindSafe(|| {
            let errors = self.validator.iter_errors(Counted::new(value, &steps));
            let mut told: Vec<_> =
                errors.map(|error| self::told(&error)).take(MOST_ERRORS + 1).collect();
            if told.len() > MOST_ERRORS {
                told[MOST_ERRORS] = "and more".to_owned();
            }
            told.join("; ")
        }));
        match errors {
            // Errors may have been made by the end of the steps.
            Ok(errors) if !steps.are_used_up() && !errors.is_empty() => errors,
            _ => "it does not fit, and is too big to tell where".to_owned(),
        }
    }
}

/// What is wrong and where, without the values of the result, which may be nobody's business.
fn told(error: &ValidationError<'_>) -> String {
    let mut out = Short(String::new());
    let path = error.instance_path();
    // It ends where it is long enough.
    let _ = match path.as_str().is_empty() {
        true => write!(out, "{}", error.masked()),
        false => write!(out, "at {}: {}", path.as_str(), error.masked()),
    };
    out.0
}

/// A text that takes so much and no more.
struct Short(String);

impl fmt::Write for Short {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for character in text.chars() {
            if self.0.len() >= MOST_WORDS {
                self.0.push('…');
                return Err(fmt::Error);
            }
            self.0.push(character);
        }
        Ok(())
    }
}

/// How deep a value goes; the decoder has bounded it.
fn depth(value: &Value) -> u64 {
    let inner = match value {
        Value::Array(items) => items.iter().map(depth).max(),
        Value::Object(members) => members.values().map(depth).max(),
        _ => None,
    };
    1 + inner.unwrap_or_default()
}

#[cfg(test)]
mod tests;

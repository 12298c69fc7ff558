//! A compiled schema.

use std::{
    error::Error as StdError,
    fmt::{self, Write as _},
    panic::{AssertUnwindSafe, catch_unwind},
};

use jsonschema::{PatternOptions, Validator};
use serde_json::Value;

use crate::{
    cost::{Cost, cost},
    counted::{Counted, Counting, Steps},
};

/// Violations that one error names.
const MAX_VIOLATIONS: usize = 4;

/// Bytes of the description of one violation.
const MAX_DESCRIPTION: usize = 240;

/// Steps that are spent on describing violations, since each of them takes memory.
const DESCRIPTION_STEPS: u64 = 200_000;

/// How deep the validator may recurse: the depth of a value times that of the schemas at it. The stack of a
/// thread has to hold it.
const MAX_FRAMES: u64 = 1024;

/// Bytes of memory for a compiled pattern.
const PATTERN_SIZE: usize = 256 << 10;

/// How often a pattern with look-around may backtrack in one text; one that needs more does not match.
const MAX_BACKTRACKS: usize = 100_000;

/// A schema that can be validated against.
///
/// Without `$schema`, it is of JSON Schema 2020-12; 2019-09, draft 7, 6 and 4 are supported too. `format` is
/// a note, and not validated.
pub struct Schema {
    validator: Validator<Counting>,
    cost: Cost,
}

/// Why a schema cannot be validated against.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnusableSchema(String);

/// Why a value is not known to be valid.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ValidationError {
    /// It is not valid, with the first violations. None of its values are repeated.
    Invalid(String),
    /// It cannot be validated, such as one that is nested too deeply.
    Unusable(String),
    /// It was not validated within this number of steps.
    OutOfSteps(u64),
}

impl Schema {
    /// Compiles a schema. This takes time: up to some milliseconds for each KiB.
    ///
    /// # Errors
    /// When it is no schema, refers to another document or to nothing, recurses without end, or can cost too
    /// much at a single value.
    pub fn compile(schema: &Value) -> Result<Self, UnusableSchema> {
        let cost = cost(schema).map_err(UnusableSchema)?;
        // Look-around is common in the schemas that libraries write, such as for e-mail addresses. Only what
        // has any backtracks, and only so far.
        let patterns = PatternOptions::fancy_regex()
            .backtrack_limit(MAX_BACKTRACKS)
            .size_limit(PATTERN_SIZE)
            .dfa_size_limit(PATTERN_SIZE);
        let options = jsonschema::options_for::<Counting>()
            .offline()
            .should_validate_formats(false)
            .with_pattern_options(patterns);
        match catch_unwind(AssertUnwindSafe(|| options.build(schema))) {
            Ok(Ok(validator)) => Ok(Self { validator, cost }),
            Ok(Err(error)) => Err(UnusableSchema(described(&error))),
            Err(_) => Err(UnusableSchema("the validator panicked".to_owned())),
        }
    }

    /// Validates a value in at most `max_steps`: a step is about one part of the schema that is held against
    /// one value. Some 100,000 steps take a millisecond or more.
    ///
    /// # Errors
    /// When the value is not known to be valid.
    pub fn validate(&self, value: &Value, max_steps: u64) -> Result<(), ValidationError> {
        let unusable = |why: &str| Err(ValidationError::Unusable(why.to_owned()));
        let frames = depth(value).saturating_mul(u64::from(self.cost.height));
        if frames > MAX_FRAMES {
            return unusable("the result is nested too deeply for it");
        }
        let steps = Steps::new(max_steps, self.cost.parts);
        let is_valid = || self.validator.is_valid(Counted::new(value, &steps));
        match catch_unwind(AssertUnwindSafe(is_valid)) {
            Err(_) => unusable("the validator panicked"),
            Ok(_) if steps.are_spent() => Err(ValidationError::OutOfSteps(max_steps)),
            Ok(true) => Ok(()),
            Ok(false) => Err(ValidationError::Invalid(self.violations(value))),
        }
    }

    fn violations(&self, value: &Value) -> String {
        let steps = Steps::new(DESCRIPTION_STEPS, self.cost.parts);
        let violations = catch_unwind(AssertUnwindSafe(|| {
            let errors = self.validator.iter_errors(Counted::new(value, &steps));
            let errors = errors.map(|error| described(&error));
            let mut found: Vec<_> = errors.take(MAX_VIOLATIONS + 1).collect();
            if found.len() > MAX_VIOLATIONS {
                found[MAX_VIOLATIONS] = "and more".to_owned();
            }
            found.join("; ")
        }));
        match violations {
            // Some may have been made by the end of the steps.
            Ok(violations) if !steps.are_spent() && !violations.is_empty() => violations,
            _ => "it is invalid, and too large to say where".to_owned(),
        }
    }
}

impl fmt::Debug for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Schema").field("cost", &self.cost).finish_non_exhaustive()
    }
}

impl fmt::Display for UnusableSchema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl StdError for UnusableSchema {}

impl fmt::Display for ValidationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid(why) | Self::Unusable(why) => f.write_str(why),
            Self::OutOfSteps(steps) => write!(f, "it was not validated within {steps} steps"),
        }
    }
}

impl StdError for ValidationError {}

/// What is wrong and where, without the values, which may be private.
fn described(error: &jsonschema::ValidationError<'_>) -> String {
    let mut out = Bounded(String::new());
    let path = error.instance_path();
    // It ends where it is long enough.
    let _ = match path.as_str().is_empty() {
        true => write!(out, "{}", error.masked()),
        false => write!(out, "at {}: {}", path.as_str(), error.masked()),
    };
    out.0
}

/// A text of bounded length.
struct Bounded(String);

impl fmt::Write for Bounded {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for character in text.chars() {
            if self.0.len() >= MAX_DESCRIPTION {
                self.0.push('…');
                return Err(fmt::Error);
            }
            self.0.push(character);
        }
        Ok(())
    }
}

/// The depth of a value, which its decoder has bounded.
fn depth(value: &Value) -> u64 {
    let inner = match value {
        Value::Array(items) => items.iter().map(depth).max(),
        Value::Object(members) => members.values().map(depth).max(),
        _ => None,
    };
    1 + inner.unwrap_or_default()
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;

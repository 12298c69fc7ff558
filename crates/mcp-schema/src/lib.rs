//! JSON Schemas of untrusted peers, and validation of their values with bounded work.
//!
//! A few lines of schema can cause exponential time or unbounded recursion. The cost of a [`Schema`] is computed before
//! it is compiled, along all of its references, and validation counts how often it visits a value. Nothing is fetched:
//! a `$ref` to another document is an error.
//!
//! ```
//! use mcp_schema::{Schema, ValidationError};
//! use serde_json::json;
//!
//! let schema = Schema::compile(&json!({ "type": "array", "items": { "type": "number" } }))?;
//! assert!(schema.validate(&json!([1, 2.5]), 10_000).is_ok());
//! let invalid = schema.validate(&json!([1, "two"]), 10_000);
//! assert!(matches!(invalid, Err(ValidationError::Invalid(why)) if why.starts_with("at /1: ")));
//! let large = json!(vec![1; 100_000]);
//! assert_eq!(schema.validate(&large, 10_000), Err(ValidationError::OutOfSteps(10_000)));
//! # Ok::<(), mcp_schema::UnusableSchema>(())
//! ```
//!
//! Spec: basic/index#json-schema-usage
#![cfg_attr(docsrs, feature(doc_cfg))]

mod cost;
mod counted;
mod memory;
mod schema;

pub use memory::memory_size;
pub use schema::{Schema, UnusableSchema, ValidationError};

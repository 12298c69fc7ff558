//! Non-object results, which several servers wrap as `{"result": …}`.

use std::{
    collections::HashMap,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use mcp_core::Tool;
use serde_json::{Map, Value};

/// The member with the wrapped value.
pub(crate) const MEMBER: &str = "result";

/// FastMCP's marker in the schema.
const MARK: &str = "x-fastmcp-wrap-result";

/// Maximum number of stored tools. For others, each result is examined separately.
const MAX_TOOLS: usize = 10_000;

/// How certain it is that a result is wrapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wrapping {
    /// The server marks it.
    Marked,
    /// The schema is one that the official SDKs generate for wrapped values. A tool may also return an object with only
    /// this member.
    Likely,
}

/// The tools with wrapped results. A lookup in an empty table takes no lock.
#[derive(Debug, Default)]
pub(crate) struct WrappingTable {
    any: AtomicBool,
    known: Mutex<HashMap<String, Wrapping>>,
}

impl WrappingTable {
    pub(crate) fn learn(&self, tools: &[Tool]) {
        for tool in tools {
            match tool.output_schema.as_ref().and_then(wrapping) {
                Some(wrapping) => {
                    let mut known = self.lock();
                    if known.len() < MAX_TOOLS || known.contains_key(&tool.name) {
                        known.insert(tool.name.clone(), wrapping);
                        self.any.store(true, Ordering::Release);
                    }
                }
                None if self.any.load(Ordering::Acquire) => {
                    self.lock().remove(&tool.name);
                }
                None => {}
            }
        }
    }

    pub(crate) fn of(&self, tool: &str) -> Option<Wrapping> {
        let any = self.any.load(Ordering::Acquire);
        any.then(|| self.lock().get(tool).copied()).flatten()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Wrapping>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn wrapping(schema: &Map<String, Value>) -> Option<Wrapping> {
    if schema.get(MARK) == Some(&Value::Bool(true)) {
        return Some(Wrapping::Marked);
    }
    let properties = schema.get("properties")?.as_object()?;
    let required = schema.get("required")?.as_array()?;
    let looks_like_it = schema.get("type").is_some_and(|kind| kind == "object")
        && properties.len() == 1
        && properties.contains_key(MEMBER)
        && required.len() == 1
        && required[0] == MEMBER;
    looks_like_it.then_some(Wrapping::Likely)
}

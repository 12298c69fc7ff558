//! Schemas of listed tools, compiled on demand.

use std::{
    num::NonZeroUsize,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
};

use lru::LruCache;
use mcp_core::Tool;
use mcp_schema::{Schema, ValidationError, memory_size};
use mcp_transport::util::SingleFlight;
use serde_json::{Map, Value};

use super::checks::OutputChecks;

/// Maximum number of tools with stored schemas. The least recently used are evicted first.
pub(super) const MAX_TOOLS: NonZeroUsize = NonZeroUsize::MIN.saturating_add(9_999);

/// The total schema size is limited to this many schemas of maximum size.
const MAX_LARGE: usize = 64;

/// The schemas of the tools of one server.
#[derive(Debug)]
pub(crate) struct SchemaTable {
    pub(super) checks: OutputChecks,
    known: Mutex<Known>,
    /// Lists the tools, possibly from the cache.
    pub(super) listing: SingleFlight<Result<Listed, Arc<str>>>,
    /// Lists the tools from the server.
    pub(super) refreshing: SingleFlight<Result<Listed, Arc<str>>>,
}

#[derive(Debug)]
struct Known {
    tools: LruCache<String, Option<Arc<ToolSchema>>>,
    /// The memory size of all schemas, in bytes.
    bytes: usize,
}

/// The outcome of listing the tools.
#[derive(Debug, Clone, Copy)]
pub(super) struct Listed {
    pub(super) from_cache: bool,
    /// Whether all of its tools are stored.
    pub(super) is_remembered: bool,
}

/// The schema of one tool.
#[derive(Debug)]
pub(super) struct ToolSchema {
    source: Result<Value, &'static str>,
    bytes: usize,
    schema: OnceLock<Result<Schema, String>>,
}

impl SchemaTable {
    pub(super) fn new(checks: OutputChecks) -> Self {
        let known = Known { tools: LruCache::new(MAX_TOOLS), bytes: 0 };
        let (listing, refreshing) = (SingleFlight::new(), SingleFlight::new());
        Self { checks, known: Mutex::new(known), listing, refreshing }
    }

    pub(super) fn learn(&self, tools: &[Tool]) {
        for tool in tools {
            self.remember(&tool.name, tool.output_schema.as_ref());
        }
    }

    /// Stores the schema of a tool, or that it has none.
    pub(super) fn remember(&self, tool: &str, schema: Option<&Map<String, Value>>) {
        let bytes = schema.map_or(0, memory_size);
        let mut known = self.lock();
        if let Some(Some(before)) = known.tools.get(tool)
            && before.is(schema)
        {
            return;
        }
        if let Some(Some(before)) = known.tools.pop(tool) {
            known.bytes -= before.bytes;
        }
        let max_bytes = self.checks.max_schema_size.saturating_mul(MAX_LARGE);
        let entry = schema.map(|schema| {
            let source = if bytes > self.checks.max_schema_size {
                Err("it is larger than max_schema_size")
            } else if known.bytes.saturating_add(bytes) > max_bytes {
                Err("the schemas of this server are too large together")
            } else {
                Ok(Value::Object(schema.clone()))
            };
            let bytes = if source.is_ok() { bytes } else { 0 };
            Arc::new(ToolSchema { source, bytes, schema: OnceLock::new() })
        });
        known.bytes += entry.as_ref().map_or(0, |entry| entry.bytes);
        if let Some((_, Some(evicted))) = known.tools.push(tool.to_owned(), entry) {
            known.bytes -= evicted.bytes;
        }
    }

    /// Marks a tool of a list as recently used: a list may have more tools than are stored.
    pub(super) fn prefer(&self, tools: &[Tool], name: &str) {
        if let Some(tool) = tools.iter().find(|tool| tool.name == name) {
            self.remember(name, tool.output_schema.as_ref());
        }
    }

    /// The schema of a tool; `None` if the tool is unknown.
    pub(super) fn of(&self, tool: &str) -> Option<Option<Arc<ToolSchema>>> {
        self.lock().tools.get(tool).cloned()
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ToolSchema {
    fn is(&self, schema: Option<&Map<String, Value>>) -> bool {
        matches!((&self.source, schema), (Ok(Value::Object(mine)), Some(schema)) if mine == schema)
    }

    /// Whether the schema was compiled, or found to be unusable.
    pub(super) fn is_compiled(&self) -> bool {
        self.schema.get().is_some()
    }

    /// Validates against the schema. Compiles it on first use.
    pub(super) fn validate(&self, content: &Value, max_steps: u64) -> Result<(), ValidationError> {
        let schema = self.schema.get_or_init(|| match &self.source {
            Ok(source) => Schema::compile(source).map_err(|why| why.to_string()),
            Err(why) => Err((*why).to_owned()),
        });
        match schema {
            Ok(schema) => schema.validate(content, max_steps),
            Err(why) => Err(ValidationError::Unusable(why.clone())),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn evicted_tools_release_their_bytes() {
        let table = SchemaTable::new(OutputChecks::default());
        let schema = json!({ "type": "object" });
        let schema = schema.as_object();
        let all = MAX_TOOLS.get();
        for n in 0..=all {
            table.remember(&n.to_string(), schema);
        }
        assert!(table.of("0").is_none() && table.of("1").is_some());
        let each = schema.map_or(0, memory_size);
        assert_eq!(table.lock().bytes, all * each);
        table.remember("1", None);
        assert!(matches!(table.of("1"), Some(None)));
        assert_eq!(table.lock().bytes, (all - 1) * each);
    }
}

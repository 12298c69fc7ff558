//! The schemas of tools as they were listed, compiled when they are needed.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
};

use mcp_core::{CallToolResult, Tool};
use serde_json::{Map, Value};
use tokio::task::spawn_blocking;

use super::{
    OutputChecks,
    judge::{Fault, Judge},
    weight::map_bytes,
};
use crate::{Error, ErrorKind, Session};

/// The most tools that are remembered.
const MOST: usize = 10_000;

/// How many schemas of the largest size may be remembered.
const MOST_LARGE: usize = 64;

/// A result up to this size is judged at once, and a larger one apart from the tasks.
const SMALL: usize = 64 << 10;

/// What the tools say of their results.
#[derive(Debug)]
pub(crate) struct Table {
    checks: OutputChecks,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    tools: HashMap<String, Option<Arc<Entry>>>,
    /// What the schemas take in memory.
    bytes: usize,
}

#[derive(Debug)]
struct Entry {
    schema: Result<Value, &'static str>,
    bytes: usize,
    judge: OnceLock<Result<Judge, String>>,
}

impl Table {
    pub(crate) fn new(checks: OutputChecks) -> Self {
        Self { checks, known: Mutex::default() }
    }

    pub(crate) fn learn(&self, tools: &[Tool]) {
        for tool in tools {
            self.remember(&tool.name, tool.output_schema.as_ref());
        }
    }

    fn remember(&self, tool: &str, schema: Option<&Map<String, Value>>) {
        let bytes = schema.map_or(0, map_bytes);
        let mut known = self.lock();
        let before = known.tools.get(tool);
        if before.is_none() && known.tools.len() >= MOST {
            return;
        }
        let before = before.cloned().flatten();
        if before.as_ref().is_some_and(|it| it.is(schema)) {
            return;
        }
        known.bytes -= before.map_or(0, |it| it.bytes);
        let all = self.checks.max_schema_size.saturating_mul(MOST_LARGE);
        let entry = schema.map(|schema| {
            let schema = if bytes > self.checks.max_schema_size {
                Err("it is larger than max_schema_size")
            } else if known.bytes.saturating_add(bytes) > all {
                Err("the schemas of this server are too large together")
            } else {
                Ok(Value::Object(schema.clone()))
            };
            let bytes = if schema.is_ok() { bytes } else { 0 };
            known.bytes += bytes;
            Arc::new(Entry { schema, bytes, judge: OnceLock::new() })
        });
        known.tools.insert(tool.to_owned(), entry);
    }

    /// What is known of a tool; `None` where it has not been listed.
    fn of(&self, tool: &str) -> Option<Option<Arc<Entry>>> {
        self.lock().tools.get(tool).cloned()
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Judges the result of a tool, which came in `size` bytes, and gives it back.
pub(crate) async fn judge(
    session: &Session,
    tool: &str,
    mut result: CallToolResult,
    size: usize,
) -> Result<CallToolResult, Error> {
    if result.is_error == Some(true) {
        return Ok(result);
    }
    let Some(table) = &session.outputs().schemas else { return Ok(result) };
    let checks = &table.checks;
    let mut known = table.of(tool);
    if known.is_none() && checks.look_up {
        session.list_tools().await?;
        known = table.of(tool);
        if known.is_none() {
            table.remember(tool, None);
        }
    }
    let Some(entry) = known.flatten() else { return Ok(result) };
    let refused = |kind, result, message: String| Err(session.bad_result(kind, result, message));
    // Taken out, to be judged elsewhere, and put back: `null` is a result.
    let Some(content) = result.structured_content.take() else {
        let message = format!("{tool:?} has an outputSchema, and gave no structuredContent");
        return match checks.allow_missing {
            true => {
                tracing::warn!(server = session.name(), "{message}");
                Ok(result)
            }
            false => refused(ErrorKind::Output, result, message),
        };
    };
    let max_steps = checks.max_steps;
    let (content, judged) = match entry.judge.get() {
        Some(_) if size <= SMALL => {
            let judged = entry.judged(&content, max_steps);
            (content, judged)
        }
        _ => {
            let judging = spawn_blocking(move || {
                let judged = entry.judged(&content, max_steps);
                (content, judged)
            });
            match judging.await {
                Ok(judged) => judged,
                // The runtime ends, and whoever waits here with it.
                Err(_) => {
                    let message = format!("what {tool:?} gave was not judged: the runtime ends");
                    return refused(ErrorKind::Schema, result, message);
                }
            }
        }
    };
    result.structured_content = Some(content);
    match judged {
        Ok(()) => Ok(result),
        Err(Fault::Misfit(why)) => {
            let message = format!("what {tool:?} gave is not of its outputSchema: {why}");
            refused(ErrorKind::Output, result, message)
        }
        Err(Fault::Unjudged(why)) => {
            let message = format!("the outputSchema of {tool:?} cannot be used: {why}");
            refused(ErrorKind::Schema, result, message)
        }
    }
}

impl Entry {
    fn is(&self, schema: Option<&Map<String, Value>>) -> bool {
        matches!((&self.schema, schema), (Ok(Value::Object(mine)), Some(schema)) if mine == schema)
    }

    /// Judges by the schema, which is compiled the first time.
    fn judged(&self, content: &Value, max_steps: u64) -> Result<(), Fault> {
        let judge = self.judge.get_or_init(|| match &self.schema {
            Ok(schema) => Judge::new(schema),
            Err(why) => Err((*why).to_owned()),
        });
        match judge {
            Ok(judge) => judge.judge(content, max_steps),
            Err(why) => Err(Fault::Unjudged(why.clone())),
        }
    }
}

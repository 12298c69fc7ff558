//! The schemas of tools as they were listed, compiled when they are needed.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use mcp_core::{CallToolResult, Tool};
use mcp_schema::{Schema, ValidationError, memory_size};
use serde_json::{Map, Value};
use tokio::{sync::Semaphore, task::spawn_blocking};

use super::OutputChecks;
use crate::{CacheMode, Error, ErrorKind, Session};

/// The most tools that are remembered.
const MOST: usize = 10_000;

/// How many schemas of the largest size may be remembered.
const MOST_LARGE: usize = 64;

/// A result up to this size is judged at once, and a larger one apart from the tasks.
const SMALL: usize = 64 << 10;

/// The steps that may be taken at once, which is some milliseconds; a small result can need more.
const FEW_STEPS: u64 = 100_000;

/// What the tools say of their results.
#[derive(Debug)]
pub(crate) struct Table {
    checks: OutputChecks,
    known: Mutex<Known>,
    /// For the one call that lists the tools.
    turn: Semaphore,
    /// How often that failed.
    failed: AtomicU64,
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
    judge: OnceLock<Result<Schema, String>>,
}

impl Table {
    pub(crate) fn new(checks: OutputChecks) -> Self {
        Self { checks, known: Mutex::default(), turn: Semaphore::new(1), failed: AtomicU64::new(0) }
    }

    pub(crate) fn learn(&self, tools: &[Tool]) {
        for tool in tools {
            self.remember(&tool.name, tool.output_schema.as_ref());
        }
    }

    fn remember(&self, tool: &str, schema: Option<&Map<String, Value>>) {
        let bytes = schema.map_or(0, memory_size);
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

    /// Lists the tools, once for all calls that want it at the same time.
    async fn look_up(&self, session: &Session, tool: &str) -> Result<Option<Arc<Entry>>, String> {
        let failed = self.failed.load(Ordering::Acquire);
        // It is never closed, and who waits here waits for one list, whatever comes of it.
        let _turn = self.turn.acquire().await;
        if let Some(known) = self.of(tool) {
            return Ok(known);
        }
        if self.failed.load(Ordering::Acquire) != failed {
            return Err("another call could not have it either".to_owned());
        }
        let hits = || session.cache().map(|cache| cache.hits());
        let before = hits();
        let mut listed = session.list_tools().await;
        if listed.is_ok() && self.of(tool).is_none() && hits() != before {
            // What was kept may be older than the tool.
            listed = session.list_tools().cache(CacheMode::Refresh).await;
        }
        if let Err(error) = listed {
            self.failed.fetch_add(1, Ordering::AcqRel);
            return Err(error.to_string());
        }
        if self.of(tool).is_none() {
            self.remember(tool, None);
        }
        Ok(self.of(tool).flatten())
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
    let refused = |kind, result, message: String| Err(session.bad_result(kind, result, message));
    let known = match table.of(tool) {
        None if checks.look_up => match table.look_up(session, tool).await {
            Ok(known) => known,
            Err(why) => {
                let message = format!("what {tool:?} gave was not judged: no list of tools: {why}");
                return refused(ErrorKind::Schema, result, message);
            }
        },
        known => known.flatten(),
    };
    let Some(entry) = known else { return Ok(result) };
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
    let is_quick = entry.judge.get().is_some() && size <= SMALL;
    let quickly = is_quick.then(|| entry.judged(&content, max_steps.min(FEW_STEPS)));
    let (content, judged) = match quickly {
        Some(Err(ValidationError::OutOfSteps(steps))) if steps < max_steps => {
            apart(entry, content, max_steps).await
        }
        Some(judged) => (Some(content), judged),
        None => apart(entry, content, max_steps).await,
    };
    result.structured_content = content;
    match judged {
        Ok(()) => Ok(result),
        Err(ValidationError::Invalid(why)) => {
            let message = format!("what {tool:?} gave is not of its outputSchema: {why}");
            refused(ErrorKind::Output, result, message)
        }
        Err(ValidationError::Unusable(why)) => {
            let message = format!("the outputSchema of {tool:?} cannot be used: {why}");
            refused(ErrorKind::Schema, result, message)
        }
        Err(ValidationError::OutOfSteps(steps)) => {
            let message = format!("what {tool:?} gave was not judged within {steps} steps");
            refused(ErrorKind::Schema, result, message)
        }
        Err(other) => refused(ErrorKind::Schema, result, other.to_string()),
    }
}

/// Judges apart from the tasks, and gives the value back, which only the end of the runtime keeps.
async fn apart(
    entry: Arc<Entry>,
    content: Value,
    max_steps: u64,
) -> (Option<Value>, Result<(), ValidationError>) {
    let judging = spawn_blocking(move || {
        let judged = entry.judged(&content, max_steps);
        (Some(content), judged)
    });
    let ended = |_| (None, Err(ValidationError::Unusable("the runtime ends".to_owned())));
    judging.await.unwrap_or_else(ended)
}

impl Entry {
    fn is(&self, schema: Option<&Map<String, Value>>) -> bool {
        matches!((&self.schema, schema), (Ok(Value::Object(mine)), Some(schema)) if mine == schema)
    }

    /// Judges by the schema, which is compiled the first time.
    fn judged(&self, content: &Value, max_steps: u64) -> Result<(), ValidationError> {
        let judge = self.judge.get_or_init(|| match &self.schema {
            Ok(schema) => Schema::compile(schema).map_err(|why| why.to_string()),
            Err(why) => Err((*why).to_owned()),
        });
        match judge {
            Ok(schema) => schema.validate(content, max_steps),
            Err(why) => Err(ValidationError::Unusable(why.clone())),
        }
    }
}

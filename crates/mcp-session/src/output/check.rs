//! Validation of tool results.

use std::sync::Arc;

use mcp_core::CallToolResult;
use mcp_schema::ValidationError;
use serde_json::Value;
use tokio::task::spawn_blocking;

use super::schemas::{Listed, MAX_TOOLS, SchemaTable, ToolSchema};
use crate::{CacheMode, Error, ErrorKind, Session, call::list_tools};

/// Maximum size of a result validated in place; larger ones are validated outside the runtime's tasks.
const MAX_IN_PLACE: usize = 64 << 10;

/// Maximum steps in place, about some milliseconds. A small result can need more.
const STEPS_IN_PLACE: u64 = 100_000;

/// Validates a tool result of this many bytes, and returns it.
pub(crate) async fn check(
    session: &Session,
    tool: &str,
    mut result: CallToolResult,
    bytes: usize,
) -> Result<CallToolResult, Error> {
    if result.is_error == Some(true) {
        return Ok(result);
    }
    let Some(table) = &session.inner().outputs.schemas else { return Ok(result) };
    let checks = &table.checks;
    let server = || Arc::clone(&session.inner().server);
    let refused =
        |kind, result, message: String| Err(Error::from_result(kind, server(), result, message));
    let known = match table.of(tool) {
        None if checks.look_up => match look_up(table, session, tool).await {
            Ok(known) => known,
            Err(why) => {
                let message =
                    format!("the result of {tool:?} was not validated: no list of tools: {why}");
                return refused(ErrorKind::Schema, result, message);
            }
        },
        known => known.flatten(),
    };
    let Some(entry) = known else { return Ok(result) };
    // Taken out for validation and put back: `null` is a valid result.
    let Some(content) = result.structured_content.take() else {
        let message = format!(
            "the result of {tool:?} has no structuredContent, but the tool has an outputSchema"
        );
        return match checks.allow_missing {
            true => {
                tracing::warn!(server = session.name(), "{message}");
                Ok(result)
            }
            false => refused(ErrorKind::Output, result, message),
        };
    };
    let (content, validated) = validated(entry, content, bytes, checks.max_steps).await;
    result.structured_content = content;
    match validated {
        Ok(()) => Ok(result),
        Err(ValidationError::Invalid(why)) => {
            let message = format!("the result of {tool:?} is not valid by its outputSchema: {why}");
            refused(ErrorKind::Output, result, message)
        }
        Err(ValidationError::OutOfSteps(steps)) => {
            let message = format!("the result of {tool:?} was not validated within {steps} steps");
            refused(ErrorKind::Schema, result, message)
        }
        Err(why) => {
            let message = format!("the outputSchema of {tool:?} is not usable: {why}");
            refused(ErrorKind::Schema, result, message)
        }
    }
}

/// The schema of a tool that this session has not listed. Concurrent calls share one list.
async fn look_up(
    table: &SchemaTable,
    session: &Session,
    tool: &str,
) -> Result<Option<Arc<ToolSchema>>, Arc<str>> {
    let flights = [(&table.listing, CacheMode::Use), (&table.refreshing, CacheMode::Refresh)];
    for (flight, mode) in flights {
        let listed = flight.run(|| list(table, session, tool, mode)).await?;
        if !listed.is_remembered && table.of(tool).is_none() {
            // The caller that listed looked for another tool.
            list(table, session, tool, mode).await?;
        }
        // A cached list may be older than the tool.
        if !listed.from_cache || table.of(tool).is_some() {
            break;
        }
    }
    if table.of(tool).is_none() {
        table.remember(tool, None);
    }
    Ok(table.of(tool).flatten())
}

async fn list(
    table: &SchemaTable,
    session: &Session,
    tool: &str,
    mode: CacheMode,
) -> Result<Listed, Arc<str>> {
    let hits = || session.cache().map(|cache| cache.hits());
    let before = hits();
    let listed = list_tools(session, mode, None).await;
    let tools = listed.map_err(|error| Arc::from(error.to_string()))?;
    table.prefer(&tools, tool);
    let (from_cache, is_remembered) = (hits() != before, tools.len() <= MAX_TOOLS.get());
    Ok(Listed { from_cache, is_remembered })
}

/// Validates a value and returns it. Only a runtime shutdown prevents the return.
async fn validated(
    entry: Arc<ToolSchema>,
    content: Value,
    bytes: usize,
    max_steps: u64,
) -> (Option<Value>, Result<(), ValidationError>) {
    if entry.is_compiled() && bytes <= MAX_IN_PLACE {
        match entry.validate(&content, max_steps.min(STEPS_IN_PLACE)) {
            Err(ValidationError::OutOfSteps(steps)) if steps < max_steps => {}
            validated => return (Some(content), validated),
        }
    }
    let validating = spawn_blocking(move || {
        let validated = entry.validate(&content, max_steps);
        (Some(content), validated)
    });
    validating.await.unwrap_or_else(|_| {
        (None, Err(ValidationError::Unusable("the runtime is shut down".to_owned())))
    })
}

//! Results of tools as data: judged by the `outputSchema` of the tool, and read as a type.
//!
//! Spec: server/tools#output-schema

#[cfg(feature = "validation")]
mod checks;
mod result_as;
#[cfg(feature = "validation")]
mod schemas;
mod wrapping;

use std::{any::Any, pin::Pin};

use mcp_core::{CallToolResult, ListToolsResult, MethodResult, RawJson};

use crate::{Call, Error, Session};

#[cfg(feature = "validation")]
pub use checks::OutputChecks;
pub use result_as::ResultAs;
pub(crate) use wrapping::Wrapping;

/// What is known of the results of tools, as far as these have been listed.
#[derive(Debug, Default)]
pub(crate) struct Outputs {
    wrapping: wrapping::Table,
    #[cfg(feature = "validation")]
    schemas: Option<schemas::Table>,
}

impl Outputs {
    /// With the schemas of tools, to judge results by them.
    #[cfg(feature = "validation")]
    pub(crate) fn new(checks: Option<OutputChecks>) -> Self {
        Self { schemas: checks.map(schemas::Table::new), ..Self::default() }
    }

    /// Remembers what the tools say of their results.
    pub(crate) fn learn(&self, list: &ListToolsResult) {
        self.wrapping.learn(&list.tools);
        #[cfg(feature = "validation")]
        if let Some(schemas) = &self.schemas {
            schemas.learn(&list.tools);
        }
    }

    /// Whether the results of a tool are known to be wrapped.
    pub(crate) fn wrapping(&self, tool: &str) -> Option<Wrapping> {
        self.wrapping.of(tool)
    }
}

impl Session {
    /// Judges the result of a tool that came in another way than as the answer to its call, such as that of an
    /// extension, and gives it back. `size` is how many bytes it came in.
    ///
    /// # Errors
    /// As those of the call, where the results of this session are judged at all.
    ///
    /// Spec: server/tools#output-schema
    pub async fn judged(
        &self,
        tool: &str,
        result: CallToolResult,
        size: usize,
    ) -> Result<CallToolResult, Error> {
        #[cfg(feature = "validation")]
        return schemas::judge(self, tool, result, size).await;
        #[cfg(not(feature = "validation"))]
        {
            let _ = (tool, size);
            Ok(result)
        }
    }
}

/// A result that has been decoded.
pub(crate) enum Settled<R> {
    Done(R),
    /// It has to be judged first.
    #[cfg_attr(not(feature = "validation"), expect(dead_code, reason = "nothing is judged"))]
    Later(Pin<Box<dyn Future<Output = Result<R, Error>> + Send>>),
}

impl<R: MethodResult + 'static> Call<R> {
    /// Decodes a result and learns from it.
    pub(crate) fn settle(&self, raw: &RawJson) -> Result<Settled<R>, serde_json::Error> {
        let mut result = R::decode(raw)?;
        let any: &mut dyn Any = &mut result;
        if let Some(list) = any.downcast_mut() {
            self.session().learn(list);
        }
        #[cfg(feature = "validation")]
        if self.session().outputs().schemas.is_some()
            && let Some(result) = any.downcast_mut::<CallToolResult>()
            && let Some(tool) = self.target()
        {
            let (result, size) = (std::mem::take(result), raw.len());
            let session = self.session().clone();
            return Ok(Settled::Later(Box::pin(async move {
                let judged = schemas::judge(&session, &tool, result, size).await?;
                let judged: &mut dyn Any = &mut Some(judged);
                let judged = judged.downcast_mut::<Option<R>>().and_then(Option::take);
                Ok(judged.expect("it is of the type that it was"))
            })));
        }
        Ok(Settled::Done(result))
    }
}

use mcp_core::ListToolsResult;

use super::wrapping::{Wrapping, WrappingTable};

/// Information about results from tool lists.
#[derive(Debug, Default)]
pub(crate) struct Outputs {
    wrapping: WrappingTable,
    #[cfg(feature = "validation")]
    pub(super) schemas: Option<super::schemas::SchemaTable>,
}

impl Outputs {
    /// With the schemas of tools, for validation.
    #[cfg(feature = "validation")]
    pub(crate) fn new(checks: Option<crate::OutputChecks>) -> Self {
        Self { schemas: checks.map(super::schemas::SchemaTable::new), ..Self::default() }
    }

    /// Whether results are validated.
    #[cfg(feature = "validation")]
    pub(crate) fn has_checks(&self) -> bool {
        self.schemas.is_some()
    }

    /// Records the result information of listed tools.
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

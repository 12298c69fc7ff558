/// Validation of a tool's `structuredContent` against its `outputSchema`.
///
/// Only results of typed calls are validated, and only if enabled: the result of
/// [`Session::request`](crate::Session::request) is raw. The result of a failed tool (`isError`) is not validated. An
/// invalid result is an error of kind [`Output`](crate::ErrorKind::Output). An unusable schema is an error of kind
/// [`Schema`](crate::ErrorKind::Schema), at the first result to be validated against it and never when the tool is
/// listed. In both cases, [`Error::result`](crate::Error::result) returns the result.
///
/// The schema is that of the last `tools/list` of this session. It is compiled once, for the first result, outside the
/// runtime's tasks; so is the validation of a result over 64 KiB, and of one that takes more than some milliseconds.
/// All of it counts against the timeout of the call. [`max_steps`](Self::max_steps) limits the work that may continue
/// after a timeout.
///
/// The default dialect is JSON Schema 2020-12; 2019-09 and drafts 7, 6 and 4 are supported too. `format` is an
/// annotation and not validated. A pattern with look-around or back-references may backtrack up to a limit; a text that
/// needs more does not match. A `$ref` to another document is never followed, and makes a schema unusable, like an
/// embedded schema with another `$id` or `$schema`.
///
/// ```
/// use mcp_session::{OutputChecks, SessionOptions};
///
/// let checks = OutputChecks::default().look_up(true);
/// let options = SessionOptions::default().with_output_checks(checks);
/// ```
///
/// Spec: server/tools#output-schema, basic/index#json-schema-usage
#[derive(Debug, Clone)]
pub struct OutputChecks {
    pub(crate) look_up: bool,
    pub(crate) allow_missing: bool,
    pub(crate) max_schema_size: usize,
    pub(crate) max_steps: u64,
}

impl OutputChecks {
    /// Sets whether to list the tools when a result arrives from a tool that this session has not listed: once for each
    /// such tool, and once for concurrent calls. If listing fails, the call is an error of kind
    /// [`Schema`](crate::ErrorKind::Schema). Default: false; the result is not validated.
    #[must_use]
    pub fn look_up(mut self, look_up: bool) -> Self {
        self.look_up = look_up;
        self
    }

    /// Sets whether a result may have no `structuredContent` although its tool has an `outputSchema`; this is then
    /// logged. Default: false; it is an error.
    #[must_use]
    pub fn allow_missing(mut self, allow: bool) -> Self {
        self.allow_missing = allow;
        self
    }

    /// Sets the maximum size of a schema, in bytes of memory. Default: 256 KiB. All schemas of a session together may
    /// have 64 times as much.
    #[must_use]
    pub fn max_schema_size(mut self, bytes: usize) -> Self {
        self.max_schema_size = bytes;
        self
    }

    /// Sets the maximum steps of one validation: a step is about one part of the schema applied to one value of the
    /// result. Default: 100 million, which may take a second or two.
    #[must_use]
    pub fn max_steps(mut self, steps: u64) -> Self {
        self.max_steps = steps;
        self
    }
}

impl Default for OutputChecks {
    fn default() -> Self {
        Self {
            look_up: false,
            allow_missing: false,
            max_schema_size: 256 << 10,
            max_steps: 100_000_000,
        }
    }
}

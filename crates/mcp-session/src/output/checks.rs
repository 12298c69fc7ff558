/// How the `structuredContent` of tools is judged by their `outputSchema`.
///
/// Nothing is judged unless the application asks for it, and nothing but results of typed calls: what
/// [`Session::request`](crate::Session::request) gives is raw. A result of a tool that failed (`isError`)
/// is not judged. What does not fit is an error of kind [`Output`](crate::ErrorKind::Output); a schema
/// that cannot be used is one of kind [`Schema`](crate::ErrorKind::Schema), at the first result that is to
/// be judged by it and never when the tool is listed. With both, [`Error::result`](crate::Error::result)
/// has the result.
///
/// The schema is what `tools/list` told last in this session; it is compiled once, with the first result,
/// which is done apart from the tasks of the runtime. So is the judging of a result over 64 KiB, and of one
/// that takes more than some milliseconds. That work is not part of the time limit of a call; [`max_steps`](Self::max_steps) limits it.
///
/// Without `$schema`, a schema is of JSON Schema 2020-12; 2019-09, draft 7, 6 and 4 are supported too.
/// `format` is a note and not a rule. A pattern with look-around or back-references may go back so often and
/// no more; a text that needs more than that does not fit. A `$ref` to another document is never followed, and makes a schema unusable, as
/// an embedded schema with an `$id` or a `$schema` of its own does.
///
/// ```
/// use mcp_session::{OutputChecks, SessionOptions};
///
/// let mut options = SessionOptions::default();
/// options.output_checks = Some(OutputChecks::default().look_up(true));
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
    /// Whether the tools are listed when a result comes of a tool that this session has not seen in a
    /// list: once for each such tool, and once for calls at the same time. The time of that is the list's
    /// own; where it fails, the call is an error of kind [`Schema`](crate::ErrorKind::Schema). Default: no,
    /// and the result is not judged.
    #[must_use]
    pub fn look_up(mut self, look_up: bool) -> Self {
        self.look_up = look_up;
        self
    }

    /// Whether a result may have no `structuredContent` though its tool has an `outputSchema`; it is logged
    /// then. Default: no, and it is an error.
    #[must_use]
    pub fn allow_missing(mut self, allow: bool) -> Self {
        self.allow_missing = allow;
        self
    }

    /// The largest schema that is used: how many bytes it takes in memory, about. Default: 256 KiB.
    /// All schemas of a session together may have 64 times as much.
    #[must_use]
    pub fn max_schema_size(mut self, bytes: usize) -> Self {
        self.max_schema_size = bytes;
        self
    }

    /// How much work one result may be: a step is about one part of the schema that is held against one
    /// value of the result. Default: 100 million, which may be a second or two.
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

use std::{fmt, process::ExitStatus};

use mcp_transport::StderrSummary;

/// The exit of the server's process: the source of errors of kind
/// [`Closed`](mcp_transport::ErrorKind::Closed). Use [`Error::find`](mcp_transport::Error::find) to get it.
///
/// ```
/// use mcp_transport_stdio::{ExitError, mcp_transport::Error};
///
/// fn exit_code(error: &Error) -> Option<i32> {
///     error.find::<ExitError>()?.code()
/// }
/// ```
#[doc(alias = "crash")]
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ExitError {
    /// The command line as quoted text.
    pub command: String,
    /// The exit status. `None` if other code in this program has collected it.
    pub status: Option<ExitStatus>,
    /// The last part of its stderr, at most 8 KiB. Bytes that are not UTF-8 are replaced.
    pub stderr_tail: String,
}

impl ExitError {
    /// The exit code. `None` if a signal ended the process.
    pub fn code(&self) -> Option<i32> {
        self.status?.code()
    }

    /// The signal that ended the process. Always `None` on Windows.
    pub fn signal(&self) -> Option<i32> {
        #[cfg(unix)]
        return std::os::unix::process::ExitStatusExt::signal(&self.status?);
        #[cfg(not(unix))]
        None
    }
}

impl fmt::Display for ExitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.command)?;
        match (self.code(), self.signal()) {
            (Some(code), _) => write!(f, " exited with status {code}")?,
            (None, Some(signal)) => {
                write!(f, " was terminated by signal {signal}")?;
                if let Some(name) = signal_name(signal) {
                    write!(f, " ({name})")?;
                }
            }
            (None, None) => f.write_str(" exited")?,
        }
        match self.stderr_tail.trim() {
            "" => f.write_str("; nothing was written to stderr"),
            text => write!(f, "; stderr: {}", StderrSummary(text)),
        }
    }
}

impl std::error::Error for ExitError {}

/// The names of common signals whose numbers are the same on every Unix.
fn signal_name(signal: i32) -> Option<&'static str> {
    Some(match signal {
        1 => "SIGHUP",
        2 => "SIGINT",
        3 => "SIGQUIT",
        4 => "SIGILL",
        6 => "SIGABRT",
        8 => "SIGFPE",
        9 => "SIGKILL",
        11 => "SIGSEGV",
        13 => "SIGPIPE",
        15 => "SIGTERM",
        _ => return None,
    })
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::process::ExitStatusExt;

    use super::*;

    fn text(raw: i32, stderr: &str) -> String {
        let status = Some(ExitStatus::from_raw(raw));
        ExitError { command: "uv run x.py".into(), status, stderr_tail: stderr.into() }.to_string()
    }

    #[test]
    fn display_has_status_signal_and_stderr_summary() {
        let expected = "uv run x.py exited with status 1; stderr: no module";
        assert_eq!(text(1 << 8, "no module\n"), expected);
        let expected =
            "uv run x.py was terminated by signal 9 (SIGKILL); nothing was written to stderr";
        assert_eq!(text(9, "\n"), expected);
        let expected = "uv run x.py exited with status 0; stderr: a | b";
        assert_eq!(text(0, "a\nb\n"), expected);
    }
}

use std::{fmt, process::ExitStatus};

use mcp_transport::StderrSummary;

/// The server's process has ended: the source of errors of kind
/// [`Closed`](mcp_transport::ErrorKind::Closed), found by
/// [`Error::find`](mcp_transport::Error::find).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ExitError {
    /// The command line, quoted for reading.
    pub command: String,
    /// How it ended; `None` where somebody else in this program has collected the status.
    pub status: Option<ExitStatus>,
    /// At most the last 8 KiB that it wrote on stderr; bytes that are not UTF-8 are replaced.
    pub stderr_tail: String,
}

impl ExitError {
    /// The exit code; `None` where a signal ended the process.
    pub fn code(&self) -> Option<i32> {
        self.status?.code()
    }

    /// The signal that ended the process; always `None` on Windows.
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
                write!(f, " was ended by signal {signal}")?;
                if let Some(name) = signal_name(signal) {
                    write!(f, " ({name})")?;
                }
            }
            (None, None) => f.write_str(" exited")?,
        }
        match self.stderr_tail.trim() {
            "" => f.write_str("; nothing was written to stderr"),
            words => write!(f, "; stderr: {}", StderrSummary(words)),
        }
    }
}

impl std::error::Error for ExitError {}

/// Those that say something, with numbers that are the same on every Unix.
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
    fn tells_status_signal_and_stderr_summary() {
        let expected = "uv run x.py exited with status 1; stderr: no module";
        assert_eq!(text(1 << 8, "no module\n"), expected);
        let expected = "uv run x.py was ended by signal 9 (SIGKILL); nothing was written to stderr";
        assert_eq!(text(9, "\n"), expected);
        let expected = "uv run x.py exited with status 0; stderr: a | b";
        assert_eq!(text(0, "a\nb\n"), expected);
    }
}

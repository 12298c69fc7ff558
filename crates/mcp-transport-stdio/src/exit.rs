use std::{fmt, process::ExitStatus};

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

/// How much of the tail is shown, in bytes. The last lines of a stack trace tell the most.
const SHOWN: usize = 2048;

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
        let words = last_lines(self.stderr_tail.trim());
        match words {
            "" => f.write_str(" without a word on stderr"),
            _ if words.contains('\n') => write!(f, "; its last words on stderr:\n{words}"),
            _ => write!(f, "; its last words on stderr: {words}"),
        }
    }
}

impl std::error::Error for ExitError {}

/// As many whole lines from the end as are shown, or the end of one that is longer.
fn last_lines(text: &str) -> &str {
    if text.len() <= SHOWN {
        return text;
    }
    let mut start = text.len() - SHOWN;
    while !text.is_char_boundary(start) {
        start += 1;
    }
    let cut = &text[start..];
    cut.split_once('\n').map_or(cut, |(_, lines)| lines)
}

/// Those that tell something, with numbers that are the same on every Unix.
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
    fn tells_status_signal_and_last_words() {
        let expected = "uv run x.py exited with status 1; its last words on stderr: no module";
        assert_eq!(text(1 << 8, "no module\n"), expected);
        let expected = "uv run x.py was ended by signal 9 (SIGKILL) without a word on stderr";
        assert_eq!(text(9, "\n"), expected);
        let expected = "uv run x.py exited with status 0; its last words on stderr:\na\nb";
        assert_eq!(text(0, "a\nb\n"), expected);
    }

    #[test]
    fn shows_whole_lines_of_a_long_tail() {
        let stderr = format!("{}\n{}\nlast", "ü".repeat(2000), "y".repeat(1000));
        let shown = text(0, &stderr);
        assert!(shown.ends_with(&format!("stderr:\n{}\nlast", "y".repeat(1000))), "{shown}");
        assert!(text(0, &"ü".repeat(3000)).len() < SHOWN + 100);
    }
}

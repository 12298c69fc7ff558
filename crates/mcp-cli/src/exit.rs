//! Exit codes, by the kind of a failure.

use mcp_client::ErrorKind;

/// The exit code of the command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    /// Success.
    Ok = 0,
    /// Any other failure, such as a protocol error.
    Other = 1,
    /// The command line, a configuration or the arguments of a tool are invalid. Nothing was called.
    Usage = 2,
    /// The server requires credentials, or refuses the ones it received.
    Unauthorized = 3,
    /// The server cannot be reached or started, or has exited.
    Unreachable = 4,
    /// The tool ran and failed.
    ToolFailed = 5,
    /// A timeout was reached.
    TimedOut = 6,
    /// A check failed: a server of `list --check`, or a result that does not match its schema.
    CheckFailed = 7,
    /// The server requested input that was not provided.
    Unanswered = 8,
    /// Ctrl-C, or another termination signal.
    Interrupted = 130,
}

impl From<ErrorKind> for Exit {
    fn from(kind: ErrorKind) -> Self {
        match kind {
            ErrorKind::Target
            | ErrorKind::Config
            | ErrorKind::Arguments
            | ErrorKind::InvalidRequest => Self::Usage,
            ErrorKind::Unauthorized => Self::Unauthorized,
            ErrorKind::Connect
            | ErrorKind::Closed
            | ErrorKind::Interrupted
            | ErrorKind::Rejected
            | ErrorKind::Unavailable
            | ErrorKind::SessionExpired
            | ErrorKind::Redirect => Self::Unreachable,
            ErrorKind::Tool => Self::ToolFailed,
            ErrorKind::Timeout => Self::TimedOut,
            ErrorKind::Output | ErrorKind::Schema => Self::CheckFailed,
            ErrorKind::InputRequired => Self::Unanswered,
            _ => Self::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_has_its_code() {
        let codes = ErrorKind::ALL.map(|kind| (kind, Exit::from(kind) as u8));
        let of = |code| -> Vec<ErrorKind> {
            codes.into_iter().filter(|(_, it)| *it == code).map(|(kind, _)| kind).collect()
        };
        use ErrorKind::*;
        assert_eq!(of(0), []);
        let other = [
            TooLarge,
            Lagged,
            Protocol,
            Cancelled,
            Answer,
            Version,
            Decode,
            Pagination,
            Unsupported,
            Extension,
            Other,
        ];
        assert_eq!(of(1), other);
        assert_eq!(of(2), [Target, InvalidRequest, Config, Arguments]);
        assert_eq!(of(3), [Unauthorized]);
        let unreachable =
            [Connect, Closed, Interrupted, Rejected, Unavailable, SessionExpired, Redirect];
        assert_eq!(of(4), unreachable);
        assert_eq!(of(5), [Tool]);
        assert_eq!(of(6), [Timeout]);
        assert_eq!(of(7), [Output, Schema]);
        assert_eq!(of(8), [InputRequired]);
    }
}

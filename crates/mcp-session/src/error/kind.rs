use mcp_core::method;
use mcp_transport::ErrorKind as Transport;

/// The kind of an [`Error`](crate::Error), to match on. Includes the kinds of transport errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The target is not a server.
    Target,
    /// The server could not be reached: nothing listens, no such command or directory, no TLS.
    Connect,
    /// The connection has ended: closed by the client or the server, or the process has exited.
    Closed,
    /// The connection broke before the response arrived. Only this request is lost.
    Interrupted,
    /// A timeout elapsed.
    Timeout,
    /// A message or a list is larger than the limit.
    TooLarge,
    /// More messages arrived for one exchange than were read.
    Lagged,
    /// The server violated the protocol: invalid JSON-RPC, a wrong id, a stream that ends without a response.
    Protocol,
    /// HTTP status 4xx without a JSON-RPC body, except 401, 403, 408 and 429: the endpoint does not accept such a
    /// request. `StatusError` is among the [causes](crate::Error::find).
    Rejected,
    /// HTTP status 408, 429, 5xx or another unexpected response: an outage. `StatusError` is among the
    /// [causes](crate::Error::find).
    Unavailable,
    /// HTTP status 401 (credentials required) or 403 (credentials rejected).
    Unauthorized,
    /// The server has lost the session, and a new session did not help.
    SessionExpired,
    /// A redirect that must not be followed.
    Redirect,
    /// The server ended this exchange without a response.
    Cancelled,
    /// The request is not valid, for example a header that cannot be sent.
    InvalidRequest,
    /// A setting is invalid, or a feature is not enabled.
    Config,
    /// The server responded with a JSON-RPC error; see [`Error::answer`](crate::Error::answer).
    Answer,
    /// Client and server have no common protocol revision.
    Version,
    /// The result does not have the type of its method.
    Decode,
    /// The server requests input (elicitation, sampling, roots) that this client does not provide; see
    /// [`Error::input_required`](crate::Error::input_required).
    InputRequired,
    /// The arguments of the call cannot be encoded.
    Arguments,
    /// A list has too many pages.
    Pagination,
    /// The method does not exist in the era of this session.
    Unsupported,
    /// The tool failed, and its result was requested as data; see [`Error::result`](crate::Error::result).
    Tool,
    /// The result of a tool violates its `outputSchema`, or does not have the requested type; see
    /// [`Error::result`](crate::Error::result).
    Output,
    /// The `outputSchema` of a tool is not usable, so its result was not validated; see
    /// [`Error::result`](crate::Error::result).
    Schema,
    /// An error of a protocol extension; its error is among the [causes](crate::Error::find).
    Extension,
    /// Anything else.
    Other,
}

impl From<Transport> for ErrorKind {
    fn from(kind: Transport) -> Self {
        match kind {
            Transport::Connect => Self::Connect,
            Transport::Closed => Self::Closed,
            Transport::Interrupted => Self::Interrupted,
            Transport::Timeout => Self::Timeout,
            Transport::TooLarge => Self::TooLarge,
            Transport::Lagged => Self::Lagged,
            Transport::Protocol => Self::Protocol,
            Transport::Rejected => Self::Rejected,
            Transport::Unavailable => Self::Unavailable,
            Transport::Unauthorized => Self::Unauthorized,
            Transport::SessionExpired => Self::SessionExpired,
            Transport::Redirect => Self::Redirect,
            Transport::Cancelled => Self::Cancelled,
            Transport::InvalidRequest => Self::InvalidRequest,
            Transport::Config => Self::Config,
            _ => Self::Other,
        }
    }
}

impl ErrorKind {
    /// All kinds, for example for a table of exit codes.
    pub const ALL: [Self; 28] = [
        Self::Target,
        Self::Connect,
        Self::Closed,
        Self::Interrupted,
        Self::Timeout,
        Self::TooLarge,
        Self::Lagged,
        Self::Protocol,
        Self::Rejected,
        Self::Unavailable,
        Self::Unauthorized,
        Self::SessionExpired,
        Self::Redirect,
        Self::Cancelled,
        Self::InvalidRequest,
        Self::Config,
        Self::Answer,
        Self::Version,
        Self::Decode,
        Self::InputRequired,
        Self::Arguments,
        Self::Pagination,
        Self::Unsupported,
        Self::Tool,
        Self::Output,
        Self::Schema,
        Self::Extension,
        Self::Other,
    ];

    /// The hint at the end of an error about `method`, or about the connection; `target` is the subject of the error,
    /// such as a URL.
    pub(super) fn hint(self, method: Option<&str>, target: Option<&str>) -> Option<&'static str> {
        let opening = matches!(method, Some(method::SERVER_DISCOVER | method::INITIALIZE));
        Some(match self {
            // A refused stream has no method.
            Self::Rejected if opening || method.is_none() => match target.is_some_and(names_mcp) {
                true => "is this the URL of an MCP endpoint?",
                false => "is this the URL of an MCP endpoint? its path is often /mcp",
            },
            Self::Protocol | Self::Decode if opening => "is this an MCP server?",
            Self::Unavailable => "try again later, or is the URL wrong?",
            Self::Unauthorized => {
                "pass credentials: a bearer token, `.auth(OAuth::new())`, or \"auth\": \"oauth\" in a \
                 configuration"
            }
            Self::TooLarge => "raise the limit",
            Self::Closed if opening => {
                "does the server run by itself, and does it speak MCP on these streams?"
            }
            Self::Closed if method.is_some() => "connect again",
            Self::SessionExpired => "connect again",
            Self::Timeout => "is the server stuck? a longer time-out can be set",
            Self::Version => "use a newer server, or another era",
            _ => return None,
        })
    }

    /// The name of the kind in spans, from a small set. A JSON-RPC error has its code instead.
    pub(crate) fn span_name(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Closed => "closed",
            Self::Interrupted => "interrupted",
            Self::Timeout => "timeout",
            Self::TooLarge => "too_large",
            Self::Lagged => "lagged",
            Self::Protocol => "protocol",
            Self::Rejected => "rejected",
            Self::Unavailable => "unavailable",
            Self::Unauthorized => "unauthorized",
            Self::SessionExpired => "session_expired",
            Self::Redirect => "redirect",
            Self::Cancelled => "cancelled",
            Self::InvalidRequest => "invalid_request",
            Self::Config => "config",
            Self::Version => "version",
            Self::Decode => "decode",
            Self::InputRequired => "input_required",
            Self::Arguments => "arguments",
            Self::Pagination => "pagination",
            Self::Unsupported => "unsupported",
            _ => "_OTHER",
        }
    }
}

/// Whether the path of a URL already names the protocol.
fn names_mcp(url: &str) -> bool {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    let path = path.split_once("://").map_or(path, |(_, rest)| rest);
    path.split('/').skip(1).any(|segment| segment.eq_ignore_ascii_case("mcp"))
}

#[cfg(test)]
mod tests {
    use super::ErrorKind;

    #[test]
    fn all_kinds_are_in_the_list_in_their_order() {
        let places = ErrorKind::ALL.map(|kind| kind as usize);
        assert_eq!(places, std::array::from_fn::<_, { ErrorKind::ALL.len() }, _>(|it| it));
        assert_eq!(ErrorKind::Other as usize + 1, ErrorKind::ALL.len());
    }
}

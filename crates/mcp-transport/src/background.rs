/// Marks a message or an HTTP request that no caller waits for, such as the reconnect of a stream or the end
/// of a session: an [`Envelope`](crate::Envelope) has it among its extensions.
///
/// A layer that could ask a user for something, such as a login, does not do so for such a request.
///
/// ```
/// use mcp_transport::{Background, Envelope};
///
/// let envelope = Envelope::new(()).with_extension(Background);
/// assert!(envelope.extensions.get::<Background>().is_some());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a mark")]
pub struct Background;

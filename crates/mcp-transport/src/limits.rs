/// Bounds of the memory that one connection may use.
///
/// A queued message counts with all memory that it keeps alive, including its frame and its names.
///
/// ```
/// use mcp_transport::Limits;
///
/// let limits = Limits::default().with_message(4 << 20).with_exchange(256);
/// assert_eq!(limits.outbox, 1 << 20);
/// ```
#[doc(alias = "buffer")]
#[doc(alias = "backpressure")]
#[doc(alias = "capacity")]
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// The longest received message, in bytes. Default: 64 MiB. A longer message is discarded while it
    /// arrives, and fails the request that it responds to.
    pub message: usize,
    /// Messages queued for the reader of one exchange. Default: 1024.
    ///
    /// Receiving pauses for up to 10 ms for a reader with a backlog. If the queue is still full, the oldest
    /// progress and log messages are dropped first, and a change notification equal to a queued one is not
    /// queued again. If that does not make room, the exchange ends with
    /// [`Lagged`](crate::ErrorKind::Lagged).
    pub exchange: usize,
    /// Messages queued for the reader of [`Inbound`](crate::Inbound). Default: 1024.
    ///
    /// A full queue is handled as for [`exchange`](Self::exchange), but in the end the new message is
    /// dropped, and [`Gap::Lagged`](crate::Gap::Lagged) reports the number of dropped messages. A request
    /// of the server is answered with an error instead.
    pub inbound: usize,
    /// Bytes queued for one reader. Default: 64 MiB. One message always fits, whatever its size.
    pub waiting: usize,
    /// Bytes queued to be written. Default: 1 MiB. While more are queued,
    /// [`request`](crate::Transport::request) and [`send`](crate::Transport::send) wait.
    pub outbox: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            message: 64 << 20,
            exchange: 1024,
            inbound: 1024,
            waiting: 64 << 20,
            outbox: 1 << 20,
        }
    }
}

impl Limits {
    /// Sets [`message`](Self::message).
    #[must_use]
    pub const fn with_message(mut self, bytes: usize) -> Self {
        self.message = bytes;
        self
    }

    /// Sets [`exchange`](Self::exchange).
    #[must_use]
    pub const fn with_exchange(mut self, messages: usize) -> Self {
        self.exchange = messages;
        self
    }

    /// Sets [`inbound`](Self::inbound).
    #[must_use]
    pub const fn with_inbound(mut self, messages: usize) -> Self {
        self.inbound = messages;
        self
    }

    /// Sets [`waiting`](Self::waiting).
    #[must_use]
    pub const fn with_waiting(mut self, bytes: usize) -> Self {
        self.waiting = bytes;
        self
    }

    /// Sets [`outbox`](Self::outbox).
    #[must_use]
    pub const fn with_outbox(mut self, bytes: usize) -> Self {
        self.outbox = bytes;
        self
    }
}

/// What is kept in memory for one connection at the most.
///
/// Bytes are those of memory: of all that a waiting message keeps alive, its frame and its names included.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of one received message. Default: 64 MiB. A longer one is skipped as it arrives and fails
    /// the request that it answers.
    pub message: usize,
    /// Messages that wait for the reader of one exchange. Default: 1024.
    ///
    /// A reader that is there is given the time to read. When it is too slow, the oldest progress and log
    /// messages are dropped first, and a change that waits already is not queued twice; when nothing of
    /// that helps, the exchange ends with [`Lagged`](crate::ErrorKind::Lagged).
    pub exchange: usize,
    /// Messages that wait for the reader of [`Inbound`](crate::Inbound). Default: 1024.
    ///
    /// As for [`exchange`](Self::exchange); but when nothing helps, the message is dropped, and
    /// [`Gap::Lagged`](crate::Gap::Lagged) reports how many were. A request of the server is refused then.
    pub inbound: usize,
    /// Bytes that wait for one reader. Default: 64 MiB. One message always fits, however large.
    pub waiting: usize,
    /// Bytes that wait to be written. Default: 1 MiB. When more wait, [`request`](crate::Transport::request)
    /// and [`send`](crate::Transport::send) wait too.
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

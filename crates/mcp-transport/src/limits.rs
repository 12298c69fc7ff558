/// What a shared pipe keeps in memory at the most.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of one received message. Default: 64 MiB. A longer one is skipped as it arrives and fails
    /// the request that it answers.
    pub message: usize,
    /// Messages that wait for the reader of one exchange. Default: 1024; also bounded by
    /// [`message`](Limits::message) bytes in all. One more ends that exchange.
    pub exchange: usize,
    /// Messages that wait for the reader of [`Inbound`](crate::Inbound). Default: 1024. One more is
    /// dropped and counted; a request of the server is then refused, so that it does not wait.
    pub inbound: usize,
    /// Bytes that wait to be written. Default: 1 MiB. When more wait, [`request`](crate::Transport::request)
    /// and [`send`](crate::Transport::send) wait too.
    pub outbox: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { message: 64 << 20, exchange: 1024, inbound: 1024, outbox: 1 << 20 }
    }
}

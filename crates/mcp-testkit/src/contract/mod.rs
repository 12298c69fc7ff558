//! The contract of [`Transport`](mcp_transport::Transport), a function a line.
//!
//! The functions take a [`Setup`], so that a test can be written by hand where
//! [`transport_contract!`](crate::transport_contract) does not fit. They panic where the contract is
//! broken. They send requests as revision 2026-07-28 has them.

mod cases;
mod client;

use std::{any::Any, fmt, future::Future, time::Duration};

use mcp_transport::Connect;

pub use self::cases::{
    answers_each_request, close_ends_everything, correlates_out_of_order, drop_cancels,
    drop_of_request_future_is_safe, duplicate_id_is_refused, keeps_id_types, keeps_order,
    large_messages_both_ways, payloads_are_untouched, peer_errors_are_answers, sends_one_way,
};

/// How the transport under test reaches a new [`ContractPeer`](crate::ContractPeer).
pub struct Setup<C> {
    pub(crate) connect: C,
    /// What has to live as long as the test.
    pub(crate) kept: Vec<Box<dyn Any + Send>>,
}

impl<C: Connect> Setup<C> {
    /// A setup of what opens the connection.
    pub fn new(connect: C) -> Self {
        Self { connect, kept: Vec::new() }
    }

    /// Keeps something alive for the whole test, such as the server.
    #[must_use]
    pub fn keep(mut self, guard: impl Any + Send) -> Self {
        self.kept.push(Box::new(guard));
        self
    }
}

impl<C: Connect> fmt::Debug for Setup<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Setup").field(&self.connect.describe()).finish()
    }
}

/// How long a line may take before it has failed.
const LIMIT: Duration = Duration::from_secs(60);

/// Runs one line in a runtime of its own; what [`transport_contract!`](crate::transport_contract) expands
/// to.
///
/// # Panics
/// When the contract is broken, or nothing happens for a minute.
pub fn run<C, S, L>(setup: impl FnOnce() -> S, line: impl FnOnce(Setup<C>) -> L)
where
    S: Future<Output = Setup<C>>,
    L: Future<Output = ()>,
{
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("the system has threads");
    runtime.block_on(async {
        let setup = setup().await;
        tokio::time::timeout(LIMIT, line(setup)).await.expect("nothing waits for ever");
    });
    runtime.shutdown_timeout(Duration::from_secs(5));
}

/// Runs the whole contract over a transport: one test for each line.
///
/// Takes the path of an `async fn() -> Setup<impl Connect>`, which is called for each of them. Put it
/// into a module of its own for each transport of a file.
#[macro_export]
macro_rules! transport_contract {
    ($setup:path) => {
        $crate::transport_contract! { $setup =>
            answers_each_request
            correlates_out_of_order
            keeps_id_types
            keeps_order
            peer_errors_are_answers
            payloads_are_untouched
            drop_cancels
            drop_of_request_future_is_safe
            sends_one_way
            close_ends_everything
            large_messages_both_ways
            duplicate_id_is_refused
        }
    };
    ($setup:path => $($line:ident)+) => {
        $(
            #[test]
            fn $line() {
                $crate::contract::run($setup, $crate::contract::$line);
            }
        )+
    };
}

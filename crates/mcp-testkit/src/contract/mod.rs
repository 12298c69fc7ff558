//! The contract of [`Transport`](mcp_transport::Transport): one function for each rule.
//!
//! [`transport_contract!`](crate::transport_contract) runs all of them. Each function takes a [`Setup`] and
//! can be called directly too. It panics if the transport violates the rule. Requests are sent with protocol
//! version 2026-07-28.

mod cases;
mod client;

use std::{any::Any, fmt, future::Future, time::Duration};

use mcp_transport::Connect;

pub use self::cases::{
    answers_each_request, close_ends_everything, correlates_out_of_order, drop_cancels,
    drop_of_request_future_is_safe, duplicate_id_is_refused, keeps_id_types, keeps_order,
    large_messages_both_ways, payloads_are_untouched, peer_errors_are_answers, sends_one_way,
};

/// The connector under test, to a new [`ContractPeer`](crate::ContractPeer).
pub struct Setup<C> {
    pub(crate) connect: C,
    /// Values that are dropped at the end of the test.
    pub(crate) guards: Vec<Box<dyn Any + Send>>,
}

impl<C: Connect> Setup<C> {
    /// Creates a setup from a connector.
    pub fn new(connect: C) -> Self {
        Self { connect, guards: Vec::new() }
    }

    /// Keeps a value alive until the end of the test, such as a server.
    #[must_use]
    pub fn keep(mut self, guard: impl Any + Send) -> Self {
        self.guards.push(Box::new(guard));
        self
    }
}

impl<C: Connect> fmt::Debug for Setup<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Setup").field(&self.connect.describe()).finish()
    }
}

/// The longest time of one test.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Runs the test of one rule in a new runtime. [`transport_contract!`](crate::transport_contract) expands to
/// calls of it.
///
/// # Panics
/// If the transport violates the rule, or after 60 s.
pub fn run<C, S, R>(setup: impl FnOnce() -> S, rule: impl FnOnce(Setup<C>) -> R)
where
    S: Future<Output = Setup<C>>,
    R: Future<Output = ()>,
{
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime can be created");
    runtime.block_on(async {
        let setup = setup().await;
        tokio::time::timeout(TIMEOUT, rule(setup)).await.expect("the test ends within 60 s");
    });
    runtime.shutdown_timeout(Duration::from_secs(5));
}

/// Tests a transport against the whole contract: one test for each rule.
///
/// Takes the path of an `async fn() -> Setup<impl Connect>`, which is called for each test. Use one module
/// for each transport, since the tests have the names of the rules.
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
    ($setup:path => $($rule:ident)+) => {
        $(
            #[test]
            fn $rule() {
                $crate::contract::run($setup, $crate::contract::$rule);
            }
        )+
    };
}

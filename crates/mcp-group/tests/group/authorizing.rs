//! A server that waits for a user to log in.

use std::time::Duration;

use mcp_group::{Backend, Group, ServerState};
use mcp_session::EraPolicy;
use mcp_transport::{Connect, Connection, Error, Hold, SharedConnect, SharedTransport};
use mcp_transport_memory::Memory;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::fixture::{backend, names, open, open_receiving, server, until};

/// A server that opens once the user has logged in.
struct Login {
    hold: Hold,
    user: watch::Receiver<bool>,
}

impl Connect for Login {
    type Transport = SharedTransport;

    async fn connect(&self) -> Result<Connection<SharedTransport>, Error> {
        let _form = self.hold.begin();
        let mut user = self.user.clone();
        user.wait_for(|is_there| *is_there).await.unwrap();
        SharedConnect::new(Memory::new(server("guarded").build())).connect().await
    }

    fn describe(&self) -> String {
        "https://guarded".to_owned()
    }

    fn hold(&self) -> Option<Hold> {
        Some(self.hold.clone())
    }
}

fn login() -> (watch::Sender<bool>, Backend) {
    let (user, there) = watch::channel(false);
    (user, Backend::new("guarded", Login { hold: Hold::new(), user: there }))
}

#[tokio::test(start_paused = true)]
async fn a_group_does_not_wait_for_a_login_and_announces_the_server_after_it() {
    let (user, guarded) = login();
    let group = Group::builder().backend(guarded).backend(backend("a")).build();
    let start = Instant::now();
    let (session, received) = open_receiving(&group, EraPolicy::Legacy).await;
    assert_eq!(names(&session).await, ["a_echo", "a_count"]);
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
    assert_eq!(group.status()[0].state, ServerState::Authorizing);
    // A login may take longer than the start timeout.
    tokio::time::sleep(Duration::from_secs(200)).await;
    assert_eq!(names(&session).await.len(), 2);
    assert_eq!(group.status()[0].state, ServerState::Authorizing);
    user.send_replace(true);
    received.wait("notifications/tools/list_changed", 1).await;
    assert_eq!(names(&session).await.len(), 4);
    assert_eq!(group.status()[0].state, ServerState::Ready);
}

#[tokio::test(start_paused = true)]
async fn a_group_of_only_pending_logins_opens() {
    let (user, guarded) = login();
    let group = Group::builder().backend(guarded).failed("broken", "no").build();
    let session = open(&group).await;
    assert!(names(&session).await.is_empty());
    user.send_replace(true);
    until(|| group.status()[0].state == ServerState::Ready).await;
    assert_eq!(names(&session).await.len(), 2);
}

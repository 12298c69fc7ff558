//! The application of the world: opens sessions, calls, drops calls, subscribes, and checks the outcomes.

use std::time::Duration;

use futures_util::future::join_all;
use mcp_session::{Session, SessionOptions};
use mcp_transport::{Backoff, SharedConnect, restart::Restart};
use mcp_transport_http::StreamableHttp;
use mcp_transport_sse::Sse;
use tokio::{sync::Mutex, time::sleep};

use crate::{
    call::{self, Outcome},
    ends::ends,
    front::Http,
    network,
    pipe::Pipe,
    plan::{Carrier, Network},
    subscriber::Subscriber,
    world::World,
};

/// Time limit for opening a session: its own limit, plus the close of the transport.
const OPEN_LIMIT: Duration = Duration::from_secs(120);
/// Time limit for closing a session.
const CLOSE_LIMIT: Duration = Duration::from_secs(30);
/// Calls in a world without faults, of which one must succeed.
const RECOVERY_CALLS: usize = 4;
/// Time until every stream is open again in a world without faults.
const QUIET: Duration = Duration::from_secs(120);

/// State of the application that survives a runtime.
pub(crate) struct App {
    world: World,
    connect: SharedConnect,
    session: Mutex<Option<Session>>,
}

impl App {
    pub(crate) fn new(world: &World) -> Self {
        let connect = connector(world);
        Self { world: world.clone(), connect, session: Mutex::new(None) }
    }

    /// Runs in one runtime: calls while the world has faults, and recovers afterwards.
    pub(crate) async fn live(&self, runtime: u64) {
        let plan = self.world.plan();
        self.world.note(format_args!("runtime {runtime}"));
        self.world.set_calm(false);
        let mut subscriber = Subscriber::new(&self.world);
        let callers = (0..plan.callers).map(|caller| async move {
            for number in 0..plan.calls {
                sleep(self.world.random(|random| random.millis(0, 3000))).await;
                let key = format!("call {runtime}.{caller}.{number}");
                self.call(&key).await;
            }
        });
        let disturbing = self.disturb();
        {
            let following = async {
                if let Some(session) = self.session().await {
                    subscriber.follow(&session).await;
                }
                std::future::pending().await
            };
            tokio::select! {
                biased;
                _ = join_all(callers) => {}
                () = disturbing => {}
                () = following => {}
            }
        }
        self.world.set_calm(true);
        self.recover(runtime).await;
        subscriber.check(QUIET).await;
    }

    /// Ends the session and its subscriptions.
    pub(crate) async fn end(&self) {
        let Some(session) = self.session.lock().await.take() else { return };
        if self.world.plan().closes {
            let closing = ends(&self.world, "close", CLOSE_LIMIT, session.close());
            if let Some(Err(error)) = closing.await {
                self.world.note(format_args!("close: {error}"));
            }
        }
        self.world.note("the session is dropped");
    }

    /// The session, reopened if it is closed. `None` if it cannot be opened now.
    async fn session(&self) -> Option<Session> {
        let mut session = self.session.lock().await;
        if let Some(session) = session.as_ref().filter(|session| !session.is_closed()) {
            return Some(session.clone());
        }
        let mut options = SessionOptions::default();
        options.era = self.world.plan().policy;
        let opening = Session::open(self.connect.clone(), Some("simulated"), options);
        match ends(&self.world, "connect", OPEN_LIMIT, opening).await? {
            Ok(opened) => {
                self.world.note(format_args!("session opened: {}", opened.protocol_version()));
                *session = Some(opened.clone());
                Some(opened)
            }
            Err(error) => {
                self.world.note(format_args!("not opened: {error}"));
                None
            }
        }
    }

    async fn call(&self, key: &str) -> Outcome {
        match self.session().await {
            Some(session) => call::run(&self.world, &session, key).await,
            None => Outcome::Failed,
        }
    }

    /// Drops the session with its runtime, unless the plan keeps it.
    pub(crate) async fn leave_runtime(&self) {
        if !self.world.plan().keeps_session {
            self.end().await;
        }
    }

    /// Without faults, a call succeeds eventually.
    async fn recover(&self, runtime: u64) {
        for attempt in 0..RECOVERY_CALLS {
            let key = format!("recovery {runtime}.{attempt}");
            if self.call(&key).await == Outcome::Answered {
                return;
            }
            sleep(Duration::from_secs(1)).await;
        }
        let line = format!("{RECOVERY_CALLS} calls failed in a row in a world without faults");
        self.world.violation(line);
    }

    /// Restarts the server, loses its sessions, breaks connections and moves the clock, while it is polled.
    async fn disturb(&self) {
        let world = &self.world;
        loop {
            sleep(world.random(|random| random.millis(100, 5000))).await;
            if world.random(|random| random.chance(50)) {
                world.change();
            }
            if world.fails("all connections end") {
                world.break_connections();
            }
            if world.fails("the server restarts") {
                let downtime = world.random(|random| random.millis(0, 3000));
                world.restart(downtime);
            }
            if world.fails("the server loses its sessions") {
                world.lose_sessions();
            }
            if world.fails("the clock jumps") {
                let jump = world.random(|random| random.between(1, 7200));
                world.note(format_args!("by {jump} s"));
                tokio::time::advance(Duration::from_secs(jump)).await;
            }
        }
    }
}

fn connector(world: &World) -> SharedConnect {
    // Without jitter, so that a seed is reproducible.
    let backoff = Backoff::default().with_jitter(0.0);
    let pipe = || Pipe(world.clone());
    let network = world.plan().network;
    match world.plan().carrier {
        Carrier::Http => {
            let http = StreamableHttp::new(url(world, "/mcp")).expect("is a URL").backoff(backoff);
            match network {
                Network::None => SharedConnect::new(http.with_service(Http(world.clone()))),
                _ => SharedConnect::new(http.with_service(network::client(world))),
            }
        }
        Carrier::Sse => {
            let sse = Sse::new(url(world, "/sse")).expect("is a URL").backoff(backoff);
            match network {
                Network::None => SharedConnect::new(sse.with_service(Http(world.clone()))),
                _ => SharedConnect::new(sse.with_service(network::client(world))),
            }
        }
        Carrier::Pipe => SharedConnect::new(pipe()),
        Carrier::RestartedPipe => SharedConnect::new(Restart::new(pipe(), Restart::BACKOFF)),
    }
}

/// Only over TLS do client and server agree on HTTP/2.
fn url(world: &World, path: &str) -> String {
    let scheme = if world.plan().network == Network::Http2 { "https" } else { "http" };
    format!("{scheme}://simulated{path}")
}

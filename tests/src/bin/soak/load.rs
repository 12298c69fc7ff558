//! The concurrent load on the servers.

use std::{
    future::IntoFuture,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use mcp_client::{Client, Session};
use tokio::time::{Instant, sleep, timeout};

use super::servers::{SERVERS, Server};

/// Number of concurrent workers.
const WORKERS: u64 = 8;
/// Time limit of a call, whatever happens to its server.
const LIMIT: Duration = Duration::from_secs(60);

/// Counts of actions.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) answered: AtomicU64,
    pub(crate) failed: AtomicU64,
    pub(crate) cancelled: AtomicU64,
    pub(crate) connects: AtomicU64,
}

/// Pseudo-random numbers of low quality.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }

    pub(crate) fn server(&mut self) -> &'static Server {
        &SERVERS[self.below(SERVERS.len() as u64) as usize]
    }
}

/// Calls and cancels until `end`.
pub(crate) async fn run(
    client: &Client,
    session: &Session,
    round: u64,
    counts: &Arc<Counts>,
    end: Instant,
) -> Result<(), String> {
    let workers = (0..WORKERS).map(|worker| {
        let (client, session, counts) = (client.clone(), session.clone(), Arc::clone(counts));
        let random = Random(round * WORKERS + worker + 1);
        tokio::spawn(work(client, session, counts, random, end))
    });
    for worker in workers.collect::<Vec<_>>() {
        worker.await.map_err(|error| error.to_string())??;
    }
    Ok(())
}

async fn work(
    client: Client,
    session: Session,
    counts: Arc<Counts>,
    mut random: Random,
    end: Instant,
) -> Result<(), String> {
    while Instant::now() < end {
        let server = random.server();
        match random.below(20) {
            0 if server.can_wait => {
                let wait = session.call_tool(&format!("{}_wait", server.name)).arg("ms", 60_000);
                let after = Duration::from_millis(random.below(50));
                if timeout(after, wait.into_future()).await.is_err() {
                    counts.cancelled.fetch_add(1, Ordering::Relaxed);
                }
            }
            1 => {
                let another = within(client.connect().into_future()).await?;
                let another = another.map_err(|error| format!("connect: {error}"))?;
                counts.connects.fetch_add(1, Ordering::Relaxed);
                drop(another);
            }
            _ => echo(&session, server, &counts, &mut random).await?,
        }
    }
    Ok(())
}

async fn echo(
    session: &Session,
    server: &Server,
    counts: &Counts,
    random: &mut Random,
) -> Result<(), String> {
    let text = "x".repeat(random.below(20_000) as usize + 1);
    let echo = session.call_tool(&format!("{}_echo", server.name)).arg(server.argument, &*text);
    match within(echo.into_future()).await? {
        Ok(result) if result.text().contains(&text) => {
            counts.answered.fetch_add(1, Ordering::Relaxed);
        }
        Ok(result) => return Err(format!("{}: a wrong answer: {}", server.name, result.text())),
        Err(_) => {
            // Its server was killed.
            counts.failed.fetch_add(1, Ordering::Relaxed);
            sleep(Duration::from_millis(20)).await;
        }
    }
    Ok(())
}

/// The output of a future, which must complete in time.
pub(crate) async fn within<T>(future: impl Future<Output = T>) -> Result<T, String> {
    let ended = timeout(LIMIT, future).await;
    ended.map_err(|_| format!("something has not ended within {LIMIT:?}"))
}

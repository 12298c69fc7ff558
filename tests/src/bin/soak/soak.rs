//! Rounds of load, each followed by a rest.

use std::{
    future::IntoFuture,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use mcp_client::{Client, group::Group};
use tokio::time::{Instant, sleep};

use super::{
    curve::{Sample, descendants, growth},
    load::{Counts, Random, run as load, within},
    servers::{Servers, are_ready},
};

/// Minimum number of rounds.
const ROUNDS: u32 = 12;
/// Time limit for the rest.
const REST_LIMIT: Duration = Duration::from_secs(60);

pub(crate) fn run(time: Duration) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| error.to_string())?;
    runtime.block_on(soak(time))
}

async fn soak(time: Duration) -> Result<(), String> {
    let started = Instant::now();
    let mut servers = Servers::start()?;
    let client = Client::new(servers.document.clone()).map_err(|error| error.to_string())?;
    let session = within(client.connect().into_future()).await?;
    let session = session.map_err(|error| format!("connect: {error}"))?;
    let group = client.group().ok_or("the document has a group")?;
    let (counts, mut kills) = (Arc::new(Counts::default()), 0_u64);
    let mut curve = Vec::new();
    let columns = "answered   failed cancelled connects kills";
    println!("  seconds   memory descriptors children tasks {columns}");
    for round in 0..ROUNDS {
        let mut random = Random(u64::from(round) + 1000);
        let end = Instant::now() + time / ROUNDS;
        let killing = async {
            // Twice each round; the rest of the round is for recovery.
            for _ in 0..2 {
                sleep(time / ROUNDS / 4).await;
                kills += u64::from(servers.kill(&group, random.server().name)?);
            }
            replace(&servers, &counts, &mut random).await
        };
        let loading = load(&client, &session, u64::from(round), &counts, end);
        let (loaded, killed) = tokio::join!(loading, killing);
        loaded.and(killed)?;
        rest(&group, &session).await?;
        let sample = Sample::take(started.elapsed())?;
        print(&sample, &counts, kills);
        curve.push(sample);
    }
    within(client.close()).await?.map_err(|error| format!("close: {error}"))?;
    drop((session, client, group, servers));
    let left = descendants();
    if !left.is_empty() {
        return Err(format!("processes are left: {left:?}"));
    }
    growth(&curve)?;
    let (answered, seconds) =
        (counts.answered.load(Ordering::Relaxed), started.elapsed().as_secs());
    println!("soak: flat after {answered} calls and {kills} kills in {seconds} s");
    Ok(())
}

/// Starts another process for a separate session, and stops it.
async fn replace(servers: &Servers, counts: &Counts, random: &mut Random) -> Result<(), String> {
    let name = ["ts2", "everything"][random.below(2) as usize];
    let client = Client::new(servers.single(name)).map_err(|error| error.to_string())?;
    let session = within(client.connect().into_future()).await?;
    let session = session.map_err(|error| format!("connect to {name}: {error}"))?;
    counts.connects.fetch_add(1, Ordering::Relaxed);
    within(session.list_tools().into_future()).await?.map_err(|error| error.to_string())?;
    within(client.close()).await?.map_err(|error| error.to_string())
}

/// Waits until all servers are ready again, and nothing else runs.
async fn rest(group: &Group, session: &mcp_client::Session) -> Result<(), String> {
    let end = Instant::now() + REST_LIMIT;
    // Each responds: a killed server has been replaced.
    let tools = async { session.list_tools().await.map(|tools| tools.len()) };
    within(tools).await?.map_err(|error| error.to_string())?;
    while !are_ready(group) || descendants().len() > super::servers::SERVERS.len() {
        if Instant::now() > end {
            return Err(format!("no rest: {:?}, {:?}", group.status(), descendants()));
        }
        sleep(Duration::from_millis(20)).await;
    }
    // Idle connections and cancelled requests end.
    sleep(Duration::from_millis(200)).await;
    Ok(())
}

fn print(sample: &Sample, counts: &Counts, kills: u64) {
    let Sample { at, memory, descriptors, children, tasks } = sample;
    let count = |of: &std::sync::atomic::AtomicU64| of.load(Ordering::Relaxed);
    let [answered, failed, cancelled, connects] =
        [&counts.answered, &counts.failed, &counts.cancelled, &counts.connects].map(count);
    println!(
        "{:>9.1} {memory:>8} {descriptors:>11} {children:>8} {tasks:>5} {answered:>8} {failed:>8} \
         {cancelled:>9} {connects:>8} {kills:>5}",
        at.as_secs_f64(),
    );
}

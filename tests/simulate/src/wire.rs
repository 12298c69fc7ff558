//! The bytes of a connection: slow, split into chunks, and cut off at any byte.

use std::{future::pending, sync::Arc};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    sync::watch,
    time::sleep,
};

use crate::world::World;

/// The end of one connection, shared by its tasks.
#[derive(Clone)]
pub(crate) struct End(Arc<watch::Sender<bool>>);

/// How a direction may fail.
#[derive(Clone, Copy)]
pub(crate) struct Risks {
    /// The name of the fault that cuts it off.
    pub(crate) cut: &'static str,
    /// Whether a cut may leave the other direction open.
    pub(crate) may_be_half: bool,
    /// The name of the fault that stops it without an end.
    pub(crate) silence: Option<&'static str>,
}

/// How a direction fails.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Failure {
    /// The connection ends.
    End,
    /// This direction ends.
    Half,
    /// No more bytes arrive.
    Silence,
}

impl End {
    pub(crate) fn new() -> Self {
        Self(Arc::new(watch::channel(false).0))
    }

    /// Spawns a task that ends with the connection or with all connections.
    pub(crate) fn spawn(&self, world: &World, task: impl Future<Output = ()> + Send + 'static) {
        let (mut ended, mut breaks) = (self.0.subscribe(), world.breaks());
        world.spawn(async move {
            tokio::select! {
                biased;
                _ = ended.wait_for(|ended| *ended) => {}
                _ = breaks.changed() => {}
                () = task => {}
            }
        });
    }

    /// Ends the connection.
    pub(crate) fn now(&self) {
        self.0.send_replace(true);
    }
}

/// Carries bytes in one direction.
pub(crate) async fn carry(
    world: World,
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    risks: Risks,
    end: End,
) {
    let mut failure = failure(&world, risks);
    let mut buffer = vec![0; 512];
    loop {
        let (size, delay) = world.random(|random| {
            let size = random.between(1, buffer.len() as u64) as usize;
            (size, random.chance(20).then(|| random.millis(1, 30)))
        });
        let size = size.min(failure.map_or(usize::MAX, |(left, _)| left));
        if size == 0 {
            match failure {
                Some((_, Failure::Half)) => {}
                Some((_, Failure::Silence)) => pending().await,
                _ => end.now(),
            }
            return;
        }
        let Ok(read @ 1..) = from.read(&mut buffer[..size]).await else {
            // The reader ends gracefully, after what is on its way.
            let _ = to.shutdown().await;
            return;
        };
        if let Some(delay) = delay {
            sleep(delay).await;
        }
        if to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
        if let Some((left, _)) = &mut failure {
            *left -= read;
        }
    }
}

/// When the server closes a connection, if it does.
pub(crate) async fn until_closed(world: World) {
    match world.fails("the server closes a connection") {
        true => sleep(world.random(|random| random.millis(0, 5000))).await,
        false => pending().await,
    }
}

/// After how many bytes the direction fails, and how.
fn failure(world: &World, risks: Risks) -> Option<(usize, Failure)> {
    let kind = if world.fails(risks.cut) {
        let is_half = world.random(|random| random.chance(30));
        if risks.may_be_half && is_half { Failure::Half } else { Failure::End }
    } else if risks.silence.is_some_and(|silence| world.fails(silence)) {
        Failure::Silence
    } else {
        return None;
    };
    Some((world.random(|random| random.between(0, 4000) as usize), kind))
}

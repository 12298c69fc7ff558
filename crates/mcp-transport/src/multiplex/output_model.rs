//! A model of [`Output`](output::Output), in which loom runs the driver and senders in every order of their steps:
//! every line is written whole and once, in the order of the queue, and no wake-up is lost.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::{
    future::poll_fn,
    io,
    pin::Pin,
    task::{Context, Poll, Waker},
};

use loom::{future::block_on, sync::Arc, thread};
use mcp_core::Notification;
use tokio::io::AsyncWrite;

use super::outbox;
use outbox::{Lines, Queue, Sending};
use output::{Output, WriteNow};
use sync::Mutex;

/// A lock whose `try_lock` returns at once: in loom's own, it waits for a thread that holds the lock.
mod sync {
    use std::{
        ops::{Deref, DerefMut},
        sync::{LockResult, TryLockError, TryLockResult},
    };

    use loom::sync::{self, Condvar};

    pub(super) struct Mutex<T> {
        is_held: sync::Mutex<bool>,
        released: Condvar,
        /// Taken by the holder only, so that it is no step of the model.
        value: std::sync::Mutex<T>,
    }

    pub(super) struct Guard<'a, T> {
        lock: &'a Mutex<T>,
        value: Option<std::sync::MutexGuard<'a, T>>,
    }

    impl<T> Mutex<T> {
        pub(super) fn new(value: T) -> Self {
            let (is_held, released) = (sync::Mutex::new(false), Condvar::new());
            Self { is_held, released, value: std::sync::Mutex::new(value) }
        }

        pub(super) fn lock(&self) -> LockResult<Guard<'_, T>> {
            let mut is_held = self.is_held.lock().unwrap();
            while *is_held {
                is_held = self.released.wait(is_held).unwrap();
            }
            *is_held = true;
            drop(is_held);
            Ok(Guard { lock: self, value: Some(self.value.lock().unwrap()) })
        }

        pub(super) fn try_lock(&self) -> TryLockResult<Guard<'_, T>> {
            if std::mem::replace(&mut *self.is_held.lock().unwrap(), true) {
                return Err(TryLockError::WouldBlock);
            }
            Ok(Guard { lock: self, value: Some(self.value.lock().unwrap()) })
        }
    }

    impl<T> Deref for Guard<'_, T> {
        type Target = T;

        fn deref(&self) -> &T {
            self.value.as_ref().unwrap()
        }
    }

    impl<T> DerefMut for Guard<'_, T> {
        fn deref_mut(&mut self) -> &mut T {
            self.value.as_mut().unwrap()
        }
    }

    impl<T> Drop for Guard<'_, T> {
        fn drop(&mut self) {
            self.value = None;
            *self.lock.is_held.lock().unwrap() = false;
            self.lock.released.notify_all();
        }
    }
}

#[allow(clippy::duplicate_mod, dead_code, reason = "the same code, over the locks of the model")]
#[path = "output.rs"]
mod output;

/// A pipe with room for a few bytes at a time. Each call is one step of the model.
struct Pipe {
    bytes: Vec<u8>,
    room: usize,
    is_closed: bool,
    writer: Option<Waker>,
    reader: Option<Waker>,
}

#[derive(Clone)]
struct Writer(std::sync::Arc<std::sync::Mutex<Pipe>>);

impl Writer {
    fn new(room: usize) -> Self {
        let pipe = Pipe { bytes: Vec::new(), room, is_closed: false, writer: None, reader: None };
        Self(std::sync::Arc::new(std::sync::Mutex::new(pipe)))
    }

    /// The peer makes room for `length` bytes, and reads so many.
    fn read(&self, length: usize) -> String {
        let waker = {
            let mut pipe = self.0.lock().unwrap();
            pipe.room += length;
            pipe.writer.take()
        };
        waker.into_iter().for_each(Waker::wake);
        block_on(poll_fn(|cx| {
            let waker = cx.waker().clone();
            let mut pipe = self.0.lock().unwrap();
            if pipe.bytes.len() >= length {
                let read = String::from_utf8(pipe.bytes.clone()).unwrap();
                drop(pipe);
                return Poll::Ready(read);
            }
            let before = pipe.reader.replace(waker);
            drop(pipe);
            drop(before);
            Poll::Pending
        }))
    }
}

impl AsyncWrite for Writer {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let waker = cx.waker().clone();
        let mut pipe = self.0.lock().unwrap();
        assert!(!pipe.is_closed);
        let length = pipe.room.min(bytes.len());
        if length == 0 {
            // As in a real pipe, only the last waker is woken.
            let before = pipe.writer.replace(waker);
            drop(pipe);
            drop(before);
            return Poll::Pending;
        }
        pipe.room -= length;
        pipe.bytes.extend_from_slice(&bytes[..length]);
        let reader = pipe.reader.take();
        drop(pipe);
        reader.into_iter().for_each(Waker::wake);
        Poll::Ready(Ok(length))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.lock().unwrap().is_closed = true;
        Poll::Ready(Ok(()))
    }
}

type State = Arc<Mutex<Sending>>;

/// Sends a line as `Multiplex::try_request` does, or as the drop of a call does, which leaves it to the driver.
fn send(state: &State, output: &Output<Writer>, name: &'static str, may_write: bool) {
    let mut sending = state.lock().unwrap();
    let is_idle = sending.is_idle();
    sending.outbox.push(Notification::new(name).into());
    let is_written = may_write && is_idle && output.write_now(&mut sending);
    let driver = if is_written { None } else { sending.driver.take() };
    drop(sending);
    driver.into_iter().for_each(Waker::wake);
}

fn close(state: &State) {
    let driver = {
        let mut sending = state.lock().unwrap();
        sending.closing = true;
        sending.driver.take()
    };
    driver.into_iter().for_each(Waker::wake);
}

fn line(name: &str) -> String {
    format!("{{\"jsonrpc\":\"2.0\",\"method\":\"{name}\"}}\n")
}

/// The number of bytes that are sent.
fn whole() -> usize {
    ["a", "b", "c"].map(|name| line(name).len()).iter().sum()
}

/// Runs the driver next to a sender whose call is dropped, and another sender, which is then the peer that reads
/// late, and closes the connection when it has got all of it. `room` is the number of bytes that the pipe accepts before.
/// `is_last`: the second sender begins after the first.
fn run(room: usize, is_last: bool) {
    let whole = whole();
    let state: State = Arc::new(Mutex::new(Sending::new(Queue::Lines(Lines::default()))));
    let writer = Writer::new(room);
    let output = Arc::new(Output::new(writer.clone()));
    let spawn = |work: fn(&State, &Output<Writer>)| {
        let (state, output) = (state.clone(), output.clone());
        thread::spawn(move || work(&state, &output))
    };
    let driver = spawn(|state, output| {
        block_on(poll_fn(|cx| output.poll_write(cx, state).end)).unwrap();
    });
    let mut sender = Some(spawn(|state, output| {
        send(state, output, "a", true);
        send(state, output, "b", false);
    }));
    if is_last {
        sender.take().into_iter().for_each(|sender| sender.join().unwrap());
    }
    send(&state, &output, "c", true);
    // A lost wake-up would block the peer, which loom reports.
    let read = writer.read(whole);
    close(&state);
    [Some(driver), sender].into_iter().flatten().for_each(|thread| thread.join().unwrap());

    assert!(writer.0.lock().unwrap().is_closed);
    let sending = state.lock().unwrap();
    assert_eq!((sending.outbox.written, sending.outbox.waiting()), (whole as u64, 0));
    let lines: Vec<&str> = read.split_inclusive('\n').collect();
    let at = |name: &str| lines.iter().position(|it| *it == line(name));
    assert_eq!(lines.len(), 3, "whole lines: {read}");
    assert!(at("c").is_some() && at("a").is_some() && at("a") < at("b"), "in order: {read}");
}

#[test]
fn a_line_that_its_sender_writes_is_neither_lost_nor_torn() {
    for (room, is_last) in [(0, false), (10, false), (whole() - 10, true), (whole(), true)] {
        let mut model = loom::model::Builder::new();
        // Two would take minutes.
        model.preemption_bound = Some(1);
        model.check(move || run(room, is_last));
    }
}

//! `mcp bench`: measures calls of a tool.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    time::{Duration, Instant},
};

use mcp_client::Session;
use serde_json::{Map, Value, json};
use tokio::time::{interval, timeout_at};

use super::call::find_tool;
use crate::{
    arguments,
    completion::words,
    context::Context,
    exit::Exit,
    failure::Failure,
    output::{milliseconds, percentile, time},
    target::{TargetOptions, parse_duration},
};

/// Call a tool repeatedly and measure the response times
///
/// Stops after --number calls or after --duration, whichever is first.
#[derive(Debug, clap::Args)]
#[command(override_usage = "mcp bench [OPTIONS] TARGET TOOL [key=value]...\n       \
                            mcp bench [OPTIONS] TOOL [key=value]... -- PROGRAM [ARGS]...")]
pub(crate) struct Bench {
    /// The server, the tool, and its arguments
    #[arg(value_name = "ARG", add = words())]
    words: Vec<String>,
    /// All arguments: a JSON object, @FILE, or - for stdin
    #[arg(long, value_name = "JSON")]
    args: Option<String>,
    /// The number of calls [default: 100, or unlimited with --duration]
    #[arg(short, long, value_parser = clap::value_parser!(u64).range(1..))]
    number: Option<u64>,
    /// The duration of the benchmark
    #[arg(short, long, value_name = "TIME", value_parser = parse_duration)]
    duration: Option<Duration>,
    /// The number of concurrent calls
    #[arg(short, long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    concurrency: u16,
    /// The maximum number of calls per second
    #[arg(long, value_name = "CALLS", value_parser = clap::value_parser!(u32).range(1..))]
    rate: Option<u32>,
    #[command(flatten)]
    target: TargetOptions,
}

/// State that all workers share.
struct Shared {
    session: Session,
    tool: String,
    arguments: Map<String, Value>,
    left: RefCell<u64>,
    ticks: Option<tokio::sync::Mutex<tokio::time::Interval>>,
    end: Option<tokio::time::Instant>,
    times: RefCell<Vec<Duration>>,
    errors: RefCell<BTreeMap<String, u64>>,
}

impl Bench {
    pub(crate) async fn run(self, cx: &Context) -> Result<(), Failure> {
        let (server, words) = self.target.server_first(&self.words);
        let Some((name, words)) = words.split_first() else {
            return Err(Failure::usage(
                "a tool is missing: write `mcp bench TARGET TOOL key=value...`; `mcp list TARGET` lists the \
                 tools of a server",
            ));
        };
        let session = cx.session(server, &self.target).await?;
        let tool = find_tool(&session, name).await?;
        let arguments = arguments::read(words, self.args.as_deref(), tool.as_ref())?;
        if let Some(tool) = &tool {
            arguments::check(tool, &arguments)?;
        }
        let number = match (self.number, self.duration) {
            (Some(number), _) => number,
            (None, Some(_)) => u64::MAX,
            (None, None) => 100,
        };
        let tick = self.rate.map(|rate| interval(Duration::from_secs(1) / rate));
        let shared = Shared {
            session,
            tool: name.clone(),
            arguments,
            left: RefCell::new(number),
            ticks: tick.map(tokio::sync::Mutex::new),
            end: self.duration.map(|it| tokio::time::Instant::now() + it),
            times: RefCell::default(),
            errors: RefCell::default(),
        };
        let start = Instant::now();
        let callers = (0..self.concurrency).map(|_| shared.calls());
        futures_util::future::join_all(callers).await;
        report(cx, shared, start.elapsed())
    }
}

impl Shared {
    /// Calls sequentially until the number or the duration is reached.
    async fn calls(&self) {
        while self.take() {
            if let Some(ticks) = &self.ticks {
                ticks.lock().await.tick().await;
            }
            let start = Instant::now();
            let call = self.session.call_tool(&self.tool).args(self.arguments.clone());
            let call = std::future::IntoFuture::into_future(call);
            let done = match self.end {
                // An open call is cancelled at the end, and is not counted.
                Some(end) => match timeout_at(end, call).await {
                    Ok(done) => done,
                    Err(_) => return,
                },
                None => call.await,
            };
            match done {
                Ok(result) if result.is_error() => self.failed("Tool"),
                Ok(_) => self.times.borrow_mut().push(start.elapsed()),
                Err(error) => {
                    self.failed(&format!("{:?}", error.kind()));
                    if self.session.is_closed() {
                        return;
                    }
                }
            }
        }
    }

    fn take(&self) -> bool {
        let is_over = self.end.is_some_and(|end| tokio::time::Instant::now() >= end);
        let mut left = self.left.borrow_mut();
        if *left == 0 || is_over {
            return false;
        }
        *left -= 1;
        true
    }

    fn failed(&self, kind: &str) {
        *self.errors.borrow_mut().entry(kind.to_owned()).or_default() += 1;
    }
}

fn report(cx: &Context, shared: Shared, took: Duration) -> Result<(), Failure> {
    let (mut times, errors) = (shared.times.into_inner(), shared.errors.into_inner());
    times.sort_unstable();
    let at = |share| percentile(&times, share);
    let (min, max) = (at(0.0), at(1.0));
    let rate = times.len() as f64 / took.as_secs_f64();
    let failed: u64 = errors.values().sum();
    if cx.printer.is_human() {
        cx.printer.line(&format!(
            "{} calls in {:.2} s, {rate:.0} per second",
            times.len(),
            took.as_secs_f64()
        ))?;
        cx.printer.line(&format!(
            "min {}, median {}, p95 {}, p99 {}, max {}",
            time(min),
            time(at(0.5)),
            time(at(0.95)),
            time(at(0.99)),
            time(max)
        ))?;
        for (kind, count) in &errors {
            cx.printer.line(&format!("{count} failed: {kind}"))?;
        }
    } else {
        cx.printer.json(&json!({
            "calls": times.len(),
            "seconds": took.as_secs_f64(),
            "perSecond": rate,
            "minMs": milliseconds(min),
            "medianMs": milliseconds(at(0.5)),
            "p95Ms": milliseconds(at(0.95)),
            "p99Ms": milliseconds(at(0.99)),
            "maxMs": milliseconds(max),
            "errors": errors,
        }))?;
    }
    match failed {
        0 => Ok(()),
        _ => Err(Failure::silent(Exit::CheckFailed)),
    }
}

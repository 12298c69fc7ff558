//! `mcp ping`: the response time of a server.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::{
    completion::words,
    context::Context,
    failure::Failure,
    output::{Format, milliseconds, percentile, time},
    target::{TargetOptions, parse_duration},
};

/// Measure the response time of a server
#[derive(Debug, clap::Args)]
pub(crate) struct Ping {
    /// The server
    #[arg(value_name = "TARGET", add = words())]
    server: Option<String>,
    /// The number of requests
    #[arg(short = 'n', long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    count: u32,
    /// The interval between requests
    #[arg(short, long, value_name = "TIME", default_value = "200ms", value_parser = parse_duration)]
    interval: Duration,
    #[command(flatten)]
    target: TargetOptions,
}

impl Ping {
    pub(crate) async fn run(self, cx: &Context) -> Result<(), Failure> {
        let session = cx.session(self.server.as_deref(), &self.target).await?;
        let mut times = Vec::new();
        for number in 1..=self.count {
            if number > 1 {
                tokio::time::sleep(self.interval).await;
            }
            let start = Instant::now();
            session.ping().await?;
            let elapsed = start.elapsed();
            match cx.printer.format {
                Format::Human => cx.printer.line(&format!("{number}: {}", time(elapsed)))?,
                Format::JsonLines => {
                    cx.printer.json(&json!({ "ping": number, "ms": milliseconds(elapsed) }))?;
                }
                _ => {}
            }
            times.push(elapsed);
        }
        times.sort_unstable();
        let (min, median, p95) = (times[0], percentile(&times, 0.5), percentile(&times, 0.95));
        match cx.printer.format {
            Format::Human => {
                let (min, median, p95) = (time(min), time(median), time(p95));
                cx.printer.line(&format!("min {min}, median {median}, p95 {p95}"))?;
            }
            Format::JsonLines => {}
            _ => cx.printer.json(&json!({
                "count": times.len(),
                "minMs": milliseconds(min),
                "medianMs": milliseconds(median),
                "p95Ms": milliseconds(p95),
            }))?,
        }
        Ok(())
    }
}

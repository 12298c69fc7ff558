//! Progress of a call: a line on stderr, if it is a terminal.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use mcp_client::types::ProgressNotificationParams;

use crate::escape::line;

/// Steps of the bar: progress may be a fraction.
const PARTS: f64 = 1000.0;

/// A line that appears with the first report. Dropping it removes the line.
pub(crate) struct ProgressLine {
    name: String,
    bar: Option<ProgressBar>,
}

impl ProgressLine {
    pub(crate) fn new(name: &str) -> Self {
        Self { name: line(name).into_owned(), bar: None }
    }

    pub(crate) fn report(&mut self, report: &ProgressNotificationParams) {
        let bar = self.bar.get_or_insert_with(|| {
            ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr())
        });
        let total = report.total.as_ref().map(|it| it.to_f64()).filter(|it| *it > 0.0);
        let template = match total {
            Some(_) => "{prefix} {bar:30} {percent}% {elapsed} {wide_msg}",
            None => "{prefix} {spinner} {elapsed} {wide_msg}",
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.set_prefix(self.name.clone());
        if let Some(total) = total {
            bar.set_length(parts(total));
            bar.set_position(parts(report.progress.to_f64()));
        }
        if let Some(message) = &report.message {
            bar.set_message(line(message).into_owned());
        }
    }
}

impl Drop for ProgressLine {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn parts(of: f64) -> u64 {
    (of * PARTS) as u64
}

//! The installed suite, and its runs.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::catalogue::{self, Entry};
use super::outcome::Outcome;
use super::subject::Subject;
use crate::peers::suite_node;
use crate::run::{Result, command, output, root};
use crate::setup::FOLDER;

/// The longest time of a run. Longer than the time-out of the suite for a client.
const RUN_TIMEOUT: Duration = Duration::from_secs(60);

pub(crate) struct Suite {
    node: PathBuf,
    script: PathBuf,
    subject: Subject,
    /// The directory for the checks and the output of each run.
    results: PathBuf,
}

impl Suite {
    pub(crate) fn new(subject: Subject, target: &Path) -> Self {
        let package = "conformance/node_modules/@modelcontextprotocol/conformance";
        Self {
            node: suite_node(),
            script: root().join(FOLDER).join(package).join("dist/index.js"),
            subject,
            results: target.join("conformance"),
        }
    }

    /// The scenarios for the program under test.
    pub(crate) fn catalogue(&self) -> Result<Vec<Entry>> {
        let list = output(self.command().args(self.subject.list().split(' ')))?;
        Ok(catalogue::parse(&list))
    }

    /// Runs a scenario once.
    pub(crate) fn run(&self, entry: &Entry) -> Result<Outcome> {
        let results = self.results.join(entry.scenario.replace('/', "-")).join(&entry.wire);
        let log = results.join("suite.txt");
        let unwritable = |error: std::io::Error| format!("{}: {error}", results.display());
        let _ = fs::remove_dir_all(&results);
        fs::create_dir_all(&results).map_err(unwritable)?;
        let log = File::create(log).map_err(unwritable)?;
        let mut run = self.command();
        run.args(self.subject.args());
        run.args(["--scenario", &entry.scenario, "--spec-version", &entry.wire]);
        run.args(entry.forced.then_some("--force"));
        run.arg("--output-dir").arg(&results);
        run.stdout(Stdio::null()).stderr(log);
        let child = run.spawn().map_err(|error| format!("the suite: {error}"))?;
        let succeeded = wait(child)?;
        let checks = checks(&results);
        Ok(Outcome::new(succeeded, checks.as_deref(), &results))
    }

    fn command(&self) -> Command {
        let mut command = command(&self.node, "");
        command.arg(&self.script);
        command
    }
}

/// Whether a process exited successfully. `None` if it timed out and was killed.
fn wait(mut child: Child) -> Result<Option<bool>> {
    let start = Instant::now();
    while start.elapsed() < RUN_TIMEOUT {
        if let Some(status) = child.try_wait().map_err(|error| error.to_string())? {
            return Ok(Some(status.success()));
        }
        thread::sleep(Duration::from_millis(10));
    }
    let ended = child.kill().and_then(|()| child.wait());
    ended.map(|_| None).map_err(|error| error.to_string())
}

/// The text of `checks.json`, in a directory that the suite names after scenario and time.
fn checks(folder: &Path) -> Option<String> {
    let entries = fs::read_dir(folder).ok()?;
    entries.flatten().find_map(|entry| match entry.file_name() == "checks.json" {
        true => fs::read_to_string(entry.path()).ok(),
        false => checks(&entry.path()),
    })
}

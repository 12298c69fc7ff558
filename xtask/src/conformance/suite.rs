//! The suite as it is installed, and one run of it.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::catalogue::{self, Entry};
use super::judged::Judged;
use super::verdict::Verdict;
use crate::peers::suite_node;
use crate::run::{Result, command, output, root};
use crate::setup::FOLDER;

/// Longer than the suite gives a client; it may wait for more than that client.
const LIMIT: Duration = Duration::from_secs(60);

pub(crate) struct Suite {
    node: PathBuf,
    script: PathBuf,
    judged: Judged,
    /// Where each run leaves what was checked and what was printed.
    results: PathBuf,
}

impl Suite {
    pub(crate) fn new(judged: Judged, target: &Path) -> Self {
        let package = "conformance/node_modules/@modelcontextprotocol/conformance";
        Self {
            node: suite_node(),
            script: root().join(FOLDER).join(package).join("dist/index.js"),
            judged,
            results: target.join("conformance"),
        }
    }

    /// What it has for those whom it judges here.
    pub(crate) fn catalogue(&self) -> Result<Vec<Entry>> {
        let list = output(self.command().args(self.judged.list().split(' ')))?;
        Ok(catalogue::parse(&list))
    }

    /// Runs a scenario once.
    pub(crate) fn run(&self, entry: &Entry) -> Result<Verdict> {
        let results = self.results.join(entry.scenario.replace('/', "-")).join(&entry.wire);
        let log = results.join("suite.txt");
        let unwritable = |error: std::io::Error| format!("{}: {error}", results.display());
        let _ = fs::remove_dir_all(&results);
        fs::create_dir_all(&results).map_err(unwritable)?;
        let log = File::create(log).map_err(unwritable)?;
        let mut run = self.command();
        run.args(self.judged.args());
        run.args(["--scenario", &entry.scenario, "--spec-version", &entry.wire]);
        run.args(entry.forced.then_some("--force"));
        run.arg("--output-dir").arg(&results);
        run.stdout(Stdio::null()).stderr(log);
        let child = run.spawn().map_err(|error| format!("the suite: {error}"))?;
        let ended = wait(child)?;
        let checks = checks(&results);
        Ok(Verdict::new(ended, checks.as_deref(), &results))
    }

    fn command(&self) -> Command {
        let mut command = command(&self.node, "");
        command.arg(&self.script);
        command
    }
}

/// Whether it ended well; `None` if it had to be ended.
fn wait(mut child: Child) -> Result<Option<bool>> {
    let start = Instant::now();
    while start.elapsed() < LIMIT {
        if let Some(status) = child.try_wait().map_err(|error| error.to_string())? {
            return Ok(Some(status.success()));
        }
        thread::sleep(Duration::from_millis(10));
    }
    let ended = child.kill().and_then(|()| child.wait());
    ended.map(|_| None).map_err(|error| error.to_string())
}

/// The text of `checks.json`, in the folder that the suite named after scenario and time.
fn checks(folder: &Path) -> Option<String> {
    let entries = fs::read_dir(folder).ok()?;
    entries.flatten().find_map(|entry| match entry.file_name() == "checks.json" {
        true => fs::read_to_string(entry.path()).ok(),
        false => checks(&entry.path()),
    })
}

//! `ci`: all checks that must pass.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::TASKS;
use crate::metadata::Workspace;
use crate::run::{Result, command, succeeds};

/// A task with its arguments.
type Step = (&'static str, &'static [&'static str]);

/// The first tasks, which fail fast.
const FIRST: &[Step] = &[("tidy", &[]), ("lint", &[])];

/// Then these, in order. All are run, even if one fails.
const ORDER: &[Step] = &[
    ("test", &[]),
    ("simulate", &["--seeds", "500"]),
    ("soak", &["--for", "30s"]),
    ("conformance", &[]),
    ("windows", &["--test"]),
    ("fuzz", &["--corpus"]),
];

/// At the same time, these in order: they compile while tests wait, or count instructions, which takes no quiet machine.
/// Their output follows at the end.
const BACKGROUND: &[Step] = &[
    ("deny", &[]),
    ("package", &[]),
    ("bench", &["--instructions", "--check"]),
    ("msrv", &[]),
    ("hack", &[]),
];

/// A task that has ended.
struct Ended {
    name: &'static str,
    is_ok: bool,
    time: Duration,
}

pub(crate) fn run(_: &[String]) -> Result {
    let folder = Workspace::load()?.target.join("ci");
    std::fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
    // A copy of this program, which the tasks may build again.
    let this = folder.join("xtask").with_extension(std::env::consts::EXE_EXTENSION);
    let copied = std::env::current_exe().and_then(|exe| std::fs::copy(exe, &this));
    copied.map_err(|error| error.to_string())?;
    let mut ended = Vec::new();
    for step in FIRST {
        ended.push(perform(*step)?);
    }
    let logs = folder.clone();
    let background = thread::spawn(move || {
        BACKGROUND.iter().map(|step| perform_quietly(&this, *step, &logs)).collect()
    });
    for step in ORDER {
        ended.push(perform(*step)?);
    }
    let background: Result<Vec<Ended>> = background.join().map_err(|_| "a task panicked")?;
    for task in background? {
        println!("\n== {}", task.name);
        let text = std::fs::read(log_of(&folder, task.name)).map_err(|error| error.to_string())?;
        println!("{}", String::from_utf8_lossy(&text));
        ended.push(task);
    }
    println!();
    for Ended { name, is_ok, time } in &ended {
        let outcome = if *is_ok { "ok" } else { "FAILED" };
        println!("  {name:<11} {outcome:<7} {:>5} s", time.as_secs());
    }
    let failed: Vec<&str> = ended.iter().filter(|it| !it.is_ok).map(|it| it.name).collect();
    match failed.is_empty() {
        true => Ok(()),
        false => Err(failed.join(", ")),
    }
}

/// Runs a task here.
fn perform((name, args): Step) -> Result<Ended> {
    println!("\n== {name}");
    let task = TASKS.iter().find(|task| task.name == name);
    let task = task.ok_or_else(|| format!("no task {name}"))?;
    let start = Instant::now();
    let args: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
    let is_ok = task.perform(&args).is_ok();
    Ok(Ended { name, is_ok, time: start.elapsed() })
}

/// Runs a task in a process with the lowest priority, whose output goes to a file.
fn perform_quietly(this: &Path, (name, args): Step, logs: &Path) -> Result<Ended> {
    let start = Instant::now();
    let error = |error: std::io::Error| format!("cannot run {name}: {error}");
    let log = File::create(log_of(logs, name)).map_err(error)?;
    let mut process = match succeeds(&mut command("nice", "--version")) {
        true => {
            let mut nice = command("nice", "-n 19");
            nice.arg(this);
            nice
        }
        false => Command::new(this),
    };
    process.arg(name).args(args).stdin(Stdio::null());
    process.stdout(log.try_clone().map_err(error)?).stderr(log);
    let status: ExitStatus = process.status().map_err(error)?;
    Ok(Ended { name, is_ok: status.success(), time: start.elapsed() })
}

fn log_of(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}.log"))
}

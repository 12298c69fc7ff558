//! `fuzz`: feeds the decoders of foreign bytes with mutated input.

use std::process::Command;
use std::time::Instant;

use crate::run::{self, Result, cargo};

/// The version of `cargo-fuzz` that is installed if it is missing.
const VERSION: &str = "0.13.2";

/// The time for each target without `--time`, in seconds.
const SECONDS: u64 = 60;

/// Maximum length of an input, in bytes. Size limits have separate tests.
const MAX_LEN: usize = 4096;

struct Options {
    target: Option<String>,
    seconds: u64,
    /// Runs the committed inputs only.
    corpus: bool,
}

pub(crate) fn run(args: &[String]) -> Result {
    let Options { target, seconds, corpus } = Options::parse(args)?;
    let targets = match target {
        Some(target) => vec![target],
        None => targets()?,
    };
    run::tool("fuzz", VERSION)?;
    for target in &targets {
        let start = Instant::now();
        let limit = match corpus {
            true => "-runs=0".to_owned(),
            false => format!("-max_total_time={seconds}"),
        };
        // Without optimization, which takes longer than it saves for so few inputs.
        let mut fuzz = fuzz(&format!("run {target}{}", if corpus { " --dev" } else { "" }));
        fuzz.args(["--", &limit, "-print_final_stats=1", &format!("-max_len={MAX_LEN}")]);
        run::run(&mut fuzz)?;
        println!("fuzz {target}: ok in {} s", start.elapsed().as_secs());
    }
    Ok(())
}

/// `cargo fuzz` with the stable compiler. There is no `unsafe` code that a sanitizer could check.
fn fuzz(args: &str) -> Command {
    let mut fuzz = cargo(&format!("fuzz {args} --sanitizer none"));
    fuzz.env("RUSTC_BOOTSTRAP", "1");
    fuzz
}

/// The targets of the folder.
fn targets() -> Result<Vec<String>> {
    let list = run::output(&mut cargo(
        "metadata --manifest-path fuzz/Cargo.toml --no-deps --format-version 1",
    ))?;
    let list: serde_json::Value = serde_json::from_str(&list).map_err(|error| error.to_string())?;
    let targets =
        list["packages"][0]["targets"].as_array().ok_or("the folder fuzz has no targets")?;
    Ok(targets.iter().filter_map(|target| target["name"].as_str()).map(str::to_owned).collect())
}

impl Options {
    fn parse(args: &[String]) -> Result<Self> {
        let mut options = Self { target: None, seconds: SECONDS, corpus: false };
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            match &**arg {
                "--corpus" => options.corpus = true,
                "--time" => {
                    let time =
                        args.next().ok_or("--time needs a number of seconds, such as 60s")?;
                    let seconds = time.strip_suffix('s').unwrap_or(time);
                    options.seconds = seconds
                        .parse()
                        .map_err(|_| format!("--time {time}: not a number of seconds"))?;
                }
                flag if flag.starts_with('-') => return Err(format!("unknown option {flag}")),
                target => options.target = Some(target.to_owned()),
            }
        }
        Ok(options)
    }
}

//! Commands, and the files of the repository.

use std::ffi::OsStr;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The outcome of a task. The error is a sentence about the failure.
pub(crate) type Result<T = ()> = std::result::Result<T, String>;

/// The root directory of the repository, the working directory of every task.
pub(crate) fn root() -> PathBuf {
    let here = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or(env!("CARGO_MANIFEST_DIR").into());
    let here = PathBuf::from(here);
    here.parent().map_or(here.clone(), Path::to_path_buf)
}

/// Whether this runs in continuous integration, where skipped tests are errors.
pub(crate) fn in_ci() -> bool {
    std::env::var("CI").is_ok_and(|value| value == "true")
}

/// A command with arguments separated by spaces. On Windows, `.cmd` is added to programs that are scripts there.
pub(crate) fn command(program: impl AsRef<OsStr>, args: &str) -> Command {
    let program = program.as_ref();
    let script = cfg!(windows) && (program == "npm" || program == "npx");
    let mut command = match script {
        true => Command::new(format!("{}.cmd", program.display())),
        false => Command::new(program),
    };
    command.args(args.split_whitespace()).stdin(Stdio::null());
    command
}

/// The cargo that runs this task.
pub(crate) fn cargo(args: &str) -> Command {
    command(std::env::var_os("CARGO").unwrap_or("cargo".into()), args)
}

/// Prints and runs a command, with inherited output.
pub(crate) fn run(command: &mut Command) -> Result {
    let line = command_line(command);
    println!("$ {line}");
    let status = command.status().map_err(|error| start_error(&line, &error))?;
    if status.success() { Ok(()) } else { Err(format!("`{line}`: {status}")) }
}

/// Runs a command and returns its stdout. Its stderr is part of the error.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let line = command_line(command);
    let output = command.output().map_err(|error| start_error(&line, &error))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let errors = String::from_utf8_lossy(&output.stderr);
    Err(format!("`{line}`: {}: {}", output.status, errors.trim()))
}

/// Whether a command can be run and succeeds. Its output is discarded.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    output(command).is_ok()
}

/// Installs the pinned version of `cargo-NAME` if the tool is missing.
pub(crate) fn tool(name: &str, version: &str) -> Result {
    if succeeds(cargo(name).arg("--version")) {
        return Ok(());
    }
    // Without optimization, which takes longer than it saves.
    let install =
        format!("install --quiet --locked --profile dev cargo-{name} --version {version}");
    run(cargo(&install).env("CARGO_PROFILE_DEV_DEBUG", "0"))
}

/// Reads a file of the repository.
pub(crate) fn read(path: impl AsRef<Path>) -> Result<String> {
    let path = path.as_ref();
    std::fs::read_to_string(path)
        .map_err(|error| format!("cannot read {}: {error}", path.display()))
}

/// The error of a command that could not be started.
fn start_error(line: &str, error: &std::io::Error) -> String {
    match error.kind() {
        ErrorKind::NotFound => format!("`{line}`: command not found"),
        _ => format!("`{line}`: {error}"),
    }
}

/// The command line of a command, with the file name of the program only.
fn command_line(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let program = program.file_stem().unwrap_or(program.as_os_str());
    std::iter::once(program)
        .chain(command.get_args())
        .map(|word| word.to_string_lossy())
        .collect::<Vec<_>>()
        .join(" ")
}

//! Running commands, and where things are.

use std::ffi::OsStr;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What a task comes to: nothing, or a sentence that says what failed.
pub(crate) type Result<T = ()> = std::result::Result<T, String>;

/// The top folder of the repository, which every task has as its working directory.
pub(crate) fn root() -> PathBuf {
    let here = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or(env!("CARGO_MANIFEST_DIR").into());
    let here = PathBuf::from(here);
    here.parent().map_or(here.clone(), Path::to_path_buf)
}

/// Whether this runs in continuous integration, where nothing may be skipped.
pub(crate) fn in_ci() -> bool {
    std::env::var("CI").is_ok_and(|value| value == "true")
}

/// A command with arguments as one types them, none with a space; `.cmd` is added on Windows where the program is a script there.
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

/// Prints and runs a command; what it prints is seen as it goes.
pub(crate) fn run(command: &mut Command) -> Result {
    let shown = shown(command);
    println!("$ {shown}");
    let status = command.status().map_err(|error| unable(&shown, &error))?;
    if status.success() { Ok(()) } else { Err(format!("`{shown}`: {status}")) }
}

/// What a command prints on its standard output; its errors are part of the error.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let shown = shown(command);
    let output = command.output().map_err(|error| unable(&shown, &error))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let errors = String::from_utf8_lossy(&output.stderr);
    Err(format!("`{shown}`: {}: {}", output.status, errors.trim()))
}

/// Whether a command can be run and succeeds; it prints nothing.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    output(command).is_ok()
}

/// Installs `cargo-NAME` in the pinned version where there is none.
pub(crate) fn tool(name: &str, version: &str) -> Result {
    if succeeds(cargo(name).arg("--version")) {
        return Ok(());
    }
    let install = format!("install --quiet --locked cargo-{name} --version {version}");
    run(&mut cargo(&install))
}

/// The text of a file of the repository.
pub(crate) fn read(path: impl AsRef<Path>) -> Result<String> {
    let path = path.as_ref();
    std::fs::read_to_string(path)
        .map_err(|error| format!("cannot read {}: {error}", path.display()))
}

/// The sentence for a command that could not be started.
fn unable(shown: &str, error: &std::io::Error) -> String {
    match error.kind() {
        ErrorKind::NotFound => format!("`{shown}`: command not found"),
        _ => format!("`{shown}`: {error}"),
    }
}

/// A command as one would type it, without the path of the program.
fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let program = program.file_stem().unwrap_or(program.as_os_str());
    std::iter::once(program)
        .chain(command.get_args())
        .map(|word| word.to_string_lossy())
        .collect::<Vec<_>>()
        .join(" ")
}

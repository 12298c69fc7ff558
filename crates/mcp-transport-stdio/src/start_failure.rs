//! Why a program was not started: operating systems report a missing command, interpreter and directory with
//! the same code, and users write command lines where a program belongs.

use std::{
    ffi::OsStr,
    io::{self, BufRead as _, Read as _},
    path::Path,
};

use crate::{launch_context::LaunchContext, lookup, runner};

/// The error code of a file that is neither a binary of this system nor a script with an interpreter.
const NO_EXECUTABLE_FORMAT: i32 = if cfg!(windows) { 193 } else { 8 };

/// The bytes of a script that may hold the name of its interpreter.
const MAX_FIRST_LINE: u64 = 512;

/// A program that was not started.
pub(crate) struct Unstarted<'a> {
    pub(crate) program: &'a OsStr,
    pub(crate) context: &'a LaunchContext<'a>,
}

/// The reason, if more is known than what the operating system reports.
pub(crate) fn reason(command: &Unstarted<'_>, error: &io::Error) -> Option<String> {
    use io::ErrorKind::{NotADirectory, NotFound, PermissionDenied};
    let cwd = command.context.cwd;
    let missing = matches!(error.kind(), NotFound | NotADirectory);
    if let Some(cwd) = cwd.filter(|cwd| missing && !cwd.is_dir()) {
        let what = if cwd.exists() { "is not a directory" } else { "does not exist" };
        let expansion = unexpanded(&cwd.to_string_lossy());
        let hint = expansion.map(|hint| format!(": {hint}")).unwrap_or_default();
        return Some(format!("the working directory {} {what}{hint}", cwd.display()));
    }
    if error.raw_os_error() == Some(NO_EXECUTABLE_FORMAT) {
        return no_program(command);
    }
    Some(match (error.kind(), command.context.find(command.program)) {
        (NotFound | NotADirectory, None) => not_found(command),
        // Windows reports an invalid argument.
        (_, None) if command.program.is_empty() => not_found(command),
        (NotFound, Some(file)) => missing_interpreter(&file),
        (PermissionDenied, Some(file)) => {
            with_runner("it is not executable", &file, Some("make it executable"))
        }
        (PermissionDenied, None) if directory(command) => "it is a directory".to_owned(),
        _ => return None,
    })
}

/// The reason why there is no such program, and how to fix it.
fn not_found(command: &Unstarted<'_>) -> String {
    let program = command.program.to_string_lossy();
    if let Some(reason) = unexpanded(&program) {
        return reason;
    }
    if let Some(reason) = command_line(command, program.trim()) {
        return reason;
    }
    let is_path = lookup::is_path(command.program);
    let file = command.context.cwd.unwrap_or(Path::new("")).join(&*program);
    if !is_path && !program.is_empty() && file.is_file() {
        let what = format!(
            "it was not found on PATH, and the working directory is not searched: write `./{program}`"
        );
        return match interpreter(&file) {
            Some(how) => format!("{what}, or {how}"),
            None => what,
        };
    }
    match (is_path, runner::installer(command.program)) {
        (true, _) if Path::new(command.program).is_relative() => {
            let place =
                command.context.cwd.map(Path::to_owned).or_else(|| std::env::current_dir().ok());
            let place = place.map(|it| format!(" (looked from {})", it.display()));
            format!("there is no such file{}", place.unwrap_or_default())
        }
        (true, _) => "there is no such file".to_owned(),
        (false, Some(installer)) => format!("it was not found on PATH; install {installer}"),
        (false, None) => "it was not found on PATH".to_owned(),
    }
}

/// What a shell would have replaced at the start of a path.
fn unexpanded(path: &str) -> Option<String> {
    let path = path.trim();
    let (written, instead) = if path.starts_with('~') {
        ("~", "${userHome}")
    } else {
        let is_name = |char: char| char.is_ascii_alphanumeric() || char == '_';
        let name = match (path.strip_prefix('$'), path.strip_prefix('%')) {
            (Some(rest), _) => rest.trim_start_matches('{').split(|char| !is_name(char)).next(),
            (None, Some(rest)) => rest.split_once('%').map(|(name, _)| name),
            (None, None) => None,
        };
        let name = name.filter(|name| !name.is_empty() && name.chars().all(is_name))?;
        return Some(format!(
            "the variable `{name}` is not expanded, since no shell is involved: write its value (in a \
             configuration: `${{{name}}}`)"
        ));
    };
    Some(format!(
        "`{written}` is not expanded, since no shell is involved: write the full path (in a configuration: \
         `{instead}`)"
    ))
}

/// The reason for a program that is a whole command line, or a part of one.
fn command_line(command: &Unstarted<'_>, program: &str) -> Option<String> {
    if let Some(quote) = program.chars().next().filter(|first| "\"'`".contains(*first)) {
        return Some(format!(
            "it is looked up with its quotes, since no shell is involved: write it without `{quote}`, and \
             each argument by itself (in a configuration: in `args`), or use `Stdio::command_line`"
        ));
    }
    let is_found = |words: &str| command.context.find(OsStr::new(words)).is_some();
    let assigned = program.split_whitespace().take_while(|word| is_assignment(word)).count();
    if assigned > 0 {
        return Some(
            "it begins with the value of a variable, as in a shell: pass variables by `env`, and the \
             program and its arguments by themselves"
                .to_owned(),
        );
    }
    // The program may be a path with spaces.
    let ends = program.match_indices(char::is_whitespace).map(|(at, _)| at);
    let (first, rest) = match ends.clone().find(|at| is_found(&program[..*at])) {
        Some(at) => program.split_at(at),
        None => program.split_at(ends.clone().next()?),
    };
    let is_known = is_found(first);
    let is_line =
        is_known || !lookup::is_path(OsStr::new(first)) || rest.trim_start().starts_with('-');
    let missing = match runner::installer(OsStr::new(first)).filter(|_| !is_known) {
        Some(installer) => format!("; `{first}` was not found on PATH either: install {installer}"),
        None => String::new(),
    };
    is_line.then(|| {
        format!(
            "no program has this name, which looks like a whole command line: pass `{first}` as the \
             program and the rest as arguments (in a configuration: `args`), or use \
             `Stdio::command_line`{missing}"
        )
    })
}

fn is_assignment(word: &str) -> bool {
    word.split_once('=').is_some_and(|(name, _)| {
        !name.is_empty() && name.chars().all(|char| char.is_ascii_alphanumeric() || char == '_')
    })
}

fn missing_interpreter(file: &Path) -> String {
    let shown = file.display();
    let missing = format!("the interpreter in the first line of {shown} does not exist");
    match first_line(file) {
        // Which is a part of its name then.
        Some(line) if line.ends_with(b"\r\n") => {
            format!("{missing}: the line ends with a carriage return, as on Windows")
        }
        _ => missing,
    }
}

fn first_line(file: &Path) -> Option<Vec<u8>> {
    let mut line = Vec::new();
    let file = std::fs::File::open(file).ok()?.take(MAX_FIRST_LINE);
    io::BufReader::new(file).read_until(b'\n', &mut line).ok()?;
    Some(line)
}

fn directory(command: &Unstarted<'_>) -> bool {
    let cwd = command.context.cwd.unwrap_or(Path::new(""));
    lookup::is_path(command.program) && cwd.join(command.program).is_dir()
}

/// The reason for a file that is neither a binary nor a script with an interpreter.
fn no_program(command: &Unstarted<'_>) -> Option<String> {
    // Windows finds only files with an extension of programs, but tries to start any that is given by its path.
    let cwd = command.context.cwd.unwrap_or(Path::new(""));
    let by_path = || Some(cwd.join(command.program)).filter(|file| file.is_file());
    let file = command.context.find(command.program).or_else(by_path)?;
    Some(match cfg!(windows) {
        true => with_runner("it is no program of this system", &file, None),
        false => {
            let what =
                "it is no program of this system, and has no first line that names its interpreter";
            with_runner(what, &file, Some("add that line"))
        }
    })
}

/// `what`, and what runs a file with this extension; `otherwise` is the other remedy.
fn with_runner(what: &str, file: &Path, otherwise: Option<&str>) -> String {
    match (interpreter(file), otherwise) {
        (Some(how), Some(otherwise)) => format!("{what}: {how}, or {otherwise}"),
        (Some(how), None) => format!("{what}: {how}"),
        (None, _) => what.to_owned(),
    }
}

/// How a script is run that is not a program by itself.
fn interpreter(file: &Path) -> Option<String> {
    let extension = file.extension().and_then(OsStr::to_str).unwrap_or_default();
    let first_argument =
        |program: &str| format!("run `{program}` with the file as its first argument");
    Some(match &*extension.to_ascii_lowercase() {
        "py" => format!("use `Stdio::python`, or {}", first_argument("python3")),
        "js" | "mjs" | "cjs" => format!("use `Stdio::node`, or {}", first_argument("node")),
        "ts" | "mts" | "cts" | "tsx" => {
            format!("use `Stdio::node` with `.runner(\"tsx\")`, or {}", first_argument("tsx"))
        }
        "sh" => first_argument("sh"),
        "bash" => first_argument("bash"),
        "rb" => first_argument("ruby"),
        "pl" => first_argument("perl"),
        "php" => first_argument("php"),
        "ps1" => "run `pwsh` with `-File` and the file as its arguments".to_owned(),
        "jar" => "run `java` with `-jar` and the file as its arguments".to_owned(),
        _ => return None,
    })
}

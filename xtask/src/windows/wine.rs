//! Wine: programs of Windows on another system.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::run::{self, Result, command, output, root, succeeds};

/// Where Wine may be: Debian's wrapper of the same name complains about missing support for 32 bits.
const PROGRAMS: &[&str] = &["/usr/lib/wine/wine64", "wine64", "wine"];

/// The longest time of one test program in seconds, with its start.
const TIME_LIMIT: u32 = 300;

/// Its server, which serves all its programs.
const SERVERS: &[&str] = &["/usr/lib/wine/wineserver64", "wineserver"];

/// Wine with a directory that holds its system. Dropping it ends its programs.
pub(crate) struct Wine {
    program: &'static str,
    server: &'static str,
    prefix: PathBuf,
}

impl Wine {
    /// Sets the system up in `prefix`, unless it is there already.
    pub(crate) fn set_up(prefix: PathBuf, compiler: &str) -> Result<Self> {
        let program = PROGRAMS.iter().find(|it| succeeds(&mut command(it, "--version")));
        let program = program.ok_or_else(|| {
            let hint = "on Debian: apt-get install --no-install-recommends wine wine64";
            format!("Wine is not installed ({hint})")
        })?;
        let server = SERVERS.iter().find(|it| succeeds(&mut command(it, "--version")));
        let server = server.ok_or("the server of Wine is not installed")?;
        let wine = Self { program, server, prefix };
        std::fs::create_dir_all(&wine.prefix).map_err(|error| error.to_string())?;
        // By default it ends soon after the last program, and one that starts in that moment fails.
        run::run(wine.environment(&mut command(server, "--persistent")))?;
        // Its services, which outlive the program that starts them, must not keep the pipe of a test's output open.
        let mut boot = command(program, "wineboot --init");
        println!("$ {program} wineboot --init");
        let booted = wine.environment(&mut boot).stdout(Stdio::null()).stderr(Stdio::null());
        match booted.status() {
            Ok(status) if status.success() => {}
            Ok(status) => return Err(format!("wineboot: {status}")),
            Err(error) => return Err(format!("wineboot: {error}")),
        }
        let missing = wine.prefix.join("drive_c/windows/system32/bcryptprimitives.dll");
        if !missing.is_file() {
            let source = root().join("xtask/src/windows/bcryptprimitives.c");
            let mut compile = command(compiler, "-shared -O2 -s -o");
            run::run(compile.arg(missing).arg(source).arg("-ladvapi32"))?;
        }
        Ok(wine)
    }

    /// The name and version.
    pub(crate) fn version(&self) -> Result<String> {
        let text = output(&mut command(self.program, "--version"))?;
        Ok(text.split_whitespace().next().unwrap_or_default().to_owned())
    }

    /// Has cargo run the programs that it builds for `target`.
    pub(crate) fn run_programs_of(&self, target: &str, cargo: &mut Command) {
        let name = target.to_uppercase().replace('-', "_");
        let limit = Path::new("/usr/bin/timeout");
        let runner = match limit.is_file() {
            true => format!("{} {TIME_LIMIT} {}", limit.display(), self.program),
            false => self.program.to_owned(),
        };
        self.environment(cargo).env(format!("CARGO_TARGET_{name}_RUNNER"), runner);
    }

    fn environment<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        // Its log is about what it does not implement; it draws nothing.
        command.env("WINEPREFIX", &self.prefix).env("WINEDEBUG", "-all").env("DISPLAY", "")
    }
}

impl Drop for Wine {
    fn drop(&mut self) {
        // Fails if no program has run.
        succeeds(self.environment(&mut command(self.server, "--kill")));
    }
}

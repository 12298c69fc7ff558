//! `windows`: type-checks the workspace for Windows, from any machine.

use crate::run::{self, Result, cargo, command, output, succeeds};

const TARGET: &str = "x86_64-pc-windows-gnu";

/// C code in dependencies is compiled even for a check.
const COMPILER: &str = "x86_64-w64-mingw32-gcc";

pub(crate) fn run(_: &[String]) -> Result {
    if !cfg!(windows) && !succeeds(&mut command(COMPILER, "--version")) {
        let hint = "on Debian: apt-get install gcc-mingw-w64-x86-64";
        return Err(format!("{COMPILER} is not installed ({hint})"));
    }
    let installed = output(&mut command("rustup", "target list --installed"))?;
    if !installed.lines().any(|target| target == TARGET) {
        run::run(command("rustup", "target add").arg(TARGET))?;
    }
    run::run(cargo("check --workspace --all-targets --target").arg(TARGET))
}

//! Compile errors of programs that pass the wrong type to a public function: `cases/*.rs`, with the expected error in
//! `cases/*.stderr`.
//!
//! After a change, `TRYBUILD=overwrite cargo test -p mcp-diagnostics` writes the files again.

use std::{env, process::Command};

/// The compiler that the expected errors are those of. Other versions format errors differently.
const COMPILER: &str = "rustc 1.95.";

#[test]
fn compile_errors_name_the_remedy() {
    let compiler = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let version =
        Command::new(compiler).arg("--version").output().expect("the compiler of this test");
    let version = String::from_utf8_lossy(&version.stdout);
    if !version.starts_with(COMPILER) {
        eprintln!("not compared: {} is not {COMPILER}x", version.trim());
        return;
    }
    trybuild::TestCases::new().compile_fail("cases/*.rs");
}

//! The table of user instructions per call.

use std::process::ExitCode;

use crate::{
    figures::in_parallel,
    measure::{Case, Side},
    valgrind,
};

pub(crate) fn table(only: &[&str]) -> ExitCode {
    let rival = if valgrind::rival().is_some() { "official SDK" } else { "" };
    println!(
        "{:<10} {:<6} {:>14} {:>14} {:>7} {:>14} {:>7} {rival:>14}",
        "carrier", "load", "instructions", "floor", "x", "smallest", "x"
    );
    let cases: Vec<Case> = Case::all().filter(|case| case.is_asked(only)).collect();
    let mut code = ExitCode::SUCCESS;
    in_parallel(&cases, row, |case, row| match row {
        Ok(row) => println!("{:<10} {:<6} {row}", case.carrier.name(), case.load.name()),
        Err(error) => {
            println!("{error}");
            code = ExitCode::FAILURE;
        }
    });
    code
}

fn row(case: Case) -> Result<String, String> {
    let ours = valgrind::instructions(case, Side::Ours)?;
    let floor = valgrind::instructions(case, Side::Floor)?;
    let mut row = format!("{ours:>14.0} {floor:>14.0} {:>7.2}", ours / floor);
    if case.has_smallest() {
        let smallest = valgrind::instructions(case, Side::Smallest)?;
        row.push_str(&format!(" {smallest:>14.0} {:>7.2}", ours / smallest));
    }
    if valgrind::rival().is_some() && case.has_rival() {
        row.push_str(&format!(" {:>14.0}", valgrind::instructions(case, Side::Rival)?));
    }
    Ok(row)
}

//! The command line.

use std::time::Duration;

/// Duration without `--for`.
const TIME: Duration = Duration::from_secs(600);

/// The duration of `--for`, such as `30s`, `10m` or `2h`.
pub(crate) fn time(mut args: impl Iterator<Item = String>) -> Result<Duration, String> {
    let Some(option) = args.next() else { return Ok(TIME) };
    let (Some(time), None) = (args.next(), args.next()) else {
        return Err("usage: soak [--for 10m]".to_owned());
    };
    if option != "--for" {
        return Err(format!("unknown option {option}"));
    }
    let wrong = || format!("--for {time}: write a time such as 30s, 10m or 2h");
    let unit = match time.chars().last() {
        Some('s') => 1,
        Some('m') => 60,
        Some('h') => 3600,
        _ => return Err(wrong()),
    };
    let number: u64 = time[..time.len() - 1].parse().map_err(|_| wrong())?;
    number.checked_mul(unit).map(Duration::from_secs).ok_or_else(wrong)
}

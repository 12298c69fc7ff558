//! Durations on the command line: `500ms`, `30s` or `30`, `2m`, `1h`.

use std::time::Duration;

/// Parses a duration; a number without a unit is in seconds.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    let split = text.find(|it: char| !it.is_ascii_digit() && it != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let seconds = match unit {
        "ms" => 0.001,
        "" | "s" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        _ => return Err("write a duration as 500ms, 30s, 2m or 1h".to_owned()),
    };
    let number: f64 = number.parse().map_err(|_| "a duration starts with a number".to_owned())?;
    Duration::try_from_secs_f64(number * seconds).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_count() {
        for (text, wanted) in [
            ("500ms", Some(500)),
            ("1.5s", Some(1500)),
            ("2", Some(2000)),
            ("2m", Some(120_000)),
            ("1h", Some(3_600_000)),
            ("1d", None),
            ("s", None),
            ("-1s", None),
            ("", None),
        ] {
            assert_eq!(parse(text).ok(), wanted.map(Duration::from_millis), "{text}");
        }
    }
}

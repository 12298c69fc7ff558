//! Formats and patterns of form fields.

use serde_json::Value;

/// Checks a text against the format of its field. Unknown formats accept any text.
///
/// Spec: client/elicitation#requested-schema
pub(super) fn matches_format(field: &Value, text: &str) -> Result<(), String> {
    let format = field.get("format").and_then(Value::as_str).unwrap_or_default();
    let matches = match format {
        "email" => is_email(text),
        "uri" => is_uri(text),
        "date" => is_date(text),
        "date-time" => is_date_time(text),
        _ => true,
    };
    match matches {
        true => Ok(()),
        false => Err(format!("is {text:?}, which is not a valid {format}")),
    }
}

/// Checks a text against the pattern of its field. An invalid pattern accepts any text.
pub(super) fn matches_pattern(field: &Value, text: &str) -> Result<(), String> {
    #[cfg(feature = "validation")]
    if let Some(pattern) = field.get("pattern") {
        const MAX_STEPS: u64 = 100_000;
        let schema = serde_json::json!({ "type": "string", "pattern": pattern });
        let Ok(schema) = mcp_schema::Schema::compile(&schema) else { return Ok(()) };
        if schema.validate(&Value::from(text), MAX_STEPS).is_err() {
            return Err(format!("is {text:?}, which does not match the pattern {pattern}"));
        }
    }
    let _ = (field, text);
    Ok(())
}

fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    let is_plain =
        |it: &str| !it.is_empty() && !it.contains(|c: char| c.is_whitespace() || c.is_control());
    let is_domain = domain.starts_with('[') || !domain.split('.').any(str::is_empty);
    is_plain(local)
        && is_plain(domain)
        && is_domain
        && (!local.contains('@') || local.starts_with('"'))
}

fn is_uri(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else { return false };
    let is_scheme = scheme.starts_with(|it: char| it.is_ascii_alphabetic())
        && scheme.chars().all(|it| it.is_ascii_alphanumeric() || matches!(it, '+' | '-' | '.'));
    let is_rest = !rest.is_empty() && rest.chars().all(|it| it.is_ascii_graphic());
    is_scheme && is_rest
}

fn is_date(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let [year, month, day] = parts[..] else { return false };
    let (Some(year), Some(month), Some(day)) = (digits(year, 4), digits(month, 2), digits(day, 2))
    else {
        return false;
    };
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        2 if is_leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => 0,
    };
    (1..=days).contains(&day)
}

fn is_date_time(text: &str) -> bool {
    let Some((date, time)) = text.split_once(['T', 't', ' ']) else { return false };
    let Some(zone) = time.find(['Z', 'z', '+', '-']) else { return false };
    let (time, zone) = time.split_at(zone);
    let (time, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let is_zone = match zone.split_at(1) {
        ("Z" | "z", "") => true,
        ("+" | "-", offset) => is_clock(&format!("{offset}:00")),
        _ => false,
    };
    let is_fraction = !fraction.is_empty() && fraction.bytes().all(|it| it.is_ascii_digit());
    is_date(date) && is_clock(time) && is_fraction && is_zone
}

fn is_clock(text: &str) -> bool {
    let parts: Vec<&str> = text.split(':').collect();
    let [hour, minute, second] = parts[..] else { return false };
    let is_below = |part, limit| digits(part, 2).is_some_and(|it| it < limit);
    // A leap second is second 60.
    is_below(hour, 24) && is_below(minute, 60) && is_below(second, 61)
}

fn digits(text: &str, count: usize) -> Option<u32> {
    let is_plain = text.len() == count && text.bytes().all(|it| it.is_ascii_digit());
    text.parse().ok().filter(|_| is_plain)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn eli_06_formats_are_checked() {
        for (format, good, bad) in [
            (
                "email",
                &["ann@x.example", "a.b+c@x.co"][..],
                &["ann", "@x", "ann@", "a b@x.y", "a@x..y"][..],
            ),
            (
                "uri",
                &["https://x.example/?a", "urn:isbn:1"],
                &["x", "/path", "1:x", "https:", "http://a b"],
            ),
            (
                "date",
                &["2024-02-29", "2026-12-31"],
                &["2023-02-29", "2026-13-01", "26-1-1", "2026-04-31"],
            ),
            (
                "date-time",
                &["2026-07-28T09:00:00Z", "2026-07-28T09:00:00.25+02:00"],
                &["2026-07-28", "2026-07-28T09:00:00", "2026-07-28T25:00:00Z", "2026-07-28T09:00Z"],
            ),
            ("hologram", &["anything"], &[]),
        ] {
            let field = json!({ "format": format });
            for text in good {
                assert_eq!(matches_format(&field, text), Ok(()), "{format}");
            }
            for text in bad {
                assert!(matches_format(&field, text).is_err(), "{format} {text}");
            }
        }
    }
}

//! What comes of a run.

use std::path::Path;

use serde_json::Value;

/// That no message broke the schema says nothing of whether the scenario came to anything.
const BACKGROUND: &str = "wire-schema-valid";

pub(crate) struct Verdict {
    pub(crate) passed: usize,
    /// Broken duties, and broken recommendations.
    pub(crate) failed: usize,
    /// A sentence for each thing that is wrong.
    pub(crate) complaints: Vec<String>,
}

impl Verdict {
    /// Judges by how the suite ended, `None` if it had to be ended, and by what it checked, as JSON;
    /// `results` is where it left the rest.
    pub(crate) fn new(ended: Option<bool>, checks: Option<&str>, results: &Path) -> Self {
        let checks: Vec<Value> =
            checks.and_then(|checks| serde_json::from_str(checks).ok()).unwrap_or_default();
        let with = |wanted: &[&str]| {
            let is_wanted = |check: &&Value| wanted.iter().any(|it| check["status"] == *it);
            checks.iter().filter(is_wanted).collect::<Vec<_>>()
        };
        let successes = with(&["SUCCESS"]);
        let passed = successes.len();
        let is_vain = successes.iter().all(|check| check["id"] == BACKGROUND);
        let failures = with(&["FAILURE", "WARNING"]);
        let mut complaints: Vec<String> = failures.iter().copied().map(complaint).collect();
        if complaints.is_empty() {
            let complaint = match ended {
                None => Some("the suite did not end"),
                Some(false) => Some("the client failed or took too long"),
                Some(true) if is_vain => Some("nothing was checked"),
                Some(true) => None,
            };
            complaints.extend(complaint.map(str::to_owned));
        }
        if !complaints.is_empty() {
            complaints.push(format!("more in {}", results.display()));
        }
        Self { passed, failed: failures.len(), complaints }
    }

    pub(crate) fn passes(&self) -> bool {
        self.complaints.is_empty()
    }
}

fn complaint(check: &Value) -> String {
    let text = |key: &str| check[key].as_str().unwrap_or_default();
    let why = match text("errorMessage") {
        "" => text("description"),
        message => message,
    };
    format!("{} ({}): {why}", text("id"), text("name"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaints(ended: Option<bool>, checks: Option<&str>) -> Vec<String> {
        let mut complaints = Verdict::new(ended, checks, Path::new("there")).complaints;
        assert_ne!(complaints.len(), 1, "what is wrong, and where to look");
        complaints.pop();
        complaints
    }

    #[test]
    fn only_what_was_checked_and_held_passes() {
        let good = r#"[{"status": "SUCCESS"}, {"status": "INFO"}]"#;
        let vain = r#"[{"status": "INFO"}, {"status": "SKIPPED"},
            {"status": "SUCCESS", "id": "wire-schema-valid"}]"#;
        let bad = r#"[{"status": "SUCCESS"},
            {"status": "WARNING", "id": "a", "name": "A", "description": "should", "errorMessage": "no"},
            {"status": "FAILURE", "id": "b", "name": "B", "description": "must"}]"#;
        let rows: [(Option<bool>, Option<&str>, &[&str]); 7] = [
            (Some(true), Some(good), &[]),
            (Some(false), Some(good), &["the client failed or took too long"]),
            (None, Some(good), &["the suite did not end"]),
            (Some(true), Some(vain), &["nothing was checked"]),
            (Some(true), Some("?"), &["nothing was checked"]),
            (Some(true), None, &["nothing was checked"]),
            (Some(false), Some(bad), &["a (A): no", "b (B): must"]),
        ];
        for (ended, checks, expected) in rows {
            assert_eq!(complaints(ended, checks), expected, "{ended:?} {checks:?}");
        }
    }
}

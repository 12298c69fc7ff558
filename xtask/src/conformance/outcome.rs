//! The outcome of a run.

use std::path::Path;

use serde_json::Value;

/// A check that always runs. It does not show that the scenario was exercised.
const BACKGROUND_CHECK: &str = "wire-schema-valid";

pub(crate) struct Outcome {
    pub(crate) passed: usize,
    /// The number of violated requirements and recommendations.
    pub(crate) failed: usize,
    /// One sentence for each problem.
    pub(crate) problems: Vec<String>,
}

impl Outcome {
    /// Evaluates a run. `succeeded` is whether the suite succeeded, `None` if it timed out; `checks` is its JSON;
    /// `results` is the directory of its other results.
    pub(crate) fn new(succeeded: Option<bool>, checks: Option<&str>, results: &Path) -> Self {
        let checks: Vec<Value> =
            checks.and_then(|checks| serde_json::from_str(checks).ok()).unwrap_or_default();
        let with_status = |statuses: &[&str]| {
            let matches = |check: &&Value| statuses.iter().any(|it| check["status"] == *it);
            checks.iter().filter(matches).collect::<Vec<_>>()
        };
        let successes = with_status(&["SUCCESS"]);
        let passed = successes.len();
        let is_unchecked = successes.iter().all(|check| check["id"] == BACKGROUND_CHECK);
        let failures = with_status(&["FAILURE", "WARNING"]);
        let mut problems: Vec<String> = failures.iter().copied().map(problem).collect();
        if problems.is_empty() {
            let problem = match succeeded {
                None => Some("the suite timed out"),
                Some(false) => Some("the client failed or took too long"),
                Some(true) if is_unchecked => Some("nothing was checked"),
                Some(true) => None,
            };
            problems.extend(problem.map(str::to_owned));
        }
        if !problems.is_empty() {
            problems.push(format!("more in {}", results.display()));
        }
        Self { passed, failed: failures.len(), problems }
    }

    pub(crate) fn passes(&self) -> bool {
        self.problems.is_empty()
    }
}

fn problem(check: &Value) -> String {
    let text = |key: &str| check[key].as_str().unwrap_or_default();
    let reason = match text("errorMessage") {
        "" => text("description"),
        message => message,
    };
    format!("{} ({}): {reason}", text("id"), text("name"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(succeeded: Option<bool>, checks: Option<&str>) -> Vec<String> {
        let mut problems = Outcome::new(succeeded, checks, Path::new("there")).problems;
        assert_ne!(problems.len(), 1, "a problem is followed by the directory");
        problems.pop();
        problems
    }

    #[test]
    fn a_run_passes_only_if_something_was_checked_and_no_check_failed() {
        let good = r#"[{"status": "SUCCESS"}, {"status": "INFO"}]"#;
        let unchecked = r#"[{"status": "INFO"}, {"status": "SKIPPED"},
            {"status": "SUCCESS", "id": "wire-schema-valid"}]"#;
        let bad = r#"[{"status": "SUCCESS"},
            {"status": "WARNING", "id": "a", "name": "A", "description": "should", "errorMessage": "no"},
            {"status": "FAILURE", "id": "b", "name": "B", "description": "must"}]"#;
        let rows: [(Option<bool>, Option<&str>, &[&str]); 7] = [
            (Some(true), Some(good), &[]),
            (Some(false), Some(good), &["the client failed or took too long"]),
            (None, Some(good), &["the suite timed out"]),
            (Some(true), Some(unchecked), &["nothing was checked"]),
            (Some(true), Some("?"), &["nothing was checked"]),
            (Some(true), None, &["nothing was checked"]),
            (Some(false), Some(bad), &["a (A): no", "b (B): must"]),
        ];
        for (succeeded, checks, expected) in rows {
            assert_eq!(problems(succeeded, checks), expected, "{succeeded:?} {checks:?}");
        }
    }
}

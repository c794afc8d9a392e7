//! What a run over records is told of: how many there were, and why the first that failed did.

use deployments_domain::RecordCounts;
use outbound::Mark;
use serde_json::{Value, json};

/// Further failures are counted, and not listed.
const MAX_LISTED: usize = 100;
/// The longest reason, in characters.
const MAX_REASON: usize = 500;

/// The failures so far.
#[derive(Default)]
pub(super) struct Report {
    failures: Vec<Value>,
    last: String,
}

impl Report {
    /// What an earlier attempt noted by [`Report::state`], and up to where it came.
    pub(super) fn resume(state: &Value) -> (Self, Option<Mark>) {
        let failures = state.get("failures").and_then(Value::as_array).cloned().unwrap_or_default();
        let mark = state.get("index").and_then(Value::as_u64).map(|index| Mark {
            object: state.get("object").and_then(Value::as_str).map(str::to_owned),
            index,
        });
        (Self { failures, last: String::new() }, mark)
    }

    pub(super) fn state(&self, mark: Option<&Mark>) -> Value {
        json!({
            "object": mark.and_then(|mark| mark.object.as_deref()),
            "index": mark.map(|mark| mark.index),
            "failures": self.failures,
        })
    }

    pub(super) fn note(&mut self, record: u64, from: Option<&str>, code: &str, reason: String) {
        let reason: String = reason.chars().take(MAX_REASON).collect();
        if self.failures.len() < MAX_LISTED {
            let mut failure = json!({"record": record, "code": code, "reason": reason});
            if let (Some(from), Some(members)) = (from, failure.as_object_mut()) {
                members.insert("from".into(), from.into());
            }
            self.failures.push(failure);
        }
        self.last = reason;
    }

    pub(super) fn last_reason(&self) -> &str {
        &self.last
    }

    /// The result of the run.
    pub(super) fn tell(self, counts: RecordCounts) -> Value {
        json!({
            "read": counts.read,
            "written": counts.written,
            "failed": counts.failed,
            "failures": self.failures,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_listed_up_to_a_bound_and_outlive_an_attempt() {
        let mut report = Report::default();
        for record in 1..=120 {
            report.note(record, Some("a.csv"), "step_failed", "x".repeat(600));
        }
        let mark = Mark { object: Some("a.csv".into()), index: 7 };
        let (report, resumed) = Report::resume(&report.state(Some(&mark)));
        assert_eq!(resumed, Some(mark));
        let told = report.tell(RecordCounts { read: 200, written: 80, failed: 120 });
        assert_eq!(told["failures"].as_array().unwrap().len(), MAX_LISTED);
        assert_eq!(told["failures"][0]["from"], "a.csv");
        assert_eq!(told["failures"][0]["reason"].as_str().unwrap().len(), MAX_REASON);
        assert_eq!((&told["failed"], &told["written"]), (&json!(120), &json!(80)));
    }
}

//! The charts of usage: which values are drawn how.

use deployments_domain::UsageBucket;
use keys_core::Timestamp;
use maud::{Markup, html};

use super::Wanted;
use crate::parts::{Chart, ChartKind, Series, SeriesTone, ValueForm};

pub(super) fn all(buckets: &[UsageBucket], wanted: &Wanted) -> Markup {
    html! {
        (requests(buckets, wanted))
        div .columns { (times(buckets)) (tokens(buckets)) }
    }
}

fn requests(buckets: &[UsageBucket], wanted: &Wanted) -> Chart {
    let total: u64 = buckets.iter().map(UsageBucket::requests).sum();
    Chart {
        title: "Requests".into(),
        description: format!(
            "{total} requests over {} buckets of time ({}), stacked by what became of them.",
            buckets.len(),
            wanted.label()
        ),
        kind: ChartKind::Bars,
        form: ValueForm::Count,
        starts: starts(buckets),
        series: vec![
            counts("succeeded", SeriesTone::First, buckets, |one| one.succeeded),
            counts("failed", SeriesTone::Bad, buckets, |one| one.failed),
            counts("refused", SeriesTone::Warning, buckets, UsageBucket::rejected),
        ],
    }
}

fn times(buckets: &[UsageBucket]) -> Chart {
    let percentile =
        |name: &str, tone, read: fn(&deployments_domain::ExecutionTimes) -> u64| Series {
            name: name.into(),
            tone,
            values: buckets
                .iter()
                .map(|one| one.execution_ms.as_ref().map(|ms| float(read(ms))))
                .collect(),
        };
    Chart {
        title: "Time of executions".into(),
        description: "The 50th, 95th and 99th percentile of how long executions took.".into(),
        kind: ChartKind::Lines,
        form: ValueForm::Milliseconds,
        starts: starts(buckets),
        series: vec![
            percentile("p50", SeriesTone::First, |ms| ms.p50),
            percentile("p95", SeriesTone::Second, |ms| ms.p95),
            percentile("p99", SeriesTone::Third, |ms| ms.p99),
        ],
    }
}

fn tokens(buckets: &[UsageBucket]) -> Chart {
    Chart {
        title: "Tokens".into(),
        description: "Tokens that models read and wrote.".into(),
        kind: ChartKind::Bars,
        form: ValueForm::Count,
        starts: starts(buckets),
        series: vec![
            counts("prompt", SeriesTone::Second, buckets, |one| one.prompt_tokens),
            counts("completion", SeriesTone::Third, buckets, |one| one.completion_tokens),
        ],
    }
}

fn starts(buckets: &[UsageBucket]) -> Vec<Timestamp> {
    buckets.iter().map(|bucket| bucket.start).collect()
}

fn counts(
    name: &str,
    tone: SeriesTone,
    buckets: &[UsageBucket],
    read: fn(&UsageBucket) -> u64,
) -> Series {
    let values = buckets.iter().map(|bucket| Some(float(read(bucket)))).collect();
    Series { name: name.into(), tone, values }
}

#[expect(clippy::cast_precision_loss, reason = "nobody sees the seventeenth digit of a bar")]
fn float(number: u64) -> f64 {
    number as f64
}

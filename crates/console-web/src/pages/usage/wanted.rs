//! Whose usage is looked at, and over which time: the filters of the page, and what is asked of the domain for them.

use access_domain::DeploymentId;
use api_types::ErrorCode;
use auth_actix::ApiError;
use chrono::TimeDelta;
use deployments_domain::{Resolution, UsageQuery};
use keys_core::{KeyId, Timestamp};

use crate::{parts::read_date_time, typed::Typed};

/// A stretch of time up to now.
#[derive(Debug)]
pub(super) struct Range {
    pub(super) word: &'static str,
    pub(super) label: &'static str,
    /// How long, in hours, and in buckets of which length. Nothing where it is chosen freely.
    back: Option<(i64, Resolution)>,
}

pub(super) static RANGES: [Range; 5] = [
    Range { word: "1h", label: "Last hour", back: Some((1, Resolution::Minute)) },
    Range { word: "24h", label: "Last 24 hours", back: Some((24, Resolution::Hour)) },
    Range { word: "7d", label: "Last 7 days", back: Some((7 * 24, Resolution::Hour)) },
    Range { word: "30d", label: "Last 30 days", back: Some((30 * 24, Resolution::Day)) },
    Range { word: "own", label: "From … to …", back: None },
];
/// For so long buckets are kept where nothing else is configured: finer ones from before then would read as if nothing had been
/// called.
const MINUTES_ARE_KEPT: TimeDelta = TimeDelta::days(7);
const HOURS_ARE_KEPT: TimeDelta = TimeDelta::days(90);
const OWN: &str = "own";
const DEFAULT: &str = "24h";

/// What is looked at.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted {
    range: &'static Range,
    deployment: Option<DeploymentId>,
    key: Option<KeyId>,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
}

impl Wanted {
    /// What the address asks for.
    ///
    /// # Errors
    /// When it is nothing that could be asked, with the field.
    pub(super) fn read(query: &Typed) -> Result<Self, ApiError> {
        let wrong = |name: &str, detail: &str| {
            ApiError::at(ErrorCode::InvalidParameter, format!("/{name}"), detail)
        };
        let instant = |name: &str| {
            let read =
                |text| read_date_time(text).ok_or_else(|| wrong(name, "must be a day and a time"));
            query.given(name).map(read).transpose()
        };
        let (from, to) = (instant("from")?, instant("to")?);
        let word = range_of(query);
        let range = RANGES.iter().find(|range| range.word == word);
        let range = range.ok_or_else(|| wrong("range", "is none of those"))?;
        let is_own = range.back.is_none();
        if is_own && from.is_none() {
            return Err(wrong("from", "say from when"));
        }
        let id = |name: &str| wrong(name, "must be an id");
        let deployment = query.given("deployment").map(str::parse).transpose();
        let key = query.given("key_id").map(str::parse).transpose();
        Ok(Self {
            range,
            deployment: deployment.map_err(|_| id("deployment"))?,
            key: key.map_err(|_| id("key_id"))?,
            from,
            to,
        })
    }

    /// What people call that time.
    pub(super) fn label(&self) -> &'static str {
        self.range.label
    }

    /// It as a question, at `now`.
    pub(super) fn query(&self, now: Timestamp) -> UsageQuery {
        let (from, bucket) = match self.range.back {
            // The bucket in which now is counts as one of them.
            Some((hours, bucket)) => {
                let length = TimeDelta::seconds(bucket.seconds());
                (Some(now - TimeDelta::hours(hours) + length), bucket)
            }
            None => (self.from, resolution(self.from, self.to.unwrap_or(now), now)),
        };
        UsageQuery { deployment: self.deployment, key: self.key, bucket, from, to: self.to }
    }
}

/// The range that `query` asks for, whether there is one of that name or not. Whoever says from or until when means it, whatever
/// else the form sends with it.
pub(super) fn range_of(query: &Typed) -> &str {
    if query.given("from").or(query.given("to")).is_some() {
        return OWN;
    }
    query.given("range").unwrap_or(DEFAULT)
}

/// The finest buckets of which a chart can show all, and which are kept from `from` on.
fn resolution(from: Option<Timestamp>, to: Timestamp, now: Timestamp) -> Resolution {
    let since = |from: Option<Timestamp>, to: Timestamp| {
        from.map_or(TimeDelta::zero(), |from| to.signed_duration_since(from))
    };
    let (span, age) = (since(from, to), since(from, now));
    if span <= TimeDelta::hours(4) && age <= MINUTES_ARE_KEPT {
        Resolution::Minute
    } else if span <= TimeDelta::days(9) && age <= HOURS_ARE_KEPT {
        Resolution::Hour
    } else {
        Resolution::Day
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn read(query: &str) -> Result<Wanted, ApiError> {
        let request = TestRequest::with_uri(&format!("/?{query}")).to_http_request();
        Wanted::read(&Typed::query(&request))
    }

    fn at(text: &str) -> Timestamp {
        read_date_time(text).unwrap()
    }

    #[test]
    fn a_range_is_so_many_buckets_up_to_now() {
        let now = at("2026-11-21T10:30");
        for (word, from, bucket) in [
            ("", "2026-11-20T11:30", Resolution::Hour),
            ("range=1h", "2026-11-21T09:31", Resolution::Minute),
            ("range=7d", "2026-11-14T11:30", Resolution::Hour),
            ("range=30d", "2026-10-23T10:30", Resolution::Day),
        ] {
            let query = read(word).unwrap().query(now);
            assert_eq!(
                (query.from, query.to, query.bucket),
                (Some(at(from)), None, bucket),
                "{word}"
            );
        }
    }

    #[test]
    fn whoever_says_from_when_gets_buckets_that_fit_on_a_chart() {
        for (from, to, bucket) in [
            ("2026-11-21T09:00", "2026-11-21T10:00", Resolution::Minute),
            ("2026-11-20T09:00", "2026-11-21T10:00", Resolution::Hour),
            ("2026-01-01T00:00", "2026-11-21T10:00", Resolution::Day),
        ] {
            // The form sends its select with them.
            for range in ["", "&range=24h", "&range=own"] {
                let wanted = read(&format!("from={from}&to={to}{range}")).unwrap();
                let query = wanted.query(at("2026-11-21T11:00"));
                let asked = (query.from, query.to, query.bucket);
                assert_eq!(asked, (Some(at(from)), Some(at(to)), bucket), "{range}");
            }
        }
    }

    #[test]
    fn of_long_ago_buckets_are_asked_for_that_are_kept() {
        for (now, bucket) in [
            ("2026-11-28T09:00", Resolution::Minute),
            ("2026-11-28T09:01", Resolution::Hour),
            ("2027-02-19T09:00", Resolution::Hour),
            ("2027-02-19T09:01", Resolution::Day),
        ] {
            let query = read("from=2026-11-21T09:00&to=2026-11-21T10:00").unwrap().query(at(now));
            assert_eq!(query.bucket, bucket, "{now}");
        }
    }

    #[test]
    fn what_cannot_be_asked_is_told_of_its_field() {
        for (query, field) in [
            ("range=1y", "/range"),
            ("range=own", "/from"),
            ("range=24h&to=2026-11-21T10:00", "/from"),
            ("from=yesterday", "/from"),
            ("deployment=x", "/deployment"),
            ("key_id=x", "/key_id"),
        ] {
            let faults = read(query).unwrap_err().into_errors();
            assert_eq!(faults[0].attr.as_deref(), Some(field), "{query}");
        }
    }
}

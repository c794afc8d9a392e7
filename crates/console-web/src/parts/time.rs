//! Instants. The page has them in UTC; the script writes them in the reader's own zone.

use std::str::FromStr as _;

use api_types::Time;
use chrono::{NaiveDateTime, TimeDelta};
use keys_core::Timestamp;
use maud::{Markup, html};

/// An instant: its text in UTC until the script has read it, UTC to the second when it is pointed at.
pub(crate) fn time(at: Timestamp) -> Markup {
    html! {
        time datetime=(Time(at)) title=(at.format("%Y-%m-%d %H:%M:%S UTC")) { (at.format("%-d %b %Y, %H:%M:%S UTC")) }
    }
}

/// An instant, or a word where there is none: "never".
pub(crate) fn time_or(at: Option<Timestamp>, none: &str) -> Markup {
    html! { @if let Some(at) = at { (time(at)) } @else { span .quiet { (none) } } }
}

/// How long before `now` it was, or how long after it will be; UTC when it is pointed at.
pub(crate) fn ago(at: Timestamp, now: Timestamp) -> Markup {
    html! {
        time datetime=(Time(at)) title=(at.format("%Y-%m-%d %H:%M:%S UTC")) data-relative { (distance(at, now)) }
    }
}

fn distance(at: Timestamp, now: Timestamp) -> String {
    let delta = now.signed_duration_since(at);
    let span = in_words(delta.abs());
    match span {
        None => "just now".into(),
        Some(span) if delta < TimeDelta::zero() => format!("in {span}"),
        Some(span) => format!("{span} ago"),
    }
}

/// The largest unit alone; nothing where it is less than a minute.
fn in_words(span: TimeDelta) -> Option<String> {
    let minutes = span.num_minutes();
    let (number, unit) = match minutes {
        ..1 => return None,
        1..60 => (minutes, "minute"),
        60..1440 => (minutes / 60, "hour"),
        _ => (minutes / 1440, "day"),
    };
    Some(format!("{number} {unit}{}", if number == 1 { "" } else { "s" }))
}

/// An instant as a field of date and time holds it, in UTC to the minute.
pub(crate) fn date_time_text(at: Timestamp) -> String {
    at.format("%Y-%m-%dT%H:%M").to_string()
}

/// What such a field holds, read as UTC; any RFC 3339 form is understood too. Nothing where it is neither.
pub(crate) fn read_date_time(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    let forms = ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"];
    let local = forms.iter().find_map(|form| NaiveDateTime::parse_from_str(text, form).ok());
    local.map(|local| local.and_utc()).or_else(|| Time::from_str(text).ok().map(|time| time.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Time::from_str(text).unwrap().0
    }

    #[test]
    fn times_stand_in_utc_for_those_without_a_script() {
        let html = time(at("2026-11-21T09:30:05.1Z")).into_string();
        let expected = "<time datetime=\"2026-11-21T09:30:05.100Z\" title=\"2026-11-21 09:30:05 UTC\">\
                        21 Nov 2026, 09:30:05 UTC</time>";
        assert_eq!(html, expected);
    }

    #[test]
    fn distances_are_told_in_their_largest_unit() {
        let now = at("2026-11-21T12:00:00Z");
        for (then, words) in [
            ("2026-11-21T11:59:30Z", "just now"),
            ("2026-11-21T11:59:00Z", "1 minute ago"),
            ("2026-11-21T09:30:00Z", "2 hours ago"),
            ("2026-11-19T11:00:00Z", "2 days ago"),
            ("2026-11-28T13:00:00Z", "in 7 days"),
        ] {
            assert_eq!(distance(at(then), now), words);
        }
    }

    #[test]
    fn a_field_of_date_and_time_is_read_as_it_was_written() {
        let instant = at("2026-11-21T09:30:00Z");
        assert_eq!(read_date_time(&date_time_text(instant)), Some(instant));
        assert_eq!(read_date_time("2026-11-21T10:30:00+01:00"), Some(instant));
        for bad in ["", "tomorrow", "2026-13-01T00:00", "2026-11-21"] {
            assert_eq!(read_date_time(bad), None, "{bad}");
        }
    }
}

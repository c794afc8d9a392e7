//! What is drawn at the edges: nothing, one bucket, gaps, huge numbers.

use super::*;

fn chart(kind: ChartKind, values: Vec<Option<f64>>) -> Chart {
    let starts = (0..values.len())
        .map(|hour| Timestamp::UNIX_EPOCH + chrono::TimeDelta::hours(i64::try_from(hour).unwrap()))
        .collect();
    let series = Series { name: "a <b>".into(), tone: SeriesTone::First, values };
    Chart {
        title: "Requests & more".into(),
        description: "What was <called>.".into(),
        kind,
        form: ValueForm::Count,
        starts,
        series: vec![series],
    }
}

fn html(kind: ChartKind, values: Vec<Option<f64>>) -> String {
    chart(kind, values).render().into_string()
}

#[test]
fn where_nothing_happened_words_say_so() {
    for values in [vec![], vec![Some(0.0); 24], vec![None; 3], vec![Some(f64::NAN)]] {
        for kind in [ChartKind::Bars, ChartKind::Lines] {
            let html = html(kind, values.clone());
            assert!(html.contains("Nothing in this time.") && !html.contains("<svg"), "{html}");
        }
    }
}

#[test]
fn one_bucket_is_one_bar_and_one_point() {
    let bars = html(ChartKind::Bars, vec![Some(3.0)]);
    assert!(bars.contains("h40.0v"), "a lone bar has a width of its own: {bars}");
    let lines = html(ChartKind::Lines, vec![Some(3.0)]);
    assert!(lines.contains("<circle"), "{lines}");
}

#[test]
fn a_line_breaks_where_there_is_no_value() {
    let html = html(ChartKind::Lines, vec![Some(1.0), Some(2.0), None, Some(4.0)]);
    let line = html.split("<path").nth(1).unwrap().split('>').next().unwrap();
    assert_eq!((line.matches('M').count(), line.matches('L').count()), (1, 1), "{line}");
    assert_eq!(html.matches("<circle").count(), 1, "the value after the gap stands alone");
}

#[test]
fn huge_numbers_stay_inside_the_picture() {
    let html = html(ChartKind::Bars, vec![Some(1.0), Some(1e19), Some(f64::INFINITY)]);
    assert!(!html.contains("NaN") && !html.contains("inf"), "{html}");
    assert!(html.contains(">10E<"), "{html}");
}

#[test]
fn text_in_a_chart_is_escaped_and_stands_in_a_table_too() {
    let html = html(ChartKind::Bars, vec![Some(1234.0), Some(0.0)]);
    assert!(html.contains("Requests &amp; more") && html.contains("What was &lt;called&gt;."));
    assert!(html.contains("data-label=\"a &lt;b&gt;\">1,234</td>"), "{html}");
    assert_eq!(html.matches("<th scope=\"row\">").count(), 1, "empty buckets are left out");
    assert!(!html.contains("style="), "the policy forbids inline styles");
}

#[test]
fn series_stand_on_top_of_each_other() {
    let mut stacked = chart(ChartKind::Bars, vec![Some(30.0)]);
    stacked.series.push(Series {
        name: "b".into(),
        tone: SeriesTone::Bad,
        values: vec![Some(10.0), Some(99.0)],
    });
    assert!((stacked.highest() - 40.0).abs() < 0.001, "values beyond the time do not count");
}

#[test]
fn ticks_are_round_and_reach_the_highest_value() {
    for (highest, is_whole, expected) in [
        (0.0, true, vec![0.0, 1.0]),
        (1.0, true, vec![0.0, 1.0]),
        (3.0, true, vec![0.0, 1.0, 2.0, 3.0]),
        (7.0, true, vec![0.0, 2.0, 4.0, 6.0, 8.0]),
        (1.0, false, vec![0.0, 0.5, 1.0]),
        (100.0, true, vec![0.0, 50.0, 100.0]),
        (f64::NAN, true, vec![0.0, 1.0]),
    ] {
        assert_eq!(Axis::up_to(highest, is_whole).ticks, expected, "{highest}");
    }
    for exponent in 0..18 {
        for times in [1.0, 1.7, 3.3, 9.99] {
            let highest = times * 10_f64.powi(exponent);
            let axis = Axis::up_to(highest, true);
            assert!(
                axis.top >= highest * 0.999_999 && axis.ticks.len() <= 6,
                "{highest}: {axis:?}"
            );
        }
    }
}

#[test]
fn ticks_read_shortly() {
    let counts = [0.0, 950.0, 1500.0, 2e7, 1e19].map(scale::short_count);
    assert_eq!(counts, ["0", "950", "1.5k", "20M", "10E"]);
    let times = [0.0, 50.0, 1500.0, 90_000.0, 600_000.0, 7.2e6].map(scale::short_duration);
    assert_eq!(times, ["0", "50 ms", "1.5 s", "90 s", "10 min", "2 h"]);
    let named: Vec<usize> = marks(24).collect();
    assert_eq!(named, [2, 6, 10, 14, 18, 22]);
    assert_eq!(marks(1).collect::<Vec<_>>(), [0]);
    assert_eq!(marks(0).count(), 0);
}

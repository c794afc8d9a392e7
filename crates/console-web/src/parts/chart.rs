//! Charts, drawn here as SVG. What is drawn stands in a table beside it, for those who cannot see it and those who want the
//! figures. Colours come from the style sheet by class.

use std::fmt::Write as _;

use api_types::Time;
use keys_core::Timestamp;
use maud::{Markup, Render, html};

use super::{
    quantity::{count, duration_ms},
    time::time,
};

mod scale;

use self::scale::{Axis, marks};

/// The drawing's own units; the style sheet makes it as wide as there is room.
const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 220.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 8.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = 32.0;
const PLOT_WIDTH: f64 = WIDTH - LEFT - RIGHT;
const PLOT_HEIGHT: f64 = HEIGHT - TOP - BOTTOM;
/// A lone bar is not as wide as the chart.
const WIDEST_BAR: f64 = 40.0;

/// How a chart is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ChartKind {
    /// Bars, the series of one bucket on top of each other.
    Bars,
    /// Lines, which break where there is no value.
    Lines,
}

/// How a chart's values read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ValueForm {
    /// Whole numbers.
    Count,
    /// Milliseconds.
    Milliseconds,
}

impl ValueForm {
    fn text(self, value: f64) -> String {
        match self {
            Self::Count => count(whole(value)),
            Self::Milliseconds => duration_ms(whole(value)),
        }
    }

    /// Beside the axis, where there is little room.
    fn short(self, value: f64) -> String {
        match self {
            Self::Count => scale::short_count(value),
            Self::Milliseconds => scale::short_duration(value),
        }
    }
}

/// What is neither a number nor positive is nothing; what is beyond all numbers is the largest.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "saturates, which is what is wanted"
)]
fn whole(value: f64) -> u64 {
    value.round() as u64
}

/// What the colour of a series says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SeriesTone {
    /// As it should be, or the first of several alike.
    First,
    /// The second of several alike.
    Second,
    /// The third of several alike.
    Third,
    /// Wants to be looked at.
    Warning,
    /// Wrong.
    Bad,
}

impl SeriesTone {
    fn class(self) -> &'static str {
        match self {
            Self::First => "series-first",
            Self::Second => "series-second",
            Self::Third => "series-third",
            Self::Warning => "series-warning",
            Self::Bad => "series-bad",
        }
    }
}

/// One row of values.
#[derive(Debug, Clone)]
pub(crate) struct Series {
    /// What it is: "succeeded".
    pub(crate) name: String,
    /// How it is coloured.
    pub(crate) tone: SeriesTone,
    /// A value for each bucket; none where there is nothing to say, which is not zero.
    pub(crate) values: Vec<Option<f64>>,
}

/// A chart of values over time.
#[derive(Debug, Clone)]
pub(crate) struct Chart {
    /// What is shown: "Requests". Its id in the page is made from it, so it stands there once.
    pub(crate) title: String,
    /// What the picture tells, in a sentence.
    pub(crate) description: String,
    /// How it is drawn.
    pub(crate) kind: ChartKind,
    /// How its values read.
    pub(crate) form: ValueForm,
    /// When each bucket begins, in order and evenly.
    pub(crate) starts: Vec<Timestamp>,
    /// What is drawn, from the bottom up.
    pub(crate) series: Vec<Series>,
}

impl Chart {
    fn id(&self) -> String {
        let kept = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
        format!("chart-{}", self.title.chars().map(kept).collect::<String>())
    }

    /// What the axis has to reach: the highest stack, or the highest value.
    fn highest(&self) -> f64 {
        let values =
            |index: usize| self.series.iter().filter_map(move |series| value(series, index));
        (0..self.starts.len())
            .map(|index| match self.kind {
                ChartKind::Bars => values(index).sum(),
                ChartKind::Lines => values(index).fold(0.0, f64::max),
            })
            .fold(0.0, f64::max)
    }

    fn is_empty(&self) -> bool {
        !(0..self.starts.len())
            .any(|index| self.series.iter().any(|one| value(one, index).is_some_and(|is| is > 0.0)))
    }

    fn picture(&self) -> Markup {
        let axis = Axis::up_to(self.highest(), self.form == ValueForm::Count);
        let id = self.id();
        html! {
            svg viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } role="img" aria-labelledby={ (id) "-title " (id) "-desc" } {
                title id={ (id) "-title" } { (self.title) }
                desc id={ (id) "-desc" } { (self.description) }
                (self.grid(&axis))
                (self.time_axis())
                @match self.kind {
                    ChartKind::Bars => (self.bars(&axis)),
                    ChartKind::Lines => (self.lines(&axis)),
                }
            }
        }
    }

    fn grid(&self, axis: &Axis) -> Markup {
        html! {
            @for tick in &axis.ticks {
                @let y = height_of(axis, *tick);
                line .grid x1=(LEFT) x2=(WIDTH - RIGHT) y1=(short(y)) y2=(short(y)) {}
                text .scale x=(LEFT - 6.0) y=(short(y + 3.5)) text-anchor="end" { (self.form.short(*tick)) }
            }
        }
    }

    /// A few of the buckets' beginnings, told by the time of day where all is within two days.
    fn time_axis(&self) -> Markup {
        let span = match (self.starts.first(), self.starts.last()) {
            (Some(first), Some(last)) => last.signed_duration_since(first),
            _ => chrono::TimeDelta::zero(),
        };
        let is_short = span <= chrono::TimeDelta::hours(48);
        let (form, name) = if is_short { ("%H:%M", "time") } else { ("%-d %b", "date") };
        html! {
            @for index in marks(self.starts.len()) {
                @if let Some(start) = self.starts.get(index) {
                    text .scale x=(short(self.middle(index))) y=(HEIGHT - 8.0) text-anchor="middle"
                        data-time=(Time(*start)) data-form=(name) { (start.format(form)) }
                }
            }
        }
    }

    fn slot(&self) -> f64 {
        PLOT_WIDTH / float(self.starts.len().max(1))
    }

    fn middle(&self, index: usize) -> f64 {
        LEFT + (float(index) + 0.5) * self.slot()
    }

    fn bars(&self, axis: &Axis) -> Markup {
        let width = (self.slot() * 0.8).min(WIDEST_BAR);
        let mut floors = vec![0.0; self.starts.len()];
        let mut paths = Vec::with_capacity(self.series.len());
        for series in &self.series {
            let mut path = String::new();
            for (index, floor) in floors.iter_mut().enumerate() {
                let Some(is) = value(series, index).filter(|is| *is > 0.0) else { continue };
                let (bottom, top) = (height_of(axis, *floor), height_of(axis, *floor + is));
                let left = self.middle(index) - width / 2.0;
                // What is there at all is seen.
                let tall = (bottom - top).max(1.0);
                let _ = write!(
                    path,
                    "M{:.1} {:.1}h{width:.1}v{tall:.1}h-{width:.1}z",
                    left,
                    bottom - tall
                );
                *floor += is;
            }
            paths.push((series.tone.class(), path));
        }
        html! { @for (class, path) in &paths { path .bar.(class) d=(path) {} } }
    }

    fn lines(&self, axis: &Axis) -> Markup {
        html! {
            @for series in &self.series {
                @let (path, lone) = self.line(axis, series);
                path .line.(series.tone.class()) d=(path) {}
                @for (x, y) in &lone { circle .dot.(series.tone.class()) cx=(short(*x)) cy=(short(*y)) r="3" {} }
            }
        }
    }

    /// The line of a series, and the points of it that have no neighbour to be joined to.
    fn line(&self, axis: &Axis, series: &Series) -> (String, Vec<(f64, f64)>) {
        let (mut path, mut lone) = (String::new(), Vec::new());
        let is_there =
            |index: Option<usize>| index.is_some_and(|index| value(series, index).is_some());
        for index in 0..self.starts.len() {
            let Some(is) = value(series, index) else { continue };
            let (x, y) = (self.middle(index), height_of(axis, is));
            let (before, after) = (is_there(index.checked_sub(1)), is_there(Some(index + 1)));
            if !before && !after {
                lone.push((x, y));
            } else {
                let _ = write!(path, "{}{x:.1} {y:.1}", if before { 'L' } else { 'M' });
            }
        }
        (path, lone)
    }

    /// The figures, the newest first. A bucket without any is left out: the picture shows that nothing was there.
    fn figures(&self) -> Markup {
        let told = |index: &usize| {
            self.series.iter().any(|one| value(one, *index).is_some_and(|is| is > 0.0))
        };
        html! {
            details .figures {
                summary { "Figures" }
                div .table {
                    table {
                        caption .visually-hidden { (self.title) }
                        thead {
                            tr {
                                th scope="col" { "From" }
                                @for series in &self.series { th .number scope="col" { (series.name) } }
                            }
                        }
                        tbody {
                            @for index in (0..self.starts.len()).rev().filter(told) {
                                tr {
                                    th scope="row" { @if let Some(start) = self.starts.get(index) { (time(*start)) } }
                                    @for series in &self.series {
                                        td .number data-label=(series.name) {
                                            @match value(series, index) {
                                                Some(is) => (self.form.text(is)),
                                                None => "–",
                                            }
                                        }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

impl Render for Chart {
    fn render(&self) -> Markup {
        html! {
            figure .chart {
                figcaption {
                    h2 { (self.title) }
                    @if self.series.len() > 1 {
                        ul .legend {
                            @for series in &self.series {
                                li { span .swatch.(series.tone.class()) aria-hidden="true" {} (series.name) }
                            }
                        }
                    }
                }
                @if self.is_empty() {
                    p .nothing { "Nothing in this time." }
                } @else {
                    (self.picture())
                    (self.figures())
                }
            }
        }
    }
}

/// A series may be shorter than the time; what is no number is no value.
fn value(series: &Series, index: usize) -> Option<f64> {
    series.values.get(index).copied().flatten().filter(|is| is.is_finite())
}

fn height_of(axis: &Axis, value: f64) -> f64 {
    TOP + PLOT_HEIGHT * (1.0 - (value / axis.top).clamp(0.0, 1.0))
}

/// A tenth of a unit is finer than any screen.
fn short(number: f64) -> String {
    format!("{number:.1}")
}

#[expect(
    clippy::cast_precision_loss,
    reason = "as many buckets as would lose precision are not drawn"
)]
fn float(number: usize) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests;

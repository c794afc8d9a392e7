//! Where the ticks of an axis stand, and how they read.

/// The axis of values: from nothing to the last of its ticks.
#[derive(Debug)]
pub(super) struct Axis {
    pub(super) top: f64,
    pub(super) ticks: Vec<f64>,
}

/// Gaps between ticks, at most.
const MOST_STEPS: f64 = 4.0;

impl Axis {
    /// An axis that reaches `highest`, its ticks at multiples of 1, 2 or 5 times a power of ten. Of things that are counted there
    /// is no half.
    pub(super) fn up_to(highest: f64, is_whole: bool) -> Self {
        let highest = if highest.is_finite() && highest > 0.0 { highest } else { 1.0 };
        let raw = highest / MOST_STEPS;
        let power = 10_f64.powf(raw.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0].map(|times| times * power);
        // Rounding may leave the last an ulp too small.
        let step = step.into_iter().find(|step| *step >= raw * 0.999_999).unwrap_or(power * 10.0);
        let step = if is_whole { step.max(1.0) } else { step };
        let mut ticks = vec![0.0];
        let mut top = 0.0;
        while top < highest * 0.999_999 && ticks.len() < 8 {
            top = step * f64::from(u32::try_from(ticks.len()).unwrap_or(u32::MAX));
            ticks.push(top);
        }
        Self { top, ticks }
    }
}

/// Which of `length` buckets are named below the chart: about six, evenly, none so near the edge that its name is cut off.
pub(super) fn marks(length: usize) -> impl Iterator<Item = usize> {
    let step = length.div_ceil(6).max(1);
    (step / 2..length).step_by(step)
}

/// `0`, `950`, `1.5k`, `20M`.
pub(super) fn short_count(value: f64) -> String {
    const UNITS: [(f64, &str); 6] =
        [(1e18, "E"), (1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")];
    match UNITS.into_iter().find(|(size, _)| value >= *size) {
        Some((size, name)) => format!("{}{name}", trimmed(value / size)),
        None => trimmed(value),
    }
}

/// `0`, `50 ms`, `1.5 s`, `10 min`, `2 h`.
pub(super) fn short_duration(ms: f64) -> String {
    const UNITS: [(f64, &str); 3] = [(3_600_000.0, "h"), (120_000.0, "min"), (1000.0, "s")];
    if ms <= 0.0 {
        return "0".into();
    }
    match UNITS.into_iter().find(|(from, _)| ms >= *from) {
        Some((_, "min")) => format!("{} min", trimmed(ms / 60_000.0)),
        Some((size, name)) => format!("{} {name}", trimmed(ms / size)),
        None => format!("{} ms", trimmed(ms)),
    }
}

fn trimmed(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map(str::to_owned).unwrap_or(text)
}

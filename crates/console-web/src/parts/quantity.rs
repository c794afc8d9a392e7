//! Numbers as people read them.

/// `12,345`.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// A share between 0 and 1: `0%`, `0.4%`, `12.5%`, `100%`. What is not nothing never reads as nothing.
pub(crate) fn percent(share: f64) -> String {
    let percent = share.clamp(0.0, 1.0) * 100.0;
    if percent > 0.0 && percent < 0.1 {
        return "<0.1%".into();
    }
    let text = format!("{percent:.1}");
    format!("{}%", text.strip_suffix(".0").unwrap_or(&text))
}

/// A time in milliseconds: `87 ms`, `1.5 s`, `2 min 5 s`, `3 h 10 min`.
pub(crate) fn duration_ms(ms: u64) -> String {
    let (seconds, minutes) = (ms / 1000, ms / 60_000);
    match ms {
        0..1000 => format!("{ms} ms"),
        1000..10_000 => format!("{}.{} s", seconds, ms % 1000 / 100),
        10_000..60_000 => format!("{seconds} s"),
        60_000..3_600_000 => format!("{minutes} min {} s", seconds % 60),
        _ => format!("{} h {} min", minutes / 60, minutes % 60),
    }
}

/// A size: `512 bytes`, `1.5 KiB`, `10 MiB`.
pub(crate) fn bytes(size: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if size < 1024 {
        return format!("{size} bytes");
    }
    // In tenths, so that no rounding of floats shows.
    let (mut tenths, mut unit) = (size.saturating_mul(10) / 1024, 0);
    while tenths >= 10_240 && unit < UNITS.len() - 1 {
        tenths /= 1024;
        unit += 1;
    }
    let name = UNITS.get(unit).copied().unwrap_or_default();
    match (tenths / 10, tenths % 10) {
        (whole, 0) => format!("{whole} {name}"),
        (whole, tenth) => format!("{whole}.{tenth} {name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_as_people_write_them() {
        assert_eq!([0, 999, 1000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!(count(u64::MAX), "18,446,744,073,709,551,615");
        let shares = [0.0, 0.0001, 0.004, 0.125, 1.0, 7.0].map(percent);
        assert_eq!(shares, ["0%", "<0.1%", "0.4%", "12.5%", "100%", "100%"]);
        let times = [87, 1500, 12_345, 125_000, 11_400_000].map(duration_ms);
        assert_eq!(times, ["87 ms", "1.5 s", "12 s", "2 min 5 s", "3 h 10 min"]);
        assert_eq!([512, 1536, 10 << 20].map(bytes), ["512 bytes", "1.5 KiB", "10 MiB"]);
        assert!(bytes(u64::MAX).ends_with("TiB"));
    }
}

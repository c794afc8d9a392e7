//! What the system knows of this process, under the names that every Prometheus dashboard knows.
//! Written here and not by the recorder, which counts in whole numbers.

use std::{fmt::Write as _, fs};

use rustix::{
    param::{clock_ticks_per_second, page_size},
    process::{Resource, getrlimit},
};

/// The fields of `/proc/self/stat` that follow the name in parentheses: see proc(5), which counts
/// from 1 and the name as the second.
const AFTER_NAME: usize = 3;
const USER_TICKS: usize = 14 - AFTER_NAME;
const SYSTEM_TICKS: usize = 15 - AFTER_NAME;
const STARTED_AT_TICKS: usize = 22 - AFTER_NAME;
const VIRTUAL_BYTES: usize = 23 - AFTER_NAME;
const RESIDENT_PAGES: usize = 24 - AFTER_NAME;

/// The lines; none where the system has no `/proc`.
pub(super) fn text() -> String {
    let mut text = String::new();
    let mut line = |name: &str, kind: &str, help: &str, value: Option<f64>| {
        if let Some(value) = value {
            let _ = write!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}\n\n");
        }
    };
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let ticks = clock_ticks_per_second() as f64;
    let (user, system) = (field(&stat, USER_TICKS), field(&stat, SYSTEM_TICKS));
    let busy = user.zip(system).map(|(user, system)| (user + system) / ticks);
    line("process_cpu_seconds_total", "counter", "Processor time used, in seconds.", busy);
    let resident = field(&stat, RESIDENT_PAGES).map(|pages| pages * page_size() as f64);
    line("process_resident_memory_bytes", "gauge", "Memory in use, in bytes.", resident);
    let virtual_bytes = field(&stat, VIRTUAL_BYTES);
    line("process_virtual_memory_bytes", "gauge", "Address space in use, in bytes.", virtual_bytes);
    let open = fs::read_dir("/proc/self/fd").ok().map(|open| open.count() as f64);
    line("process_open_fds", "gauge", "File descriptors that are open.", open);
    let most = getrlimit(Resource::Nofile).current.map(|most| most as f64);
    line("process_max_fds", "gauge", "File descriptors that may be open.", most);
    let started = booted_at().zip(field(&stat, STARTED_AT_TICKS));
    let started = started.map(|(booted, ticks_after)| booted + ticks_after / ticks);
    let help = "When the process began, in seconds since 1970.";
    line("process_start_time_seconds", "gauge", help, started);
    text
}

/// The name of a program may have blanks and parentheses; what follows its last one has not.
fn field(stat: &str, number: usize) -> Option<f64> {
    let (_, fields) = stat.rsplit_once(") ")?;
    fields.split_ascii_whitespace().nth(number)?.parse().ok()
}

fn booted_at() -> Option<f64> {
    let stat = fs::read_to_string("/proc/stat").ok()?;
    stat.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_blanks_and_parentheses_is_no_field() {
        let stat = "7 (a) b) S 1 2 3 4 5 6 7 8 9 10 250 50 0 0 20 0 1 0 9000 4096 3";
        assert_eq!(field(stat, USER_TICKS), Some(250.0));
        assert_eq!(field(stat, SYSTEM_TICKS), Some(50.0));
        assert_eq!(field(stat, STARTED_AT_TICKS), Some(9000.0));
        assert_eq!(field(stat, VIRTUAL_BYTES), Some(4096.0));
        assert_eq!(field(stat, RESIDENT_PAGES), Some(3.0));
    }

    #[test]
    fn this_process_is_measured() {
        let text = text();
        let names = ["cpu_seconds_total", "resident_memory_bytes", "open_fds", "max_fds"];
        for name in names.into_iter().chain(["start_time_seconds", "virtual_memory_bytes"]) {
            let line = text.lines().find(|line| line.starts_with(&format!("process_{name} ")));
            let value: f64 = line.unwrap().rsplit(' ').next().unwrap().parse().unwrap();
            assert!(value >= 0.0, "{name} {value}");
        }
    }
}

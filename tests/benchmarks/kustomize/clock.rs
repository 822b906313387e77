//! What things take: time on a core, so that what else the machine does is not counted, and memory.

use std::time::Instant;

use rustix::time::{ClockId, clock_gettime};

/// Milliseconds on a core, and by the clock on the wall.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Took {
    pub(crate) core: f64,
    pub(crate) wall: f64,
}

/// What this thread takes for something.
pub(crate) fn time<T>(what: impl FnOnce() -> T) -> (f64, T) {
    let before = on_core();
    let done = what();
    (on_core() - before, done)
}

/// The same, best of some.
pub(crate) fn best<T>(times: usize, what: impl Fn() -> T) -> f64 {
    (0..times).map(|_| time(&what).0).fold(f64::MAX, f64::min)
}

fn on_core() -> f64 {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    now.tv_sec as f64 * 1e3 + now.tv_nsec as f64 / 1e6
}

/// What everything takes that happens in child processes meanwhile: the kernel counts it in
/// hundredths of a second, so that many runs are to be measured as one.
pub(crate) fn in_children(what: impl FnOnce()) -> Took {
    let (began, before) = (Instant::now(), children());
    what();
    Took { core: children() - before, wall: began.elapsed().as_secs_f64() * 1e3 }
}

/// Milliseconds on a core of all children that have ended: fields 16 and 17 of `stat`.
fn children() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("Linux");
    let fields = stat.rsplit_once(')').expect("a name").1;
    let ticks = fields.split_whitespace().skip(13).take(2).filter_map(|field| field.parse::<f64>().ok());
    ticks.sum::<f64>() * 10.0
}

/// KiB that a process has, or has had at most, by the name that Linux gives it.
pub(crate) fn memory(process: &str, name: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')?.trim().strip_suffix(" kB"));
    line.and_then(|kib| kib.parse().ok()).unwrap_or(0)
}

/// How many processes want a core, over the last minute.
pub(crate) fn load() -> String {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    load.split(' ').next().unwrap_or_default().to_owned()
}

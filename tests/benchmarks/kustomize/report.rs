//! What was measured, a figure a line, and at the end what was to be reached.

/// Prints figures, and keeps what was to be reached.
#[derive(Default)]
pub(crate) struct Report {
    bounds: Vec<String>,
    /// Milliseconds in which kustomize builds one overlay, as a program.
    pub(crate) overlay_by_kustomize: f64,
    /// Milliseconds in which ours builds and prints one, in the process, its base known.
    pub(crate) overlay_in_process: f64,
}

impl Report {
    pub(crate) fn milliseconds(&mut self, name: &str, milliseconds: f64) {
        println!("{name} {milliseconds:.3} ms - -");
    }

    pub(crate) fn kibibytes(&mut self, name: &str, kibibytes: u64) {
        println!("{name} {kibibytes} KiB - -");
    }

    pub(crate) fn against(&mut self, name: &str, unit: &str, ours: f64, program: &str, theirs: f64) {
        println!("{name} {ours:.2} {unit} {program}:{theirs:.1} {:.1}", theirs / ours.max(0.001));
    }

    /// Something is to take less milliseconds than a bound.
    pub(crate) fn below(&mut self, what: &str, milliseconds: f64, bound: f64) {
        self.bounds.push(format!("{} {what}: {milliseconds:.2} ms, < {bound} ms", verdict(milliseconds < bound)));
    }

    /// Something is to be so many times as fast.
    pub(crate) fn at_least(&mut self, what: &str, times: f64, bound: f64) {
        self.bounds.push(format!("{} {what}: {times:.1} times, ≥ {bound}", verdict(times >= bound)));
    }

    /// Says what was reached.
    pub(crate) fn finish(mut self) {
        if self.overlay_by_kustomize > 0.0 {
            let times = self.overlay_by_kustomize / self.overlay_in_process;
            self.at_least("an overlay in the process, against kustomize", times, 100.0);
        }
        println!("# bounds, at a load average of {}", super::clock::load());
        self.bounds.iter().for_each(|bound| println!("# {bound}"));
    }
}

fn verdict(is_reached: bool) -> &'static str {
    if is_reached { "met    " } else { "NOT MET" }
}

//! Measures Skerry against what it stands on, on the same server in the same run.
//!
//! Ratios matter: absolute times depend on the machine and on what else it does. Figures come in groups that share
//! what they stand on; a name on the command line runs only the groups that have it.

#![expect(clippy::print_stdout, reason = "figures are the output")]
#![expect(clippy::print_stderr, reason = "progress is talk")]

mod crowd;
mod large;
mod objects;
mod publish;
mod raw;
mod register;

use std::pin::Pin;
use std::time::Duration;

/// Wide: a figure that takes longer is no figure.
const DEADLINE: Duration = Duration::from_secs(600);

/// How long a program idles before its memory is read.
const IDLE: Duration = Duration::from_secs(60);

/// One figure.
struct Figure {
    name: &'static str,
    value: f64,
    unit: &'static str,
    against: Option<(String, f64)>,
}

impl Figure {
    fn new(name: &'static str, value: f64, unit: &'static str) -> Self {
        Self { name, value, unit, against: None }
    }

    fn milliseconds(name: &'static str, took: Duration) -> Self {
        Self::new(name, took.as_secs_f64() * 1000.0, "ms")
    }

    fn mebibytes(name: &'static str, bytes: u64) -> Self {
        Self::new(name, bytes as f64 / 1048576.0, "MiB")
    }

    /// Against what it is measured, in the same unit.
    fn against(self, what: &str, value: f64) -> Self {
        Self { against: Some((what.to_owned(), value)), ..self }
    }

    fn ratio(&self) -> Option<f64> {
        self.against.as_ref().map(|(_, other)| self.value / other)
    }

    fn json(&self) -> serde_json::Value {
        let against = self.against.as_ref().map_or("-", |(what, _)| what);
        let (name, value, unit, ratio) = (self.name, self.value, self.unit, self.ratio());
        serde_json::json!({"name": name, "value": value, "unit": unit, "against": against, "ratio": ratio})
    }

    fn line(&self) -> String {
        let against = self.against.as_ref().map_or("-", |(what, _)| what);
        let ratio = self.ratio().map_or("-".to_owned(), |ratio| format!("{ratio:.2}"));
        format!("{} {:.1} {} {against} {ratio}", self.name, self.value, self.unit)
    }
}

type Figures = Pin<Box<dyn Future<Output = Vec<Figure>>>>;

/// Which figures a group has, and how it measures them.
type Group = (&'static [&'static str], fn() -> Figures);

const GROUPS: [Group; 5] = [
    (&large::NAMES, || Box::pin(large::measure())),
    (&skerry_tests::judged::NAMES, || Box::pin(judged())),
    (&register::NAMES, || Box::pin(register::measure())),
    (&crowd::NAMES, || Box::pin(crowd::measure())),
    (&publish::NAMES, || Box::pin(publish::measure())),
];

async fn judged() -> Vec<Figure> {
    eprintln!("pushes, heals and returns on two clusters …");
    let played = skerry_tests::judged::play().await;
    played.into_iter().map(|(name, took)| Figure::milliseconds(name, took)).collect()
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let json = arguments.iter().any(|argument| argument == "--json");
    let only = arguments.iter().find(|argument| !argument.starts_with('-'));
    let wanted = |name: &str| only.is_none_or(|only| name.starts_with(only.as_str()));
    if !GROUPS.iter().any(|(names, _)| names.iter().any(|name| wanted(name))) {
        let names: Vec<&str> = GROUPS.iter().flat_map(|(names, _)| names.iter().copied()).collect();
        eprintln!("no figure begins so; there are:\n{}", names.join("\n"));
        std::process::exit(2);
    }
    skerry_certs::tls::install_provider();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let mut list = Vec::new();
    for (_, measure) in GROUPS.iter().filter(|(names, _)| names.iter().any(|name| wanted(name))) {
        for figure in runtime.block_on(measure()).iter().filter(|figure| wanted(figure.name)) {
            if json {
                list.push(figure.json());
            } else {
                println!("{}", figure.line());
            }
        }
    }
    if json {
        println!("{}", serde_json::Value::from(list));
    }
}

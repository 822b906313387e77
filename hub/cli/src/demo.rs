//! `skerry demo`: everything in seconds, with no cluster, no root and no network.
//!
//! A real Git repository, a real hub and five real agents in this process, over real QUIC on
//! loopback; only Kubernetes is its in-memory twin. Each chapter does something, waits until it
//! *sees* the effect, and says so. A chapter that does not see it in time fails the demo.

use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

mod repository;
mod stage;
mod story;

use stage::Stage;

/// How the demo runs.
#[derive(Debug, Clone, Copy)]
pub struct DemoOptions {
    /// Leave everything running at the end.
    pub keep: bool,
    /// Show the logs of hub and agents.
    pub verbose: bool,
}

/// Why the demo stopped.
pub type DemoError = Box<dyn std::error::Error + Send + Sync>;

/// How long a chapter waits for what it wants to see: effects take milliseconds, machines may be busy.
const CHAPTER_TIMEOUT: Duration = Duration::from_secs(60);

/// Tells the story; true when everything that was shown was checked.
pub async fn run(options: DemoOptions) -> Result<bool, DemoError> {
    if options.verbose {
        // A second call in one process keeps the first subscriber.
        let _ = tracing_subscriber::fmt().with_writer(std::io::stderr).with_max_level(tracing::Level::INFO).try_init();
    }
    let mut teller = Teller::new();
    teller.say("Skerry keeps Kubernetes clusters as Git says – also when they lose the mainland.");
    teller.say("What follows is real: Git, signed bundles, mutual TLS over QUIC. Only Kubernetes is played,");
    teller.say("by an API in memory with real field ownership.");
    let outcome = match Stage::build().await {
        Ok(mut stage) => story::tell(&mut stage, &mut teller).await.map(|()| stage),
        Err(error) => Err(error),
    };
    match outcome {
        Ok(stage) => {
            teller.table(&stage.summary().await?);
            teller.say(&format!("Everything above was checked, in {} s.", teller.began.elapsed().as_secs()));
            if options.keep {
                stage.keep(&mut teller).await?;
            }
            stage.close().await;
            Ok(true)
        }
        Err(error) => {
            teller.say(&format!("✗ {error}"));
            Ok(false)
        }
    }
}

/// Speaks to the person who watches; the story is this command's data, so it goes to stdout.
pub(crate) struct Teller {
    began: Instant,
    colour: bool,
}

#[expect(clippy::print_stdout, reason = "the story is the output")]
impl Teller {
    fn new() -> Self {
        let colour = std::io::stdout().is_terminal();
        Self { began: Instant::now(), colour }
    }

    /// A line of the story.
    pub(crate) fn say(&mut self, line: &str) {
        println!("{line}");
    }

    /// A chapter begins.
    pub(crate) fn chapter(&mut self, number: usize, title: &str) {
        let (on, off) = if self.colour { ("\x1b[1m", "\x1b[0m") } else { ("", "") };
        println!("\n{on}{number}. {title}{off}");
    }

    /// Something was seen.
    pub(crate) fn seen(&mut self, what: &str, took: Duration) {
        let (on, off) = if self.colour { ("\x1b[32m", "\x1b[0m") } else { ("", "") };
        println!("   {on}✓{off} {what} ({} ms)", took.as_millis());
    }

    /// A table with a heading row.
    fn table(&mut self, rows: &[Vec<String>]) {
        println!();
        let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |column: usize| {
            rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        for row in rows {
            let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
            println!("{}", cells.collect::<Vec<_>>().join("   ").trim_end());
        }
        println!();
    }
}

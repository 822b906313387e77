//! Arguments of `skerry wait`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use clap::Args;
use skerry_common::status::{Health, Sync};

use super::parse;
use super::target::{Target, TargetParser};

/// Options of `wait`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:\n  skerry wait cluster edge-01 --for=sync=current\n  skerry wait cluster edge-01 \
                        --for=commit=$(git rev-parse HEAD) --timeout=5m")]
pub struct WaitArgs {
    /// `cluster`; also as cluster/NAME.
    #[arg(value_name = "KIND", value_parser = TargetParser)]
    pub target: Target,
    /// Name of the cluster.
    #[arg(value_name = "NAME")]
    pub name: Option<String>,
    /// What to wait for: sync=current, health=healthy, generation=N or commit=ID; several with commas.
    #[arg(long = "for", value_name = "CONDITION", required = true, value_delimiter = ',')]
    pub conditions: Vec<Condition>,
    /// How long to wait.
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = parse::duration)]
    pub timeout: Duration,
}

/// What can be waited for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// The cluster's sync is this.
    Sync(Sync),
    /// Its health is this.
    Health(Health),
    /// It runs this very generation: a higher one takes its place.
    Generation(u64),
    /// What it runs was made from this commit: a whole id, or its first digits.
    Commit(String),
}

/// Fewest digits of an abbreviated commit: as many as Git shows.
const COMMIT_DIGITS_MIN: usize = 7;

/// Most digits of a commit: SHA-256.
const COMMIT_DIGITS_MAX: usize = 64;

impl FromStr for Condition {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (field, value) =
            text.split_once('=').ok_or_else(|| format!("`{text}` is no condition: write `FIELD=VALUE`"))?;
        match field.to_ascii_lowercase().as_str() {
            "sync" => {
                word(value, &[Sync::Current, Sync::Held, Sync::Failed, Sync::Rolling], Sync::word).map(Self::Sync)
            }
            "health" => {
                let known = [Health::Healthy, Health::Progressing, Health::Degraded, Health::Suspended];
                word(value, &known, Health::word).map(Self::Health)
            }
            "generation" => value
                .parse()
                .map(Self::Generation)
                .map_err(|_| format!("`{value}` is no generation: a number is needed")),
            "commit" => {
                let hex = value.bytes().all(|byte| byte.is_ascii_hexdigit());
                if hex && (COMMIT_DIGITS_MIN..=COMMIT_DIGITS_MAX).contains(&value.len()) {
                    Ok(Self::Commit(value.to_ascii_lowercase()))
                } else {
                    Err(format!("`{value}` is no commit: at least {COMMIT_DIGITS_MIN} hexadecimal digits are needed"))
                }
            }
            _ => Err(format!("`{field}` cannot be waited for: sync, health, generation and commit can")),
        }
    }
}

fn word<T: Copy>(value: &str, known: &[T], name: impl Fn(T) -> &'static str) -> Result<T, String> {
    let found = known.iter().copied().find(|item| name(*item).eq_ignore_ascii_case(value));
    found.ok_or_else(|| {
        let words: Vec<&str> = known.iter().map(|item| name(*item)).collect();
        format!("`{value}` is none of {}", words.join(", "))
    })
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sync(sync) => write!(f, "sync={sync}"),
            Self::Health(health) => write!(f, "health={health}"),
            Self::Generation(generation) => write!(f, "generation={generation}"),
            Self::Commit(commit) => write!(f, "commit={commit}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_are_read_and_shown() {
        let check = |text: &str, expected: Option<&str>| {
            let shown = text.parse::<Condition>().ok().map(|condition| condition.to_string());
            assert_eq!(shown.as_deref(), expected, "{text}");
        };
        check("sync=current", Some("sync=current"));
        check("Sync=Current", Some("sync=current"));
        check("health=healthy", Some("health=healthy"));
        check("generation=7", Some("generation=7"));
        check("commit=0123456789", Some("commit=0123456789"));
        check("commit=012345", None);
        check("commit=xyzxyzxyz", None);
        check("generation=x", None);
        check("sync=unknown", None);
        check("drift=0", None);
        check("sync", None);
    }
}

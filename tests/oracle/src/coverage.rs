//! How often each field, and each pair of fields, has occurred.

use std::collections::{BTreeMap, BTreeSet};

use crate::fields::ALL;

/// Counts over a run.
#[derive(Debug, Default)]
pub(crate) struct Coverage {
    fields: BTreeMap<&'static str, u64>,
    pairs: BTreeMap<(&'static str, &'static str), u64>,
}

impl Coverage {
    /// Counts a tree.
    pub(crate) fn count(&mut self, used: &BTreeSet<&'static str>) {
        for field in used {
            *self.fields.entry(field).or_default() += 1;
            for other in used.range(*field..).skip(1) {
                *self.pairs.entry((field, other)).or_default() += 1;
            }
        }
    }

    /// A table, and how many pairs of fields never occurred.
    pub(crate) fn shown(&self, without: &[String]) -> (String, usize) {
        let mut fields: Vec<&str> = ALL.to_vec();
        fields.retain(|field| !without.iter().any(|name| field.starts_with(name.as_str())));
        fields.sort_unstable();
        let mut text = String::from("field                          trees  rarest pair\n");
        let mut missing = Vec::new();
        for field in &fields {
            let count = self.fields.get(field).copied().unwrap_or(0);
            let mut rarest = (u64::MAX, "");
            for other in fields.iter().filter(|other| *other != field) {
                let pair = if field < other { (*field, *other) } else { (*other, *field) };
                let together = self.pairs.get(&pair).copied().unwrap_or(0);
                if together == 0 && field < other {
                    missing.push(format!("{field} + {other}"));
                }
                if together < rarest.0 {
                    rarest = (together, other);
                }
            }
            text.push_str(&format!("{field:<28} {count:>7}  {} with {}\n", rarest.0, rarest.1));
        }
        let pairs = fields.len() * fields.len().saturating_sub(1) / 2;
        text.push_str(&format!("pairs: {} of {pairs} occurred\n", pairs - missing.len()));
        for pair in missing.iter().take(20) {
            text.push_str(&format!("never: {pair}\n"));
        }
        (text, missing.len())
    }
}

//! `<<` in a finished tree: a mapping gets an anchor, and one that comes later takes what it says.
//!
//! Works on lines, in a document or in a block of one. An anchored mapping holds no block and no
//! other anchor.

use std::ops::Range;

use crate::handwriting::{HEADERS, indent};
use crate::random::Random;
use crate::tree::Tree;

/// Chance in percent that a tree has a `<<`.
const TREES: usize = 12;

/// Chance in percent that a mapping takes what another of the same key says, where there is one.
const ALIKE: usize = 50;

/// The same in a kustomization, which refuses fields that it does not know.
const ALIKE_IN_KUSTOMIZATION: usize = 95;

/// Most places tried in one tree.
const TRIES: usize = 8;

/// Puts a `<<` into a tree, now and then.
pub(crate) fn scatter(tree: &mut Tree, random: &mut Random) {
    if !random.percent(TREES) {
        return;
    }
    for _ in 0..TRIES {
        let paths: Vec<&str> = tree.files.keys().map(String::as_str).collect();
        if paths.is_empty() {
            return;
        }
        let path = random.pick(&paths).to_owned();
        let content = tree.files.get(&path).cloned().unwrap_or_default();
        let is_kustomization = path.to_ascii_lowercase().contains("kustomization");
        let alike = if is_kustomization { ALIKE_IN_KUSTOMIZATION } else { ALIKE };
        if let Some(content) = with_merge(&content, alike, random) {
            tree.files.insert(path, content);
            tree.fields.insert("mergeKeys");
            if random.percent(70) {
                return;
            }
        }
    }
}

/// A block mapping: the line before its entries, and what it is in.
struct Mapping {
    /// The line `key:`; for an item of a list, its own first line.
    start: usize,
    entries: Range<usize>,
    indent: usize,
    is_item: bool,
    part: usize,
}

fn with_merge(content: &str, alike: usize, random: &mut Random) -> Option<String> {
    let mut lines: Vec<String> = content.split_inclusive('\n').map(str::to_owned).collect();
    if content.contains("&named") || content.contains("&shared") || content.contains('\r') {
        return None;
    }
    let found = mappings(&lines);
    let is_plain = |mapping: &&Mapping| {
        let own = lines[mapping.entries.clone()].iter();
        !mapping.is_item && !own.clone().any(|line| is_header(line)) && mapping.entries.len() < 12
    };
    let anchored: Vec<&Mapping> = found.iter().filter(is_plain).collect();
    let source = anchored.get(random.below(anchored.len()))?;
    let is_later = |mapping: &&Mapping| mapping.part == source.part && mapping.start >= source.entries.end;
    let mut later: Vec<&Mapping> = found.iter().filter(is_later).collect();
    let key = |mapping: &Mapping| lines[mapping.start].trim().trim_start_matches("- ").to_owned();
    let has_alike = later.iter().any(|mapping| key(mapping) == key(source));
    if random.percent(alike) && (has_alike || alike > ALIKE) {
        later.retain(|mapping| key(mapping) == key(source));
    }
    let user = later.get(random.below(later.len()))?;
    let written =
        random.pick(&["<<: *shared", "<<: *shared", "<<: *shared", "<<: [*shared]", "<<: [*shared, {odd: x}]"]);
    let space = " ".repeat(user.indent);
    if user.is_item {
        let line = lines[user.start].clone();
        lines[user.start] = format!("{}- {written}\n{space}{}", &space[2..], &line[user.indent..]);
    } else {
        lines[user.start].push_str(&format!("{space}{written}\n"));
    }
    let line = lines[source.start].trim_end().to_owned();
    lines[source.start] = format!("{line} &shared\n");
    Some(lines.concat())
}

fn is_header(line: &str) -> bool {
    HEADERS.contains(&line.trim_end().rsplit(' ').next().unwrap_or_default())
}

/// Every block mapping that is the value of a key or an item of a list.
fn mappings(lines: &[String]) -> Vec<Mapping> {
    let parts = parts(lines);
    let mut found = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let (text, own) = (line.trim(), indent(line));
        let end_of = |inner: usize| {
            let goes_on = |at: &usize| lines[*at].trim().is_empty() || indent(&lines[*at]) >= inner;
            (start + 1..lines.len()).find(|at| !goes_on(at)).unwrap_or(lines.len())
        };
        if is_entry(text) && text.ends_with(':') {
            let Some(next) = lines.get(start + 1).filter(|next| indent(next) > own && is_entry(next.trim())) else {
                continue;
            };
            let entries = start + 1..end_of(indent(next));
            found.push(Mapping { start, entries, indent: indent(next), is_item: false, part: parts[start] });
        }
        if let Some(first) = text.strip_prefix("- ").filter(|first| is_entry(first)) {
            let is_flat = !first.ends_with(':') && !is_header(text);
            let entries = start..end_of(own + 2);
            if is_flat {
                found.push(Mapping { start, entries, indent: own + 2, is_item: true, part: parts[start] });
            }
        }
    }
    found
}

/// Whether a line is an entry of a mapping, with a simple key.
fn is_entry(text: &str) -> bool {
    let is_simple = |key: &str| key.chars().all(|char| char.is_ascii_alphanumeric() || "-./".contains(char));
    text.split_once(':').is_some_and(|(key, rest)| {
        !key.is_empty() && !key.starts_with('-') && is_simple(key) && (rest.is_empty() || rest.starts_with(' '))
    })
}

/// To which document, or block of text, each line belongs.
fn parts(lines: &[String]) -> Vec<usize> {
    let (mut document, mut next) = (0, 1);
    let mut block: Option<(usize, usize)> = None;
    let mut parts = Vec::new();
    for line in lines {
        if line.starts_with("---") || line.starts_with("...") {
            (document, block) = (next, None);
            next += 1;
        }
        if block.is_some_and(|(own, _)| !line.trim().is_empty() && indent(line) <= own) {
            block = None;
        }
        parts.push(block.map_or(document, |(_, part)| part));
        if block.is_none() && is_header(line) {
            // The text of a key of an item is deeper than the key, that of an item deeper than its dash.
            let is_key_of_item = line.trim_start().starts_with("- ") && line.contains(':');
            let own = indent(line) + if is_key_of_item { 2 } else { 0 };
            block = Some((own, next));
            next += 1;
        }
    }
    parts
}

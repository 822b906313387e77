//! What people and programs write besides values: comments, anchors of scalars.

use crate::random::Random;

/// Marks that a text of several lines follows.
pub(crate) const HEADERS: &[&str] = &["|", "|-", "|+", ">", ">-", ">+"];

/// Adds, now and then, what does not change what a document says.
pub(crate) fn decorate(text: String, random: &mut Random) -> String {
    let text = if random.percent(6) { with_comments(&text, random) } else { text };
    if random.percent(4) { with_anchor(&text, random) } else { text }
}

/// Puts documents into one file.
pub(crate) fn joined(documents: &[String], random: &mut Random) -> String {
    let between = if random.percent(85) { "---\n" } else { random.pick(&["--- # next\n", "---\n---\n", "---  \n"]) };
    let mut content = documents.join(between);
    let before = if random.percent(15) { random.pick(&["# A comment first.\n---\n", "---\n", "\n"]) } else { "" };
    content.insert_str(0, before);
    if random.percent(6) {
        content.push_str(random.pick(&["---\n", "...\n", "\n", "# The end.\n", "---\n# The end.\n"]));
    }
    if random.percent(2) { content.replace('\n', "\r\n") } else { content }
}

pub(crate) fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

fn with_comments(text: &str, random: &mut Random) -> String {
    let mut out = String::new();
    let mut block: Option<usize> = None;
    for line in text.lines() {
        if block.is_some_and(|own| line.is_empty() || indent(line) > own) {
            out.push_str(&format!("{line}\n"));
            continue;
        }
        block = None;
        if random.percent(10) {
            out.push_str(&format!("{}# a note\n", " ".repeat(indent(line))));
        }
        let last = line.split(' ').next_back().unwrap_or_default();
        if HEADERS.contains(&last) {
            block = Some(indent(line));
        }
        let is_plain = !line.contains(['"', '\'']) && line.ends_with(|char: char| char.is_ascii_alphanumeric());
        out.push_str(line);
        out.push_str(if is_plain && random.percent(10) { "  # why\n" } else { "\n" });
    }
    out
}

/// Names one simple value, and uses the name in place of a later one.
fn with_anchor(text: &str, random: &mut Random) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let is_block = |line: &String| line.split(' ').next_back().is_some_and(|last| HEADERS.contains(&last));
    let simple: Vec<usize> = (0..lines.len()).filter(|index| value_at(&lines[*index]).is_some()).collect();
    if simple.len() < 2 || lines.iter().any(is_block) || lines.iter().any(|line| line == "---") {
        return text.to_owned();
    }
    let first = random.below(simple.len() - 1);
    let second = random.between(first + 1, simple.len() - 1);
    for (place, sign) in [(simple[first], "&named "), (simple[second], "*named")] {
        let Some(at) = value_at(&lines[place]) else { continue };
        if sign.starts_with('*') {
            lines[place].truncate(at);
        }
        lines[place].insert_str(at, sign);
    }
    lines.iter().map(|line| format!("{line}\n")).collect()
}

/// Where the value of a line begins that is a key and a simple value.
fn value_at(line: &str) -> Option<usize> {
    let (key, value) = line.split_once(": ")?;
    let is_simple = |text: &str| text.chars().all(|char| char.is_ascii_alphanumeric() || "-./".contains(char));
    let is_key = is_simple(key.trim_start().trim_start_matches("- "));
    (is_key && !value.is_empty() && is_simple(value)).then_some(key.len() + 2)
}

//! Lines of `Name:   value`, aligned, as kubectl's descriptions have them.

use std::fmt::Write as _;

use serde_json::Value;

use crate::output::table::one_line;

/// Column in which values begin.
const VALUE_COLUMN: usize = 20;

/// Deepest nesting of JSON that is shown as lines of its own; what lies deeper is shown as JSON.
const DEPTH_MAX: usize = 4;

/// A description under way.
#[derive(Debug, Default)]
pub(in crate::commands) struct Block {
    text: String,
}

impl Block {
    /// A line; nothing to say is said as such.
    pub(in crate::commands) fn line(&mut self, name: &str, value: impl AsRef<str>) {
        self.at(0, name, value.as_ref());
    }

    /// A line that is left out when there is nothing to say.
    pub(in crate::commands) fn line_if(&mut self, name: &str, value: impl AsRef<str>) {
        if !value.as_ref().is_empty() {
            self.line(name, value);
        }
    }

    /// A heading with lines below it; left out when there are none.
    pub(in crate::commands) fn list(&mut self, name: &str, lines: impl IntoIterator<Item = String>) {
        let mut lines = lines.into_iter().peekable();
        if lines.peek().is_some() {
            let _ = writeln!(self.text, "{name}:");
        }
        for line in lines {
            // A text with lines of its own keeps them, under the first.
            for part in line.lines() {
                let _ = writeln!(self.text, "  {}", one_line(part));
            }
        }
    }

    /// Every field of a JSON object.
    pub(in crate::commands) fn json(&mut self, value: &Value) {
        self.fields(0, value);
    }

    fn fields(&mut self, depth: usize, value: &Value) {
        for (key, value) in value.as_object().into_iter().flatten() {
            self.field(depth, &heading(key), value);
        }
    }

    fn field(&mut self, depth: usize, name: &str, value: &Value) {
        match value {
            Value::Object(_) if depth < DEPTH_MAX => {
                let _ = writeln!(self.text, "{:space$}{name}:", "", space = depth * 2);
                self.fields(depth + 1, value);
            }
            Value::Array(items) if depth < DEPTH_MAX && items.iter().any(Value::is_object) => {
                for item in items {
                    self.field(depth, name, item);
                }
            }
            Value::String(text) => self.at(depth, name, text),
            Value::Null => self.at(depth, name, ""),
            Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
                self.at(depth, name, &value.to_string());
            }
        }
    }

    fn at(&mut self, depth: usize, name: &str, value: &str) {
        let (space, width) = (depth * 2, VALUE_COLUMN.saturating_sub(depth * 2));
        let _ = writeln!(self.text, "{:space$}{:<width$}{}", "", format!("{}: ", one_line(name)), one_line(value));
    }

    /// The text.
    pub(in crate::commands) fn finish(self) -> String {
        self.text
    }
}

/// `observedAt` as `Observed At`.
fn heading(key: &str) -> String {
    let mut text = String::new();
    for (index, character) in key.chars().enumerate() {
        if index == 0 {
            text.extend(character.to_uppercase());
        } else {
            if character.is_uppercase() {
                text.push(' ');
            }
            text.push(character);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn json_becomes_aligned_lines() {
        let mut block = Block::default();
        block.json(&json!({"observedAt": "now\u{1b}", "none": null, "object": {"kind": "Pod"}, "fields": [{"path": "/a"}], "tags": [1, 2]}));
        let expected = "Observed At:        now\\u{1b}\nNone:               <none>\nObject:\n  Kind:             Pod\n\
                        Fields:\n  Path:             /a\nTags:               [1,2]\n";
        assert_eq!(block.finish(), expected);
    }

    #[test]
    fn lists_are_left_out_when_empty() {
        let mut block = Block::default();
        block.list("Errors", []);
        block.list("Held", ["a\nb".to_owned()]);
        assert_eq!(block.finish(), "Held:\n  a\n  b\n");
    }
}

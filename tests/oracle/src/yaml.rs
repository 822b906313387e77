//! YAML as it is written: values that know how their scalars are spelled.

use crate::handwriting;
use crate::random::Random;

/// A value; scalars are spelled as they will be printed.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    /// On one line.
    Scalar(String),
    /// A block: its header (`|`, `>-` …) and its lines.
    Block(&'static str, Vec<String>),
    Map(Vec<(String, Value)>),
    List(Vec<Value>),
}

/// A scalar, spelled like this.
pub(crate) fn raw(text: impl Into<String>) -> Value {
    Value::Scalar(text.into())
}

/// A mapping.
pub(crate) fn map<const N: usize>(entries: [(&str, Value); N]) -> Value {
    Value::Map(entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
}

/// A list.
pub(crate) fn list(items: impl IntoIterator<Item = Value>) -> Value {
    Value::List(items.into_iter().collect())
}

/// A text of several lines, as a literal block.
pub(crate) fn block(text: &str) -> Value {
    Value::Block("|", text.lines().map(str::to_owned).collect())
}

impl Value {
    /// Sets a field of a mapping.
    pub(crate) fn put(&mut self, key: impl Into<String>, value: Value) {
        if let Value::Map(entries) = self {
            let key = key.into();
            entries.retain(|(name, _)| *name != key);
            entries.push((key, value));
        }
    }

    /// Sets a field below, making the mappings on the way.
    pub(crate) fn put_at(&mut self, path: &[&str], value: Value) {
        let Some((first, rest)) = path.split_first() else {
            *self = value;
            return;
        };
        let Value::Map(entries) = self else { return };
        if !entries.iter().any(|(name, _)| name == first) {
            entries.push(((*first).to_owned(), Value::Map(Vec::new())));
        }
        for (name, below) in entries.iter_mut() {
            if name == first {
                below.put_at(rest, value);
                return;
            }
        }
    }

    /// As a document; chance decides between the ways in which people write.
    pub(crate) fn print(&self, random: &mut Random) -> String {
        let mut printer = Printer { out: String::new(), indents_lists: random.percent(50), flow: random.below(12) };
        printer.value(self, 0, random);
        handwriting::decorate(printer.out, random)
    }
}

struct Printer {
    out: String,
    indents_lists: bool,
    /// Chance in percent of brackets.
    flow: usize,
}

impl Printer {
    fn line(&mut self, indent: usize, text: &str) {
        self.out.push_str(&" ".repeat(indent));
        self.out.push_str(text);
        self.out.push('\n');
    }

    fn value(&mut self, value: &Value, indent: usize, random: &mut Random) {
        match value {
            Value::Map(entries) if !entries.is_empty() => {
                for (key, value) in entries {
                    self.entry(&format!("{key}:"), value, indent, random);
                }
            }
            Value::List(items) if !items.is_empty() => {
                for item in items {
                    self.entry("-", item, indent, random);
                }
            }
            Value::Scalar(_) | Value::Block(..) | Value::Map(_) | Value::List(_) => {
                let text = flow(value);
                self.line(indent, &text);
            }
        }
    }

    /// One entry of a mapping or list, whose beginning is `key:` or `-`.
    fn entry(&mut self, start: &str, value: &Value, indent: usize, random: &mut Random) {
        let is_item = start == "-";
        let is_inline = match value {
            Value::Scalar(_) => true,
            Value::Map(entries) => entries.is_empty() || (fits_flow(value) && random.percent(self.flow)),
            Value::List(items) => items.is_empty() || (fits_flow(value) && random.percent(self.flow)),
            Value::Block(..) => false,
        };
        if is_inline {
            let text = format!("{start} {}", flow(value));
            return self.line(indent, text.trim_end());
        }
        match value {
            Value::Block(header, lines) => {
                self.line(indent, &format!("{start} {header}"));
                for line in lines {
                    if line.is_empty() { self.out.push('\n') } else { self.line(indent + 2, line) }
                }
            }
            Value::Map(_) | Value::List(_) if is_item => {
                let from = self.out.len();
                self.value(value, indent + 2, random);
                let at = from + indent;
                self.out.replace_range(at..=at, "-");
            }
            Value::List(_) if !self.indents_lists => {
                self.line(indent, start);
                self.value(value, indent, random);
            }
            Value::Map(_) | Value::List(_) | Value::Scalar(_) => {
                self.line(indent, start);
                self.value(value, indent + 2, random);
            }
        }
    }
}

/// Whether a value can be written in brackets.
fn fits_flow(value: &Value) -> bool {
    let is_safe = |text: &str| {
        let is_quoted = text.len() > 1 && (text.starts_with('"') || text.starts_with('\''));
        is_quoted || text.chars().all(|char| char.is_ascii_alphanumeric() || "-_./".contains(char))
    };
    match value {
        Value::Scalar(text) => is_safe(text),
        Value::Block(..) => false,
        Value::Map(entries) => entries.len() < 4 && entries.iter().all(|(key, value)| is_safe(key) && fits_flow(value)),
        Value::List(items) => items.len() < 4 && items.iter().all(fits_flow),
    }
}

fn flow(value: &Value) -> String {
    match value {
        Value::Scalar(text) => text.clone(),
        Value::Block(..) => "\"\"".to_owned(),
        Value::Map(entries) => {
            let inner: Vec<_> = entries.iter().map(|(key, value)| format!("{key}: {}", flow(value))).collect();
            format!("{{{}}}", inner.join(", "))
        }
        Value::List(items) => format!("[{}]", items.iter().map(flow).collect::<Vec<_>>().join(", ")),
    }
}

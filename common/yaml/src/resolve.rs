//! Which type a scalar has: the table is in the crate's documentation.

mod number;
mod timestamp;

use crate::node::{Node, NodeKind, ScalarStyle};

pub(crate) use number::parse_number;
pub(crate) use timestamp::parse_timestamp;

/// Whose reading of YAML applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Rules {
    /// `kubectl` and the API machinery: YAML 1.1 booleans.
    #[default]
    Kubernetes,
    /// Kustomize's own trees: `yes` and the like are strings, dates are timestamps.
    Kustomize,
}

/// The value of a scalar.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Resolved {
    /// `~`, `null` or nothing.
    Null,
    /// A boolean.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// An integer too large for [`Resolved::Int`].
    Uint(u64),
    /// Any other number.
    Float(f64),
    /// A string: the text itself.
    Str,
    /// A list, a mapping or an alias, which have no such value.
    NotScalar,
}

impl Node {
    /// The value of a scalar, as Kubernetes reads it. Text that contradicts its explicit tag is
    /// a string here and refused by [`crate::to_json`].
    pub fn resolve(&self) -> Resolved {
        self.resolve_with(Rules::Kubernetes).unwrap_or(Resolved::Str)
    }

    /// The value of a scalar; nothing when its text contradicts its explicit tag.
    pub fn resolve_with(&self, rules: Rules) -> Option<Resolved> {
        let NodeKind::Scalar { text, style } = &self.kind else {
            return Some(Resolved::NotScalar);
        };
        let implicit = || resolve_text(text, rules);
        match self.tag().map(short) {
            None if *style == ScalarStyle::Plain => Some(implicit()),
            None => Some(Resolved::Str),
            Some("!") if rules == Rules::Kustomize && *style == ScalarStyle::Plain => Some(implicit()),
            Some("!!null") => Some(implicit()).filter(|value| *value == Resolved::Null),
            Some("!!bool") => Some(implicit()).filter(|value| matches!(value, Resolved::Bool(_))),
            Some("!!int") => Some(implicit()).filter(|value| matches!(value, Resolved::Int(_) | Resolved::Uint(_))),
            Some("!!float") => as_float(implicit()),
            Some("!!timestamp") => parse_timestamp(text).map(|_| Resolved::Str),
            Some(_) => Some(Resolved::Str),
        }
    }

    /// The tag that Kustomize keeps with a scalar: the explicit one, else that of its type. `!`
    /// marks a scalar that a program has made without saying its type.
    pub fn kept_tag(&self) -> Option<&str> {
        let NodeKind::Scalar { text, style } = &self.kind else { return self.tag() };
        match self.tag() {
            Some(tag) => Some(short(tag)),
            None if *style == ScalarStyle::Plain => Some(implied_tag(text)),
            None => Some("!!str"),
        }
    }
}

/// The short form of a standard tag.
fn short(tag: &str) -> &str {
    const FORMS: [(&str, &str); 5] = [
        ("tag:yaml.org,2002:str", "!!str"),
        ("tag:yaml.org,2002:int", "!!int"),
        ("tag:yaml.org,2002:float", "!!float"),
        ("tag:yaml.org,2002:bool", "!!bool"),
        ("tag:yaml.org,2002:timestamp", "!!timestamp"),
    ];
    FORMS.iter().find(|(long, _)| *long == tag).map_or(tag, |(_, short)| short)
}

/// The tag of plain text by Kustomize's rules.
pub fn implied_tag(text: &str) -> &'static str {
    match resolve_text(text, Rules::Kustomize) {
        Resolved::Null => "!!null",
        Resolved::Bool(_) => "!!bool",
        Resolved::Int(_) | Resolved::Uint(_) => "!!int",
        Resolved::Float(_) => "!!float",
        Resolved::Str | Resolved::NotScalar if parse_timestamp(text).is_some() => "!!timestamp",
        Resolved::Str | Resolved::NotScalar if text == "<<" => "!!merge",
        Resolved::Str | Resolved::NotScalar => "!!str",
    }
}

#[expect(clippy::cast_precision_loss, reason = "upstream turns integers into floats the same way")]
fn as_float(value: Resolved) -> Option<Resolved> {
    match value {
        Resolved::Float(_) => Some(value),
        Resolved::Int(value) => Some(Resolved::Float(value as f64)),
        Resolved::Uint(_) | Resolved::Null | Resolved::Bool(_) | Resolved::Str | Resolved::NotScalar => None,
    }
}

/// The value of a plain scalar without tag.
pub(crate) fn resolve_text(text: &str, rules: Rules) -> Resolved {
    let Some(first) = text.bytes().next() else {
        return Resolved::Null;
    };
    match first {
        _ if may_be_word(first) => resolve_word(text, rules),
        b'0'..=b'9' | b'+' | b'-' | b'.' => parse_number(text, rules),
        _ => Resolved::Str,
    }
}

/// Whether nulls and booleans may begin with a byte.
pub(crate) fn may_be_word(first: u8) -> bool {
    matches!(first, b'~' | b'n' | b'N' | b't' | b'T' | b'f' | b'F' | b'y' | b'Y' | b'o' | b'O')
}

fn resolve_word(text: &str, rules: Rules) -> Resolved {
    match text {
        "~" | "null" | "Null" | "NULL" => Resolved::Null,
        "true" | "True" | "TRUE" => Resolved::Bool(true),
        "false" | "False" | "FALSE" => Resolved::Bool(false),
        _ if rules == Rules::Kubernetes => match old_boolean(text) {
            Some(value) => Resolved::Bool(value),
            None => Resolved::Str,
        },
        _ => Resolved::Str,
    }
}

/// What YAML 1.1 alone takes for a boolean.
pub(crate) fn old_boolean(text: &str) -> Option<bool> {
    match text {
        "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => Some(true),
        "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => Some(false),
        _ => None,
    }
}

/// Whether plain text is a string for every reader: both rules, timestamps and the base-60
/// numbers that only other parsers know.
pub(crate) fn is_plain_string(text: &str) -> bool {
    text != "<<"
        && resolve_text(text, Rules::Kubernetes) == Resolved::Str
        && parse_timestamp(text).is_none()
        && !is_base_60(text)
}

/// Whether a text is a number to the base of 60, such as `12:30:45.5`.
pub(crate) fn is_base_60(text: &str) -> bool {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let mut parts = digits.split(':');
    let first = parts.next().unwrap_or_default();
    if !first.starts_with(|char: char| char.is_ascii_digit())
        || !first.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_')
    {
        return false;
    }
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return false;
    }
    while let Some(part) = parts.next() {
        let (whole, fraction) = match part.split_once('.') {
            Some((whole, fraction)) if parts.peek().is_none() => (whole, fraction),
            Some(_) => return false,
            None => (part, ""),
        };
        let fits = match whole.as_bytes() {
            [ones] => ones.is_ascii_digit(),
            [tens, ones] => matches!(tens, b'0'..=b'5') && ones.is_ascii_digit(),
            _ => false,
        };
        if !fits || !fraction.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_') {
            return false;
        }
    }
    true
}

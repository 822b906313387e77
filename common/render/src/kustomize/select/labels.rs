//! Selectors over labels: `a=b,c!=d,e in (f,g),h notin (i),j,!k,l>1`, read as Kubernetes does.

use skerry_yaml::Node;

use crate::document::text_at;

/// Longest name of a label, and longest value: what the API server takes.
const NAME_BYTES_MAX: usize = 63;

/// Longest prefix of a name of a label.
const PREFIX_BYTES_MAX: usize = 253;

/// One condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Requirement {
    key: String,
    test: Test,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Test {
    Exists,
    Missing,
    In(Vec<String>),
    NotIn(Vec<String>),
    Above(i64),
    Below(i64),
}

impl Requirement {
    fn holds(&self, found: Option<&str>) -> bool {
        let number = || found.and_then(|found| found.parse::<i64>().ok());
        match &self.test {
            Test::Exists => found.is_some(),
            Test::Missing => found.is_none(),
            Test::In(values) => found.is_some_and(|found| values.iter().any(|value| value == found)),
            Test::NotIn(values) => found.is_none_or(|found| values.iter().all(|value| value != found)),
            Test::Above(bound) => number().is_some_and(|found| found > *bound),
            Test::Below(bound) => number().is_some_and(|found| found < *bound),
        }
    }
}

/// Whether every condition holds for the labels, or annotations, of an object.
pub(super) fn all_hold(requirements: &[Requirement], node: &Node, field: &str) -> bool {
    requirements.iter().all(|requirement| requirement.holds(text_at(node, &["metadata", field, &requirement.key])))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token<'a> {
    Word(&'a str),
    Sign(&'a str),
}

/// The signs of the grammar, longest first.
const SIGNS: &[&str] = &["==", "!=", "=", "!", "(", ")", ",", ">", "<"];

fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut found = Vec::new();
    let mut rest = text.trim_start_matches(is_space);
    while !rest.is_empty() {
        let sign = SIGNS.iter().find(|sign| rest.starts_with(**sign));
        let is_end = |char: char| is_space(char) || "=!(),><".contains(char);
        let length = sign.map_or_else(|| rest.find(is_end).unwrap_or(rest.len()), |sign| sign.len());
        let (token, after) = rest.split_at(length);
        found.push(if sign.is_some() { Token::Sign(token) } else { Token::Word(token) });
        rest = after.trim_start_matches(is_space);
    }
    found
}

fn is_space(char: char) -> bool {
    matches!(char, ' ' | '\t' | '\r' | '\n')
}

/// Reads a selector; says what is wrong with it.
pub(super) fn requirements(text: &str) -> Result<Vec<Requirement>, String> {
    let tokens = tokens(text);
    let mut reader = Reader { tokens: &tokens, text };
    let mut found = Vec::new();
    while !reader.tokens.is_empty() {
        found.push(reader.requirement()?);
        match reader.take() {
            None => break,
            Some(Token::Sign(",")) if !reader.tokens.is_empty() => {}
            Some(_) => return reader.refuse("conditions are separated by commas"),
        }
    }
    Ok(found)
}

struct Reader<'a> {
    tokens: &'a [Token<'a>],
    text: &'a str,
}

impl<'a> Reader<'a> {
    fn take(&mut self) -> Option<Token<'a>> {
        let (first, rest) = self.tokens.split_first()?;
        self.tokens = rest;
        Some(*first)
    }

    fn is_over(&self) -> bool {
        matches!(self.tokens.first(), None | Some(Token::Sign(",")))
    }

    fn refuse<T>(&self, message: &str) -> Result<T, String> {
        Err(format!("`{}` is no selector: {message}", self.text))
    }

    fn requirement(&mut self) -> Result<Requirement, String> {
        let is_denied = self.tokens.first() == Some(&Token::Sign("!"));
        if is_denied {
            self.take();
        }
        let Some(Token::Word(key)) = self.take() else { return self.refuse("a condition begins with a key") };
        if !is_key(key) {
            return self.refuse(&format!("`{key}` is no key of a label"));
        }
        let test = match (is_denied, self.is_over()) {
            (true, _) => Test::Missing,
            (false, true) => Test::Exists,
            (false, false) => self.test()?,
        };
        Ok(Requirement { key: key.to_owned(), test })
    }

    fn test(&mut self) -> Result<Test, String> {
        match self.take() {
            Some(Token::Sign("=" | "==")) => Ok(Test::In(vec![self.value()?])),
            Some(Token::Sign("!=")) => Ok(Test::NotIn(vec![self.value()?])),
            Some(Token::Sign(">")) => Ok(Test::Above(self.number()?)),
            Some(Token::Sign("<")) => Ok(Test::Below(self.number()?)),
            Some(Token::Word("in")) => Ok(Test::In(self.values()?)),
            Some(Token::Word("notin")) => Ok(Test::NotIn(self.values()?)),
            Some(_) | None => self.refuse("behind a key one of `=`, `==`, `!=`, `in`, `notin`, `<` and `>` is needed"),
        }
    }

    fn value(&mut self) -> Result<String, String> {
        if self.is_over() {
            return Ok(String::new());
        }
        match self.take() {
            Some(Token::Word(value)) => self.checked(value),
            Some(Token::Sign(_)) | None => self.refuse("a value is needed"),
        }
    }

    fn number(&mut self) -> Result<i64, String> {
        let value = self.value()?;
        value.parse().or_else(|_| self.refuse(&format!("`{value}` is no whole number")))
    }

    /// Values in parentheses; nothing between commas is an empty one.
    fn values(&mut self) -> Result<Vec<String>, String> {
        if self.take() != Some(Token::Sign("(")) {
            return self.refuse("values in parentheses are needed");
        }
        let mut values = Vec::new();
        let mut current: Option<String> = None;
        loop {
            match self.take() {
                Some(Token::Word(value)) if current.is_none() => current = Some(self.checked(value)?),
                Some(Token::Sign(",")) => values.push(current.take().unwrap_or_default()),
                Some(Token::Sign(")")) => {
                    values.push(current.take().unwrap_or_default());
                    return Ok(values);
                }
                Some(_) | None => return self.refuse("values are separated by commas and end with `)`"),
            }
        }
    }

    fn checked(&self, value: &str) -> Result<String, String> {
        if value.is_empty() || is_name(value) {
            return Ok(value.to_owned());
        }
        self.refuse(&format!("`{value}` is no value of a label"))
    }
}

/// `name` or `prefix/name`.
fn is_key(key: &str) -> bool {
    match key.split_once('/') {
        None => is_name(key),
        Some((prefix, name)) => is_name(name) && is_prefix(prefix),
    }
}

/// Letters and digits, with `-`, `_` and `.` inside.
fn is_name(name: &str) -> bool {
    let is_inner = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let bytes = name.as_bytes();
    let ends = [bytes.first(), bytes.last()];
    bytes.len() <= NAME_BYTES_MAX
        && bytes.iter().all(|byte| is_inner(*byte))
        && ends.into_iter().all(|end| end.is_some_and(u8::is_ascii_alphanumeric))
}

/// A DNS name in small letters.
fn is_prefix(prefix: &str) -> bool {
    let is_part = |part: &str| {
        let bytes = part.as_bytes();
        let is_outer = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        bytes.iter().all(|byte| is_outer(byte) || *byte == b'-')
            && bytes.first().is_some_and(is_outer)
            && bytes.last().is_some_and(is_outer)
    };
    prefix.len() <= PREFIX_BYTES_MAX && prefix.split('.').all(is_part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selectors_are_read_as_kubernetes_reads_them() {
        let check = |text: &str, labels: &str, expected: bool| {
            let node = skerry_yaml::parse(&format!("metadata: {{labels: {labels}}}"), &skerry_yaml::Limits::default());
            let node = node.expect("YAML").remove(0).root;
            let requirements = requirements(text).expect("a selector");
            assert_eq!(all_hold(&requirements, &node, "labels"), expected, "{text} on {labels}");
        };
        check("a=b", "{a: b}", true);
        check("a==b,c", "{a: b}", false);
        check("a in (x, b), !d", "{a: b}", true);
        check("a notin (x, b)", "{a: b}", false);
        check("a notin (x)", "{}", true);
        check("a!=b", "{}", true);
        check("a", "{a: \"\"}", true);
        check("a in (,x)", "{a: \"\"}", true);
        check("a>1, a<3", "{a: \"2\"}", true);
        check("a>1", "{a: b}", false);
        check("in in (notin)", "{in: notin}", true);
    }

    #[test]
    fn what_is_no_selector_is_refused() {
        for text in [
            "a in b",
            "=b",
            "a=b=c",
            "-a=b",
            "a/b/c=d",
            "a=b c",
            "a=$",
            "a=b,,c",
            "a=b,",
            "(a=b)",
            "a b",
            "a=-b",
            "!a=b",
            "/a",
            "a/",
            "UP/a",
            "a>b",
            "a in (b",
            "a in (b c)",
            ",",
        ] {
            assert!(requirements(text).is_err(), "{text}");
        }
        assert!(requirements(&"a".repeat(NAME_BYTES_MAX + 1)).is_err());
    }
}

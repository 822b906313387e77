//! From a filter's text to its terms.

use std::collections::BTreeSet;

use super::{Comparison, FILTER_BYTES_MAX, Field, FilterError, TERMS_MAX, Term, Test};

/// Characters that end a word without quotes.
const DELIMITERS: &str = ",()!=<>\"";

/// Reads all terms; `field` decides which names are fields.
pub(super) fn terms(text: &str, field: &dyn Fn(&str) -> Result<Field, FilterError>) -> Result<Vec<Term>, FilterError> {
    if text.len() > FILTER_BYTES_MAX {
        return Err(FilterError::TooLong);
    }
    let mut parser = Parser { text, at: 0 };
    let mut terms = Vec::new();
    parser.space();
    if parser.is_done() {
        return Ok(terms);
    }
    loop {
        if terms.len() >= TERMS_MAX {
            return Err(FilterError::TooLong);
        }
        terms.push(parser.term(field)?);
        if parser.is_done() {
            return Ok(terms);
        }
        parser.expect(",", "`,` or the end")?;
    }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Parser<'a> {
    fn term(&mut self, field: &dyn Fn(&str) -> Result<Field, FilterError>) -> Result<Term, FilterError> {
        if self.take("!") {
            let field = field(self.word("a field")?)?;
            return Ok(Term { field, test: Test::DoesNotExist });
        }
        let field = field(self.word("a field")?)?;
        let test = self.test()?;
        Ok(Term { field, test })
    }

    fn test(&mut self) -> Result<Test, FilterError> {
        if self.take("!=") {
            return Ok(Test::NotIn(BTreeSet::from([self.value()?])));
        }
        if self.take("==") || self.take("=") {
            return Ok(Test::In(BTreeSet::from([self.value()?])));
        }
        let comparisons = [
            ("<=", Comparison::LessOrEqual),
            ("<", Comparison::Less),
            (">=", Comparison::GreaterOrEqual),
            (">", Comparison::Greater),
        ];
        for (sign, comparison) in comparisons {
            if self.take(sign) {
                let value = self.value()?;
                let bound = value.parse().map_err(|_| FilterError::NotANumber(value))?;
                return Ok(Test::Compare(comparison, bound));
            }
        }
        if self.take_word("notin") {
            return self.list().map(Test::NotIn);
        }
        if self.take_word("in") {
            return self.list().map(Test::In);
        }
        Ok(Test::Exists)
    }

    fn list(&mut self) -> Result<BTreeSet<String>, FilterError> {
        self.expect("(", "`(`")?;
        let mut values = BTreeSet::new();
        loop {
            values.insert(self.value()?);
            if self.take(")") {
                return Ok(values);
            }
            self.expect(",", "`,` or `)`")?;
        }
    }

    /// A word, a quoted text, or nothing: an empty value.
    fn value(&mut self) -> Result<String, FilterError> {
        if !self.rest().starts_with('"') {
            return Ok(self.bare().to_owned());
        }
        let inner = &self.rest()[1..];
        let Some(end) = inner.find('"') else { return Err(self.syntax("a closing `\"`")) };
        let value = inner[..end].to_owned();
        self.at += end + 2;
        self.space();
        Ok(value)
    }

    fn word(&mut self, expected: &'static str) -> Result<&'a str, FilterError> {
        let error = self.syntax(expected);
        let word = self.bare();
        if word.is_empty() { Err(error) } else { Ok(word) }
    }

    fn bare(&mut self) -> &'a str {
        let rest = self.rest();
        let end = rest.find(|c: char| c.is_whitespace() || DELIMITERS.contains(c)).unwrap_or(rest.len());
        self.at += end;
        self.space();
        &rest[..end]
    }

    /// Takes a word that ends there.
    fn take_word(&mut self, word: &str) -> bool {
        let Some(after) = self.rest().strip_prefix(word) else { return false };
        if !after.starts_with(|c: char| c.is_whitespace() || c == '(') {
            return false;
        }
        self.take(word)
    }

    fn take(&mut self, sign: &str) -> bool {
        if !self.rest().starts_with(sign) {
            return false;
        }
        self.at += sign.len();
        self.space();
        true
    }

    fn expect(&mut self, sign: &str, expected: &'static str) -> Result<(), FilterError> {
        let error = self.syntax(expected);
        if self.take(sign) { Ok(()) } else { Err(error) }
    }

    fn space(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start().len();
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn is_done(&self) -> bool {
        self.rest().is_empty()
    }

    fn syntax(&self, expected: &'static str) -> FilterError {
        let before = self.text.get(..self.at).unwrap_or_default();
        FilterError::Syntax { at: before.chars().count() + 1, expected }
    }
}

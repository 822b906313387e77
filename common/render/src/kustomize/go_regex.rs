//! Regular expressions as Go reads them, in the words of the `regex` crate.
//!
//! The two languages are nearly one. What differs is rewritten: `\d`, `\w`, `\s` and `\b` mean ASCII
//! letters only, `\Q…\E` quotes, `\101` is octal, `{` that begins no count is a letter, and brackets
//! hold letters and ranges, never other brackets or `&&`. What Go refuses is refused: the flag `x`,
//! counts beyond 1000, `a**`, and escapes that it does not know.

use regex::Regex;

/// Largest count in braces, Go's own bound.
const COUNT_MAX: u32 = 1000;

/// Makes an expression of one that is written for Go; says why it is none.
pub(crate) fn compile(pattern: &str) -> Result<Regex, Refusal> {
    let mut rewriter = Rewriter { rest: pattern, out: String::with_capacity(pattern.len() + 8) };
    rewriter.all()?;
    Regex::new(&rewriter.out).map_err(|_| "something is missing, or out of place")
}

/// The classes that `[[:name:]]` names.
const CLASSES: &[&str] = &[
    "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space", "upper", "word",
    "xdigit",
];

/// Why it is none, in words.
pub(crate) type Refusal = &'static str;

struct Rewriter<'a> {
    rest: &'a str,
    out: String,
}

impl Rewriter<'_> {
    fn all(&mut self) -> Result<(), Refusal> {
        let mut is_repeated = false;
        while let Some(letter) = self.next() {
            let was_repeated = std::mem::replace(&mut is_repeated, false);
            match letter {
                '*' | '+' | '?' => {
                    self.out.push(letter);
                    is_repeated = self.repeated(was_repeated)?;
                }
                '{' => match self.count()? {
                    Some(count) => {
                        self.out.push_str(&count);
                        is_repeated = self.repeated(was_repeated)?;
                    }
                    None => self.out.push_str("\\{"),
                },
                '\\' => self.escape()?,
                '[' => self.class()?,
                '(' => self.group()?,
                _ => self.out.push(letter),
            }
        }
        Ok(())
    }

    fn next(&mut self) -> Option<char> {
        let letter = self.rest.chars().next()?;
        self.rest = &self.rest[letter.len_utf8()..];
        Some(letter)
    }

    fn skip(&mut self, text: &str) -> bool {
        let rest = self.rest.strip_prefix(text);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    /// What follows a repetition: it may be made lazy, and not be repeated again.
    fn repeated(&mut self, was_repeated: bool) -> Result<bool, Refusal> {
        if self.skip("?") {
            self.out.push('?');
        }
        if was_repeated { Err("a repetition cannot be repeated") } else { Ok(true) }
    }

    /// The count behind a brace, with its braces, where there is one.
    fn count(&mut self) -> Result<Option<String>, Refusal> {
        let Some((inside, after)) = self.rest.split_once('}') else { return Ok(None) };
        let (least, most) = inside.split_once(',').map_or((inside, None), |(least, most)| (least, Some(most)));
        let is_number = |text: &str| {
            let is_short = text == "0" || !text.starts_with('0');
            !text.is_empty() && is_short && text.bytes().all(|byte| byte.is_ascii_digit())
        };
        if !is_number(least) || !most.is_none_or(|most| most.is_empty() || is_number(most)) {
            return Ok(None);
        }
        let is_large = |text: &str| !text.is_empty() && text.parse().map_or(true, |number: u32| number > COUNT_MAX);
        if is_large(least) || most.is_some_and(is_large) {
            return Err("a count is larger than 1000");
        }
        let count = format!("{{{inside}}}");
        self.rest = after;
        Ok(Some(count))
    }

    fn escape(&mut self) -> Result<(), Refusal> {
        if self.skip("Q") {
            let (quoted, rest) = self.rest.split_once("\\E").unwrap_or((self.rest, ""));
            self.rest = rest;
            // Each letter stands alone: what repeats repeats the last one.
            quoted.chars().for_each(|letter| self.literal(letter));
            return Ok(());
        }
        match self.rest.chars().next() {
            Some(letter @ ('A' | 'z')) => self.pass(&format!("\\{letter}")),
            Some(letter @ ('b' | 'B')) => self.pass(&format!("(?-u:\\{letter})")),
            _ => match self.set()? {
                Some(set) => self.out.push_str(&set),
                None => {
                    let letter = self.letter()?;
                    self.literal(letter);
                }
            },
        }
        Ok(())
    }

    /// Takes one letter and writes something for it.
    fn pass(&mut self, text: &str) {
        let _ = self.next();
        self.out.push_str(text);
    }

    fn literal(&mut self, letter: char) {
        self.out.push_str(&regex::escape(letter.encode_utf8(&mut [0; 4])));
    }

    /// What a letter behind a backslash stands for, when that is a set.
    fn set(&mut self) -> Result<Option<String>, Refusal> {
        let set = match self.rest.chars().next() {
            Some('d') => "[0-9]",
            Some('D') => "[^0-9]",
            Some('w') => "[0-9A-Za-z_]",
            Some('W') => "[^0-9A-Za-z_]",
            Some('s') => "[\\t\\n\\x0C\\r ]",
            Some('S') => "[^\\t\\n\\x0C\\r ]",
            Some('p' | 'P') => return self.unicode().map(Some),
            _ => return Ok(None),
        };
        let _ = self.next();
        Ok(Some(set.to_owned()))
    }

    /// `pL`, `p{Greek}`, `P{Greek}` or `p{^Greek}`.
    fn unicode(&mut self) -> Result<String, Refusal> {
        let refusal = "the name of a Unicode class is none";
        let is_negated = self.next() == Some('P');
        let name = if self.skip("{") {
            let (name, rest) = self.rest.split_once('}').ok_or(refusal)?;
            self.rest = rest;
            name.to_owned()
        } else {
            self.next().ok_or(refusal)?.to_string()
        };
        let bare = name.trim_start_matches('^');
        if bare.is_empty() || !bare.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            return Err(refusal);
        }
        let letter = if is_negated == (bare.len() < name.len()) { 'p' } else { 'P' };
        Ok(format!("\\{letter}{{{bare}}}"))
    }

    /// The letter that an escape stands for.
    fn letter(&mut self) -> Result<char, Refusal> {
        let unknown = "it escapes what has no meaning";
        let letter = self.next().ok_or("it ends in a backslash")?;
        Ok(match letter {
            'a' => '\u{7}',
            'f' => '\u{C}',
            't' => '\t',
            'n' => '\n',
            'r' => '\r',
            'v' => '\u{B}',
            'x' => return self.hexadecimal().ok_or(unknown),
            '0'..='7' => {
                let is_octal = |byte: u8| (b'0'..=b'7').contains(&byte);
                let more = self.rest.bytes().take(2).take_while(|byte| is_octal(*byte)).count();
                if letter != '0' && more == 0 {
                    return Err("it refers back to a group");
                }
                let digits = format!("{letter}{}", &self.rest[..more]);
                self.rest = &self.rest[more..];
                u32::from_str_radix(&digits, 8).ok().and_then(char::from_u32).ok_or(unknown)?
            }
            _ if letter.is_ascii() && !letter.is_ascii_alphanumeric() => letter,
            _ => return Err(unknown),
        })
    }

    /// `7F` or `{10FFFF}`.
    fn hexadecimal(&mut self) -> Option<char> {
        let (digits, rest) = match self.rest.strip_prefix('{') {
            Some(rest) => rest.split_once('}')?,
            None => self.rest.split_at_checked(2)?,
        };
        let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        self.rest = rest;
        char::from_u32(u32::from_str_radix(digits, 16).ok().filter(|_| is_number)?)
    }

    /// What stands in brackets, every letter escaped.
    fn class(&mut self) -> Result<(), Refusal> {
        const OPEN: &str = "a bracket is not closed";
        self.out.push('[');
        if self.skip("^") {
            self.out.push('^');
        }
        let mut is_first = true;
        loop {
            if !is_first && self.skip("]") {
                self.out.push(']');
                return Ok(());
            }
            is_first = false;
            if self.rest.starts_with("[:")
                && let Some(end) = self.rest.find(":]")
            {
                let (name, rest) = self.rest.split_at(end + 2);
                let bare = name.trim_matches(['[', ':', ']']).trim_start_matches('^');
                if !CLASSES.contains(&bare) {
                    return Err("a class of letters has no such name");
                }
                self.out.push_str(name);
                self.rest = rest;
                continue;
            }
            if let Some(rest) = self.rest.strip_prefix('\\') {
                let before = std::mem::replace(&mut self.rest, rest);
                if let Some(set) = self.set()? {
                    self.out.push_str(&set);
                    continue;
                }
                self.rest = before;
            }
            let low = self.class_letter().ok_or(OPEN)??;
            self.bracketed(low);
            if self.rest.starts_with('-') && !self.rest.starts_with("-]") {
                self.rest = &self.rest[1..];
                let high = self.class_letter().ok_or(OPEN)??;
                self.out.push('-');
                self.bracketed(high);
            }
        }
    }

    fn class_letter(&mut self) -> Option<Result<char, Refusal>> {
        let letter = self.next()?;
        Some(if letter == '\\' { self.letter() } else { Ok(letter) })
    }

    fn bracketed(&mut self, letter: char) {
        if letter.is_ascii() && !letter.is_ascii_alphanumeric() {
            self.out.push_str(&format!("\\x{:02X}", u32::from(letter)));
        } else {
            self.out.push(letter);
        }
    }

    /// The head of a group.
    fn group(&mut self) -> Result<(), Refusal> {
        self.out.push('(');
        if !self.rest.starts_with('?') {
            return Ok(());
        }
        if self.rest.starts_with("?P<") || self.rest.starts_with("?<") {
            let end = self.rest.find('>').ok_or("the name of a group is not closed")?;
            let (head, rest) = self.rest.split_at(end + 1);
            let name = head.trim_start_matches(['?', 'P']).trim_matches(['<', '>']);
            if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
                return Err("the name of a group is none");
            }
            // Nobody asks for it, and a name cannot begin with a digit here.
            self.rest = rest;
            return Ok(());
        }
        let end = self.rest.find([')', ':']).ok_or("a group is not closed")?;
        let (head, rest) = self.rest.split_at(end);
        let flags = &head[1..];
        if !flags.chars().all(|flag| "imsU-".contains(flag)) || flags.ends_with('-') {
            return Err("a flag is none of i, m, s and U");
        }
        self.out.push_str(if head == "?" { "?:" } else { head });
        self.rest = rest;
        if head == "?" {
            let _ = self.skip(":");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pattern: &str, matches: &[&str], others: &[&str]) {
        let regex = compile(&format!("^(?:{pattern})$")).expect(pattern);
        matches.iter().for_each(|text| assert!(regex.is_match(text), "`{pattern}` on `{text}`: {regex}"));
        others.iter().for_each(|text| assert!(!regex.is_match(text), "`{pattern}` on `{text}`: {regex}"));
    }

    #[test]
    fn expressions_mean_what_they_mean_in_go() {
        check(r"\Qa.b*\E+", &["a.b*", "a.b**"], &["axb", "a.b"]);
        check(r"\w+", &["web_1"], &["wéb"]);
        check(r"[\w-]+", &["web-1"], &["wéb"]);
        check(r"\d{2}", &["12"], &["١٢"]);
        check(r"[^\d]", &["a"], &["1"]);
        check(r"[\D]", &["a"], &["1"]);
        check(r"a{,2}", &["a{,2}"], &["aa"]);
        check(r"{a}", &["{a}"], &["a"]);
        check(r"a{1,2}?", &["a", "aa"], &["aaa"]);
        check(r"[[a]+", &["[a"], &["b"]);
        check(r"[a&&b]+", &["a&b"], &["c"]);
        check(r"[]-a]+", &["]_a"], &["b"]);
        check(r"[a-]+", &["a-"], &["b"]);
        check(r"[[:alpha:]]+", &["ab"], &["1"]);
        check(r"\101\x42\x{43}", &["ABC"], &[]);
        check(r"\pL+\p{^L}[\PL]", &["é1-"], &["11-"]);
        check(r"(?)web", &["web"], &[]);
        check(r"(?i)web", &["WEB"], &[]);
        check(r"(?P<1a>web)", &["web"], &[]);
        check(r"\bweb\b", &["web"], &[]);
        check(r"a\-b\/c\_d\ e", &["a-b/c_d e"], &[]);
        check("a)|(b", &["ax", "xb"], &["xbx"]);
    }

    #[test]
    fn what_go_refuses_is_refused() {
        for pattern in [
            "(?x)a b",
            "a{1001}",
            "a**",
            "a*+",
            "a{2}{3}",
            r"\p{Nope}",
            "[[:foo:]]",
            r"\1",
            r"\Z",
            r"\h",
            "(",
            "[a",
            "*a",
            r"a\",
        ] {
            assert!(compile(pattern).is_err(), "{pattern}");
        }
        compile("a{1000}").expect("a count of 1000");
    }
}

//! In which styles a text can be written.

use crate::resolve::Rules;

/// What a text allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Analysis {
    flags: u8,
}

const MULTILINE: u8 = 1;
const FLOW_PLAIN: u8 = 1 << 1;
const BLOCK_PLAIN: u8 = 1 << 2;
const SINGLE_QUOTED: u8 = 1 << 3;
const BLOCK: u8 = 1 << 4;

/// What was found in a text.
#[derive(Default)]
struct Found {
    flags: u16,
}

const BLOCK_INDICATOR: u16 = 1;
const FLOW_INDICATOR: u16 = 1 << 1;
const LINE_BREAK: u16 = 1 << 2;
const SPECIAL: u16 = 1 << 3;
const TAB: u16 = 1 << 4;
const EDGE_SPACE: u16 = 1 << 5;
const TRAILING_SPACE: u16 = 1 << 6;
const BREAK_SPACE: u16 = 1 << 7;
const SPACE_BREAK: u16 = 1 << 8;

impl Found {
    fn add(&mut self, flags: u16) {
        self.flags |= flags;
    }

    fn has(&self, flags: u16) -> bool {
        self.flags & flags != 0
    }
}

impl Analysis {
    pub(super) fn of(text: &str, rules: Rules) -> Analysis {
        if text.is_empty() {
            return Analysis { flags: BLOCK_PLAIN | SINGLE_QUOTED };
        }
        if is_word(text) {
            return Analysis { flags: FLOW_PLAIN | BLOCK_PLAIN | SINGLE_QUOTED | BLOCK };
        }
        let found = find(text, rules);
        let mut flags = FLOW_PLAIN | BLOCK_PLAIN | SINGLE_QUOTED | BLOCK;
        let no_plain = EDGE_SPACE | BREAK_SPACE | SPACE_BREAK | TAB | SPECIAL | LINE_BREAK;
        if found.has(no_plain) {
            flags &= !(FLOW_PLAIN | BLOCK_PLAIN);
        }
        if found.has(BREAK_SPACE | SPACE_BREAK | TAB | SPECIAL) {
            flags &= !SINGLE_QUOTED;
        }
        if found.has(TRAILING_SPACE | SPACE_BREAK | SPECIAL) {
            flags &= !BLOCK;
        }
        if found.has(FLOW_INDICATOR) {
            flags &= !FLOW_PLAIN;
        }
        if found.has(BLOCK_INDICATOR) {
            flags &= !BLOCK_PLAIN;
        }
        if found.has(LINE_BREAK) {
            flags |= MULTILINE;
        }
        Analysis { flags }
    }

    pub(super) fn is_multiline(self) -> bool {
        self.flags & MULTILINE != 0
    }

    pub(super) fn allows_plain(self, flow: bool) -> bool {
        self.flags & if flow { FLOW_PLAIN } else { BLOCK_PLAIN } != 0
    }

    pub(super) fn allows_single_quotes(self) -> bool {
        self.flags & SINGLE_QUOTED != 0
    }

    pub(super) fn allows_block(self) -> bool {
        self.flags & BLOCK != 0
    }
}

/// Whether a text surely allows everything: most texts are names, numbers and paths.
fn is_word(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'/'))
        && text.starts_with(|first: char| first.is_ascii_alphanumeric() || first == '/')
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Previous {
    Start,
    Space,
    Tab,
    Break,
    Other,
}

fn find(text: &str, rules: Rules) -> Found {
    let mut found = Found::default();
    if text.starts_with("---") || text.starts_with("...") {
        found.add(BLOCK_INDICATOR | FLOW_INDICATOR);
    }
    let mut previous = Previous::Start;
    let mut chars = text.chars().peekable();
    while let Some(char) = chars.next() {
        let next = chars.peek().copied();
        let before_space = matches!(next, None | Some(' ' | '\t'));
        let first = previous == Previous::Start;
        found.add(indicators(char, previous, before_space));
        if char == '\t' && rules == Rules::Kustomize {
            found.add(TAB);
        } else if !is_printable(char) {
            found.add(SPECIAL);
        }
        let edge = if first || next.is_none() { EDGE_SPACE } else { 0 };
        previous = if char == ' ' {
            found.add(edge);
            if next.is_none() {
                found.add(TRAILING_SPACE);
            }
            if previous == Previous::Break {
                found.add(BREAK_SPACE);
            }
            Previous::Space
        } else if is_break(char) {
            found.add(edge | LINE_BREAK);
            if previous == Previous::Space {
                found.add(SPACE_BREAK);
            }
            Previous::Break
        } else if char == '\t' {
            Previous::Tab
        } else {
            Previous::Other
        };
    }
    found
}

/// Whether a character would be read as an indicator.
fn indicators(char: char, previous: Previous, before_space: bool) -> u16 {
    const BOTH: u16 = BLOCK_INDICATOR | FLOW_INDICATOR;
    let first = previous == Previous::Start;
    match char {
        '#' | ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%' | '@' | '`' if first => BOTH,
        '?' if first && before_space => BOTH,
        '-' if first && before_space => BOTH,
        ':' if before_space => BOTH,
        '?' | ':' | ',' | '[' | ']' | '{' | '}' => FLOW_INDICATOR,
        '#' if previous != Previous::Other => BOTH,
        _ => 0,
    }
}

/// Whether a character ends a line for YAML 1.1.
pub(super) fn is_break(char: char) -> bool {
    matches!(char, '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// Whether upstream writes a character as it is.
pub(super) fn is_printable(char: char) -> bool {
    matches!(char,
        '\n' | ' '..='~' | '\u{A0}'..='\u{D7FF}' | '\u{E000}'..='\u{FEFE}' | '\u{FF00}'..='\u{FFFD}')
}

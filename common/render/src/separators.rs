//! Where one document ends and the next begins, as Kustomize has it.
//!
//! It cuts a file at its lines `---` first, and reads one document of each piece. So nothing but a
//! comment can follow `---`, what follows `...` in a piece is not read, and a directive is parted
//! from the `---` that it needs.

use std::borrow::Cow;

/// What is wrong with the lines between documents.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// Counted from 1.
    pub(crate) line: u32,
    pub(crate) message: String,
}

/// What is known of the piece that is being read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Piece {
    /// Nothing but blank lines and comments so far.
    Empty,
    /// Something stands in it.
    Begun,
    /// Its document has ended.
    Ended,
}

/// Takes out what Kustomize does not read; lines stay where they are.
pub(crate) fn settle(content: &[u8]) -> Result<Cow<'_, [u8]>, Refusal> {
    if !content.split(|byte| *byte == b'\n').any(is_of_interest) {
        return Ok(Cow::Borrowed(content));
    }
    let mut settled = Vec::with_capacity(content.len());
    let mut piece = Piece::Empty;
    for (index, line) in content.split_inclusive(|byte| *byte == b'\n').enumerate() {
        let refuse = |message: String| Refusal { line: u32::try_from(index + 1).unwrap_or(u32::MAX), message };
        let is_last = !line.ends_with(b"\n");
        let text = line.trim_ascii_end();
        let end: &[u8] = if is_last { b"" } else { b"\n" };
        if index > 0 && text.starts_with(b"---") && !is_last {
            check_separator(text).map_err(refuse)?;
            piece = Piece::Empty;
            settled.extend_from_slice(b"---\n");
        } else if piece == Piece::Ended {
            settled.extend_from_slice(end);
        } else if is_marker(text, b"...") {
            if piece == Piece::Empty {
                return Err(refuse("no document stands before `...`".to_owned()));
            }
            piece = Piece::Ended;
            settled.extend_from_slice(b"...");
            settled.extend_from_slice(end);
        } else if piece == Piece::Begun && index > 0 && is_marker(text, b"---") {
            piece = Piece::Ended;
        } else if piece == Piece::Empty && text.starts_with(b"%") {
            return Err(refuse("Kustomize reads no directive such as `%YAML`: take this line out".to_owned()));
        } else {
            let line = if piece == Piece::Empty { line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(line) } else { line };
            if !matches!(line.trim_ascii().first(), None | Some(b'#')) {
                piece = Piece::Begun;
            }
            settled.extend_from_slice(line);
        }
    }
    Ok(Cow::Owned(settled))
}

const BYTE_ORDER_MARK: &[u8] = "\u{FEFF}".as_bytes();

/// Whether a line can need work: most files have none that does.
fn is_of_interest(line: &[u8]) -> bool {
    let is_plain_separator = || line.trim_ascii_end() == b"---";
    line.first().is_some_and(|byte| matches!(byte, b'.' | b'%' | 0xEF) || (*byte == b'-' && line.starts_with(b"---")))
        && !is_plain_separator()
}

/// Whether a line begins with a marker that stands alone.
fn is_marker(line: &[u8], marker: &[u8]) -> bool {
    line.strip_prefix(marker).is_some_and(|rest| matches!(rest.first(), None | Some(b' ' | b'\t')))
}

fn check_separator(line: &[u8]) -> Result<(), String> {
    match line.get(3..).unwrap_or_default().trim_ascii().first() {
        None | Some(b'#') => Ok(()),
        Some(_) => {
            let shown = String::from_utf8_lossy(line);
            Err(format!("`{shown}` does not part documents: nothing but a comment can follow `---`"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_parted_as_by_kustomize() {
        let check = |text: &str, expected: Result<&str, u32>| {
            let settled = settle(text.as_bytes()).map(|text| String::from_utf8_lossy(&text).into_owned());
            assert_eq!(settled.map_err(|refusal| refusal.line), expected.map(str::to_owned), "{text:?}");
        };
        check("a: 1\n---\nb: 2\n", Ok("a: 1\n---\nb: 2\n"));
        check("a: 1\n---# c\nb: 2\n", Ok("a: 1\n---\nb: 2\n"));
        check("a: 1\n--- b\n", Err(2));
        check("a: 1\n----\nb: 2\n", Err(2));
        check("a: 1\n... b\nc: 2\n---\nd: 3\n", Ok("a: 1\n...\n\n---\nd: 3\n"));
        check("a: 1\n--- b", Ok("a: 1\n"));
        check("--- \na: 1\n...\n", Ok("--- \na: 1\n...\n"));
        check("a: 1\n---\n...\n", Err(3));
        check("%YAML 1.1\n---\na: 1\n", Err(1));
        check("a: 1\n---\n\u{FEFF}b: 2\n", Ok("a: 1\n---\nb: 2\n"));
    }
}

//! Paths inside a source: joined by their text, never leaving the root.

/// Why a written path is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PathProblem {
    /// It begins with `/`.
    Absolute,
    /// Its `..` lead out of the source.
    LeavesRoot,
    /// It holds a NUL or a backslash, which no path of ours does.
    BadCharacter,
}

/// The path that `relative` names when written in a file of folder `base`.
pub(crate) fn join(base: &str, relative: &str) -> Result<String, PathProblem> {
    if relative.starts_with('/') {
        return Err(PathProblem::Absolute);
    }
    if relative.contains(['\0', '\\']) {
        return Err(PathProblem::BadCharacter);
    }
    let mut parts: Vec<&str> = base.split('/').filter(|part| !part.is_empty()).collect();
    for part in relative.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop().ok_or(PathProblem::LeavesRoot)?;
            }
            name => parts.push(name),
        }
    }
    Ok(parts.join("/"))
}

/// A path behind another, cleaned of `.` and of what `..` takes back, as text: it may begin with `..`.
pub(crate) fn join_written(base: &str, path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in base.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            name => parts.push(name),
        }
    }
    if parts.is_empty() && !(base.is_empty() && path.is_empty()) { ".".to_owned() } else { parts.join("/") }
}

/// The folder that a path lies in; empty for the root.
pub(crate) fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(parent, _)| parent)
}

/// Whether a path is a folder or lies below it.
pub(crate) fn starts_in(path: &str, folder: &str) -> bool {
    folder.is_empty() || path == folder || path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_paths_are_cleaned() {
        let check = |base, path, expected: &str| assert_eq!(join_written(base, path), expected, "{base} + {path}");
        check("", "a.yaml", "a.yaml");
        check("", "../base/", "../base");
        check("../base", "../../c/./d.yaml", "../../c/d.yaml");
        check("a", "..", ".");
        check("", "", "");
    }

    #[test]
    fn paths_never_leave_the_root() {
        let check = |base: &str, relative: &str, expected: Result<&str, PathProblem>| {
            assert_eq!(join(base, relative).as_deref(), expected.as_ref().copied(), "{base} + {relative}");
        };
        check("a/b", "c.yaml", Ok("a/b/c.yaml"));
        check("a/b", "./../c//d/", Ok("a/c/d"));
        check("a", "..", Ok(""));
        check("a", "../..", Err(PathProblem::LeavesRoot));
        check("a", "../../a", Err(PathProblem::LeavesRoot));
        check("a", "/etc/passwd", Err(PathProblem::Absolute));
        check("a", "b\\c", Err(PathProblem::BadCharacter));
        assert!(starts_in("a/b", "a") && starts_in("a", "a") && starts_in("a", ""));
        assert!(!starts_in("ab", "a"));
    }
}

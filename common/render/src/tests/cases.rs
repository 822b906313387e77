//! Cases of `testdata`: trees, and what `kustomize build` 5.8.2 prints for the folder `in` of each.
//!
//! A file `*.txt` holds cases of one subject:
//! ```text
//! ==== name of the case
//! -- in/kustomization.yaml --
//! resources: [deployment.yaml]
//! -- in/deployment.yaml = deployment.yaml --       (the file of that name in testdata/shared)
//! -- in/linked.yaml -> deployment.yaml --          (a symbolic link)
//! -- expected --                                   (or `-- refused --`)
//! ```
//! What such a text cannot hold – a file without a newline at its end – is a case as a
//! folder, with `in` and `expected.yaml` in it; without the latter upstream refuses.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// One case.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    pub(crate) name: String,
    /// The text file, or the folder of the case.
    pub(crate) place: PathBuf,
    /// Its own text, without what is expected; nothing for a folder.
    #[allow(dead_code, reason = "only recording needs it")]
    pub(crate) text: Option<String>,
    pub(crate) files: BTreeMap<String, Vec<u8>>,
    /// Symbolic links, and where they lead.
    pub(crate) links: BTreeMap<String, String>,
    /// What upstream prints, or nothing where it refuses.
    pub(crate) expected: Option<String>,
}

/// Every case below a folder, sorted by place.
pub(crate) fn below(root: &Path) -> Vec<Case> {
    let mut cases = Vec::new();
    collect(root, root, &mut cases);
    cases
}

fn collect(root: &Path, folder: &Path, cases: &mut Vec<Case>) {
    let mut paths: Vec<_> =
        fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    for path in paths {
        if path.extension().is_some_and(|extension| extension == "txt") {
            let text = fs::read_to_string(&path).expect("a case is UTF-8");
            cases
                .extend(text.split_inclusive('\n').fold(Vec::new(), split).iter().map(|text| parse(root, &path, text)));
        } else if path.join("in").is_dir() {
            let mut files = BTreeMap::new();
            load(&mut files, &path, &path);
            let expected = files.remove("expected.yaml").map(|text| String::from_utf8(text).expect("UTF-8"));
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            let links = BTreeMap::new();
            cases.push(Case { name, place: path, text: None, files, links, expected });
        } else if path.is_dir() && !path.ends_with("shared") {
            collect(root, &path, cases);
        }
    }
}

/// Cuts a text where a case begins.
fn split(mut texts: Vec<String>, line: &str) -> Vec<String> {
    if line.starts_with("==== ") {
        texts.push(String::new());
    }
    if let Some(text) = texts.last_mut() {
        text.push_str(line);
    }
    texts
}

fn parse(root: &Path, place: &Path, text: &str) -> Case {
    let name = text.lines().next().expect("a first line").trim_start_matches("==== ").to_owned();
    let (files, links) = (BTreeMap::new(), BTreeMap::new());
    let mut case = Case { name, place: place.to_owned(), text: None, files, links, expected: None };
    let mut own = String::new();
    let mut current: Option<String> = None;
    for line in text.split_inclusive('\n') {
        let header = line.trim_end().strip_prefix("-- ").and_then(|line| line.strip_suffix(" --"));
        match (header, &current) {
            (Some("expected"), _) => {
                case.expected = Some(String::new());
                current = Some("expected".to_owned());
            }
            (Some("refused"), _) => current = Some("refused".to_owned()),
            (Some(header), _) => {
                own.push_str(line);
                if let Some((path, target)) = header.split_once(" -> ") {
                    case.links.insert(path.to_owned(), target.to_owned());
                    current = None;
                    continue;
                }
                let (path, content) = match header.split_once(" = ") {
                    None => (header, Vec::new()),
                    Some((path, shared)) => {
                        let file = root.join("shared").join(shared);
                        (path, fs::read(&file).unwrap_or_else(|_| panic!("{}: no shared {shared}", case.name)))
                    }
                };
                case.files.insert(path.to_owned(), content);
                current = Some(path.to_owned());
            }
            (None, Some(path)) if path == "expected" => case.expected.get_or_insert_default().push_str(line),
            (None, Some(path)) if path == "refused" => {}
            (None, path) => {
                own.push_str(line);
                if let Some(content) = path.as_ref().and_then(|path| case.files.get_mut(path)) {
                    content.extend_from_slice(line.as_bytes());
                }
            }
        }
    }
    case.text = Some(own);
    case
}

fn load(files: &mut BTreeMap<String, Vec<u8>>, root: &Path, folder: &Path) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            load(files, root, &path);
            continue;
        }
        let name = path.strip_prefix(root).expect("below").to_str().expect("UTF-8").to_owned();
        files.insert(name, fs::read(&path).expect("a file"));
    }
}

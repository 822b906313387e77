//! Over `file://` repositories that the `git` program makes.

use std::path::{Path, PathBuf};
use std::process::Command;

use skerry_common::diagnostic::ErrorClass;
use skerry_common::id::CommitId;
use skerry_hub_core::source::{GitRef, RefRange};
use skerry_render::{Entry, SourceTree, TreeError};

use super::{Fetched, Git, GitError, GitSettings, Remote, TreeLimits};

/// A work tree in a temporary folder, and a reader that may read it.
struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let place = Self { folder: tempfile::tempdir().expect("a temporary folder") };
        std::fs::create_dir(place.work()).expect("a folder");
        place.git(&["init", "--quiet", "--initial-branch=main"]);
        place
    }

    fn root(&self) -> PathBuf {
        self.folder.path().canonicalize().expect("it exists")
    }

    fn work(&self) -> PathBuf {
        self.root().join("work")
    }

    fn url(&self) -> String {
        format!("file://{}", self.work().display())
    }

    fn git(&self, arguments: &[&str]) -> String {
        self.git_in(&self.work(), arguments)
    }

    fn git_in(&self, folder: &Path, arguments: &[&str]) -> String {
        let mut command = Command::new("git");
        command.env_clear().envs(std::env::vars_os().filter(|(name, _)| name == "PATH"));
        for (name, value) in [("GIT_CONFIG_GLOBAL", "/dev/null"), ("GIT_CONFIG_NOSYSTEM", "1")] {
            command.env(name, value);
        }
        for role in ["AUTHOR", "COMMITTER"] {
            command.env(format!("GIT_{role}_NAME"), "T").env(format!("GIT_{role}_EMAIL"), "t@example");
        }
        let output = command
            .current_dir(folder)
            .args(["-c", "protocol.file.allow=always", "-c", "core.hooksPath=/dev/null"])
            .args(arguments)
            .output()
            .expect("git runs");
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    fn write(&self, file: &str, content: impl AsRef<[u8]>) -> &Self {
        let path = self.work().join(file);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
        std::fs::write(path, content).expect("written");
        self
    }

    fn commit(&self) -> CommitId {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--allow-empty", "--message", "m"]);
        CommitId::parse(&self.git(&["rev-parse", "HEAD"])).expect("a commit")
    }

    fn reader(&self) -> Git {
        self.reader_with(vec![self.root()], TreeLimits::default())
    }

    fn reader_with(&self, allowed_file_roots: Vec<PathBuf>, tree_limits: TreeLimits) -> Git {
        let settings = GitSettings::new(self.root().join("cache"));
        Git::new(GitSettings { allowed_file_roots, tree_limits, ..settings }).expect("valid settings")
    }

    fn fetch(&self, wanted: &GitRef, previous: Option<&CommitId>) -> Result<Fetched, GitError> {
        self.reader().fetch(Remote { url: &self.url(), credential: None }, wanted, previous)
    }

    fn tree(&self, commit: &CommitId) -> super::CommitTree {
        self.reader().tree(Remote { url: &self.url(), credential: None }, commit).expect("readable")
    }
}

fn main() -> GitRef {
    GitRef::Branch("main".to_owned())
}

#[test]
fn branches_tags_versions_and_commits_are_found() {
    let place = Place::new();
    let first = place.write("a", "1").commit();
    place.git(&["tag", "v1.2.0"]);
    let second = place.write("a", "2").commit();
    place.git(&["tag", "--annotate", "--message", "x", "v1.3.0"]);
    place.git(&["tag", "v2.0.0-rc.1"]);
    place.git(&["pack-refs", "--all"]);
    let check = |wanted: GitRef, expected: &CommitId| {
        let fetched = place.fetch(&wanted, None).expect("found");
        assert_eq!(fetched, Fetched { commit: expected.clone(), bytes_received: 0, forced: false }, "{wanted}");
    };
    check(main(), &second);
    check(GitRef::Tag("v1.3.0".into()), &second);
    check(GitRef::Tag("v1.2.0".into()), &first);
    check(GitRef::Semver(RefRange::parse(">=1 <2").expect("a range")), &second);
    check(GitRef::Semver(RefRange::parse("~1.2").expect("a range")), &first);
    check(GitRef::Commit(first.clone()), &first);
}

#[test]
fn refs_that_are_not_there_are_named() {
    let place = Place::new();
    let check = |wanted: GitRef, code: u16, help: Option<&str>| {
        let error = place.fetch(&wanted, None).expect_err("not there");
        assert_eq!((error.code().0, error.class()), (code, ErrorClass::NeedsUser), "{error}");
        if help.is_some() {
            assert_eq!(error.help().as_deref(), help, "{error}");
        }
    };
    check(main(), 721, Some("push a commit"));
    place.write("a", "1").commit();
    check(GitRef::Branch("mian".into()), 340, Some("did you mean `main`?"));
    check(GitRef::Tag("v1".into()), 341, None);
    check(GitRef::Semver(RefRange::parse("1").expect("a range")), 342, None);
    check(GitRef::Commit(CommitId::parse(&"a".repeat(40)).expect("an id")), 723, None);
    check(GitRef::Commit(CommitId::parse(&"a".repeat(64)).expect("an id")), 723, None);
    let blob = place.git(&["rev-parse", "HEAD:a"]);
    place.git(&["tag", "file", &blob]);
    check(GitRef::Tag("file".into()), 722, None);
}

#[test]
fn forced_pushes_are_followed_and_told() {
    let place = Place::new();
    let first = place.write("a", "1").commit();
    let second = place.write("a", "2").commit();
    let forced = |previous: &CommitId| place.fetch(&main(), Some(previous)).expect("found").forced;
    assert!(!forced(&first));
    assert!(!forced(&second));
    place.git(&["reset", "--quiet", "--hard", first.as_str()]);
    assert!(forced(&second));
    let other = place.write("a", "3").commit();
    assert_eq!(place.fetch(&main(), Some(&second)).expect("found").commit, other);
    assert!(forced(&second));
    place.git(&["tag", "t"]);
    let tag = GitRef::Tag("t".into());
    assert!(place.fetch(&tag, Some(&first)).expect("found").forced);
    assert!(!place.fetch(&tag, Some(&other)).expect("found").forced);
}

#[test]
fn a_deleted_branch_leaves_its_last_commit_readable() {
    let place = Place::new();
    let commit = place.write("a", "1").commit();
    place.git(&["checkout", "--quiet", "--detach"]);
    place.git(&["branch", "--delete", "--force", "main"]);
    assert_eq!(place.fetch(&main(), Some(&commit)).expect_err("deleted").code().0, 721);
    assert_eq!(&*place.tree(&commit).read("a").expect("readable"), b"1");
}

#[test]
fn every_kind_of_entry_is_shown_as_what_it_is() {
    let place = Place::new();
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n";
    place.write("apps/web.yaml", "a: 1\n").write("big.bin", pointer).write("run.sh", "true");
    std::os::unix::fs::symlink("../../etc/passwd", place.work().join("apps/out")).expect("a link");
    place.git(&["update-index", "--add", "--chmod=+x", "run.sh"]);
    let submodule = format!("160000,{},module", "b".repeat(40));
    let first = place.commit();
    place.git(&["update-index", "--add", "--cacheinfo", &submodule]);
    place.git(&["update-index", "--chmod=+x", "run.sh"]);
    place.git(&["commit", "--quiet", "--message", "module"]);
    let commit = CommitId::parse(&place.git(&["rev-parse", "HEAD"])).expect("a commit");
    let tree = place.tree(&commit);
    let id = |path: &str| place.git(&["rev-parse", &format!("HEAD:{path}")]);
    let entry = |path: &str| tree.entry(path).expect("readable");
    assert_eq!(entry("apps"), Some(Entry::Directory { id: id("apps") }));
    let file = Entry::File { id: id("apps/web.yaml"), size: 5, executable: false };
    assert_eq!(entry("apps/web.yaml"), Some(file.clone()));
    let out = Entry::Symlink { target: "../../etc/passwd".into() };
    assert_eq!(entry("apps/out"), Some(out.clone()));
    assert_eq!(entry("module"), Some(Entry::Submodule));
    assert_eq!(entry("run.sh"), Some(Entry::File { id: id("run.sh"), size: 4, executable: true }));
    assert_eq!(entry("apps/none"), None);
    assert_eq!(entry("big.bin/x"), None);
    assert_eq!(tree.list("apps").expect("readable"), [("out".to_owned(), out), ("web.yaml".to_owned(), file)]);
    let names: Vec<_> = tree.list("").expect("readable").into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["apps", "big.bin", "module", "run.sh"]);
    assert_eq!(&*tree.read("apps/web.yaml").expect("readable"), b"a: 1\n");
    assert_eq!(&*tree.read("big.bin").expect("readable"), pointer.as_bytes());
    assert!(matches!(tree.read("apps/out"), Err(TreeError::NotAFile { .. })));
    assert!(matches!(tree.read("apps"), Err(TreeError::NotAFile { .. })));
    assert_eq!(place.tree(&first).entry("module").expect("readable"), None);
}

#[test]
fn large_files_and_deep_paths_are_refused_before_they_are_read() {
    let place = Place::new();
    place.write("big.yaml", vec![b'#'; 2000]).write("small.yaml", vec![b'#'; 600]);
    let deep = vec!["d"; 70].join("/");
    let commit = place.write(&format!("{deep}/x"), "x").commit();
    let limits = TreeLimits { file_bytes_max: 1000, total_bytes_max: 1500 };
    let reader = place.reader_with(vec![place.root()], limits);
    let tree = reader.tree(Remote { url: &place.url(), credential: None }, &commit).expect("readable");
    assert!(matches!(tree.entry("big.yaml"), Ok(Some(Entry::File { size: 2000, .. }))));
    let error = tree.read("big.yaml").expect_err("too large");
    assert_eq!(error.to_string(), "`big.yaml` has 2000 bytes, at most 1000 are read");
    assert!(matches!(tree.entry(&deep), Err(TreeError::Unreadable { .. })));
    assert!(tree.read("small.yaml").is_ok());
    assert!(tree.read("small.yaml").is_ok());
    assert!(matches!(tree.read("small.yaml"), Err(TreeError::TooLarge { size: 1800, max: 1500, .. })));
    assert_eq!(tree.bytes_read(), 1200);
}

#[test]
fn only_repositories_below_the_roots_are_opened() {
    let place = Place::new();
    let commit = place.write("a", "1").commit();
    let allowed = place.root().join("allowed");
    std::fs::create_dir(&allowed).expect("a folder");
    let reader = place.reader_with(vec![allowed.clone()], TreeLimits::default());
    let code = |url: &str| reader.fetch(Remote { url, credential: None }, &main(), None).err().map(|e| e.code().0);
    let url = |name: &str| format!("file://{}", allowed.join(name).display());
    assert_eq!(code(&place.url()), Some(703));
    assert_eq!(code("file:///nowhere"), Some(703));
    std::os::unix::fs::symlink(place.work(), allowed.join("link")).expect("a link");
    assert_eq!(code(&url("link")), Some(703));
    assert_eq!(code(&url("none")), Some(716));
    std::fs::create_dir(allowed.join("gitfile")).expect("a folder");
    let text = format!("gitdir: {}\n", place.work().join(".git").display());
    std::fs::write(allowed.join("gitfile/.git"), text).expect("written");
    assert_eq!(code(&url("gitfile")), Some(703));
    place.git_in(&place.root(), &["clone", "--quiet", "--bare", "--shared", "work", "allowed/shared"]);
    assert_eq!(code(&url("shared")), Some(703));
    place.git_in(&place.root(), &["clone", "--quiet", "--bare", "--no-hardlinks", "work", "allowed/own"]);
    assert_eq!(code(&url("own")), None);
    let remote = Remote { url: &place.url(), credential: None };
    assert_eq!(reader.tree(remote, &commit).expect_err("outside").code().0, 703);
    assert_eq!(reader.check(remote).expect_err("outside").code().0, 703);
}

#[test]
fn configuration_and_replacements_of_the_repository_have_no_effect() {
    let place = Place::new();
    let first = place.write("a", "1").commit();
    let second = place.write("a", "2").commit();
    place.git(&["replace", second.as_str(), first.as_str()]);
    let config = place.work().join(".git/config");
    let hostile = "[include]\n\tpath = /nonexistent\n[core]\n\tfsmonitor = false\n\tgitProxy = /bin/false\n\
                   [gitoxide \"objects\"]\n\tallocLimit = 1\n";
    let text = std::fs::read_to_string(&config).expect("readable") + hostile;
    std::fs::write(&config, text).expect("written");
    assert_eq!(place.fetch(&main(), None).expect("found").commit, second);
    assert_eq!(&*place.tree(&second).read("a").expect("readable"), b"2");
}

#[test]
fn a_repository_is_only_read() {
    let place = Place::new();
    let commit = place.write("a", "1").commit();
    let listing = || {
        let mut files = vec![place.work().join(".git")];
        let mut seen = Vec::new();
        while let Some(path) = files.pop() {
            let meta = std::fs::symlink_metadata(&path).expect("readable");
            if meta.is_dir() {
                files.extend(std::fs::read_dir(&path).expect("readable").map(|entry| entry.expect("readable").path()));
            }
            seen.push((path, meta.modified().expect("supported")));
        }
        seen.sort();
        seen
    };
    let before = listing();
    place.fetch(&main(), None).expect("found");
    place.tree(&commit).list("").expect("readable");
    assert_eq!(listing(), before);
}

//! A bare repository that plays the server's side, and a work tree that plays the person who pushes.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};

/// The branch that every repository starts with.
const BRANCH: &str = "main";

/// Date of the first commit, seconds since 1970; each command of a work tree is a second later:
/// the same steps make the same ids in each run.
const FIRST_COMMIT_AT: u64 = 1_700_000_000;

/// A bare repository in a folder of its own, removed when dropped.
#[derive(Debug)]
pub struct BareRepository {
    folder: tempfile::TempDir,
    name: String,
}

impl BareRepository {
    /// Makes an empty one called `NAME.git` whose branch is `main`.
    pub fn create(name: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let repository = Self { folder, name: format!("{name}.git") };
        let path = repository.path();
        let initial = format!("--initial-branch={BRANCH}");
        git(repository.root(), &["init", "--quiet", "--bare", &initial, &text(&path)]);
        // Servers refuse by default what tests need: pushing by HTTP, fetching by id.
        for setting in ["http.receivepack", "uploadpack.allowAnySHA1InWant", "uploadpack.allowFilter"] {
            git(&path, &["config", setting, "true"]);
        }
        repository
    }

    /// Folder that holds the repository: the root of a server.
    pub fn root(&self) -> &Path {
        self.folder.path()
    }

    /// Folder name of the repository, `NAME.git`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Folder of the repository itself.
    pub fn path(&self) -> PathBuf {
        self.root().join(&self.name)
    }

    /// `file:///…/NAME.git`.
    pub fn file_url(&self) -> String {
        format!("file://{}", text(&self.path()))
    }

    /// Runs `git` inside the repository and returns its trimmed stdout.
    pub fn git(&self, arguments: &[&str]) -> String {
        git(&self.path(), arguments)
    }

    /// Full id of the commit that `revision` names.
    pub fn commit_id(&self, revision: &str) -> String {
        self.git(&["rev-parse", "--verify", &format!("{revision}^{{commit}}")])
    }

    /// A new work tree that pushes to this repository.
    pub fn work_tree(&self) -> WorkTree {
        WorkTree::clone_of(&self.file_url())
    }
}

/// A work tree in a folder of its own, removed when dropped.
#[derive(Debug)]
pub struct WorkTree {
    folder: tempfile::TempDir,
    commands: AtomicU64,
}

impl WorkTree {
    /// Clones `url` (which may be empty) on branch `main`.
    pub fn clone_of(url: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        git(folder.path(), &["clone", "--quiet", url, "."]);
        let tree = Self { folder, commands: AtomicU64::new(0) };
        // An empty repository has no branch yet; one with commits has it checked out already.
        if tree.git(&["branch", "--show-current"]) != BRANCH {
            tree.git(&["checkout", "--quiet", "-B", BRANCH]);
        }
        tree
    }

    /// Folder of the work tree.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file, with its folders.
    pub fn write(&self, file: &str, content: impl AsRef<[u8]>) -> &Self {
        let path = self.path().join(file);
        let parent = path.parent().expect("a file has a folder");
        std::fs::create_dir_all(parent).unwrap_or_else(|error| panic!("{}: {error}", parent.display()));
        std::fs::write(&path, content).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        self
    }

    /// Makes a symbolic link at `file` that points to `target`.
    pub fn symlink(&self, file: &str, target: &str) -> &Self {
        let path = self.path().join(file);
        std::os::unix::fs::symlink(target, &path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        self
    }

    /// Removes a file or a folder.
    pub fn remove(&self, file: &str) -> &Self {
        self.git(&["rm", "-r", "--quiet", "--", file]);
        self
    }

    /// Commits everything in the work tree, also when nothing changed, and returns the commit's id.
    pub fn commit(&self, message: &str) -> String {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--allow-empty", "--message", message]);
        self.head()
    }

    /// Commits and pushes branch `main`; returns the commit's id.
    pub fn commit_and_push(&self, message: &str) -> String {
        let id = self.commit(message);
        self.push();
        id
    }

    /// Pushes the current branch.
    pub fn push(&self) {
        self.git(&["push", "--quiet", "origin", "HEAD"]);
    }

    /// Overwrites the current branch on the server, whatever it holds.
    pub fn force_push(&self) {
        self.git(&["push", "--quiet", "--force", "origin", "HEAD"]);
    }

    /// Reverts `revision` by a new commit and returns its id; does not push.
    pub fn revert(&self, revision: &str) -> String {
        self.git(&["revert", "--no-edit", revision]);
        self.head()
    }

    /// Goes back to `revision` and forgets what came after; a push must be forced then.
    pub fn reset(&self, revision: &str) {
        self.git(&["reset", "--quiet", "--hard", revision]);
    }

    /// Makes an annotated tag of the current commit and pushes it; an older tag of that name is moved.
    pub fn tag_and_push(&self, name: &str) {
        self.git(&["tag", "--force", "--annotate", "--message", name, name]);
        self.git(&["push", "--quiet", "--force", "origin", &format!("refs/tags/{name}")]);
    }

    /// Starts a branch at the current commit, or goes to it when it exists.
    pub fn switch(&self, branch: &str) {
        self.git(&["checkout", "--quiet", "-B", branch]);
    }

    /// Deletes a branch on the server.
    pub fn delete_remote_branch(&self, branch: &str) {
        self.git(&["push", "--quiet", "origin", "--delete", branch]);
    }

    /// Full id of the current commit.
    pub fn head(&self) -> String {
        self.git(&["rev-parse", "HEAD"])
    }

    /// Runs `git` in the work tree and returns its trimmed stdout.
    pub fn git(&self, arguments: &[&str]) -> String {
        let number = self.commands.fetch_add(1, Ordering::Relaxed);
        git_at(self.path(), arguments, FIRST_COMMIT_AT + number)
    }
}

/// `git` without any configuration from outside, without a proxy and without prompts.
pub fn isolated_git() -> Command {
    let mut command = Command::new("git");
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        if name.starts_with("GIT_") || name.to_ascii_lowercase().ends_with("_proxy") {
            command.env_remove(name.as_ref());
        }
    }
    command
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("GIT_EDITOR", "true")
        .env("LC_ALL", "C");
    command
}

fn git(folder: &Path, arguments: &[&str]) -> String {
    git_at(folder, arguments, FIRST_COMMIT_AT)
}

fn git_at(folder: &Path, arguments: &[&str], seconds: u64) -> String {
    let mut command = isolated_git();
    let date = format!("{seconds} +0000");
    for role in ["AUTHOR", "COMMITTER"] {
        command
            .env(format!("GIT_{role}_NAME"), "Skerry Tests")
            .env(format!("GIT_{role}_EMAIL"), "tests@skerry.example")
            .env(format!("GIT_{role}_DATE"), &date);
    }
    let output = command
        .current_dir(folder)
        .args(["-c", "advice.detachedHead=false", "-c", "protocol.file.allow=always"])
        .args(arguments)
        .output()
        .unwrap_or_else(|error| panic!("cannot run git (Debian: apt-get install git): {error}"));
    assert!(
        output.status.success(),
        "git {} in {}: {}\n{}{}",
        arguments.join(" "),
        folder.display(),
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

fn text(path: &Path) -> String {
    path.to_str().expect("temporary folders have plain names").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commits_travel_and_can_be_taken_back() {
        let repository = BareRepository::create("fleet");
        let tree = repository.work_tree();
        let first = tree.write("apps/a.yaml", "a: 1\n").commit_and_push("first");
        let second = tree.write("apps/a.yaml", "a: 2\n").commit_and_push("second");
        assert_eq!(repository.commit_id("main"), second);

        tree.revert("HEAD");
        tree.push();
        assert_eq!(repository.git(&["show", "main:apps/a.yaml"]), "a: 1");

        tree.reset(&first);
        tree.force_push();
        assert_eq!(repository.commit_id("main"), first);

        tree.tag_and_push("v1.0.0");
        assert_eq!(repository.commit_id("v1.0.0"), first);

        tree.switch("other");
        tree.push();
        tree.delete_remote_branch("other");
        assert_eq!(repository.git(&["branch", "--list", "other"]), "");
    }

    #[test]
    fn the_same_steps_make_the_same_ids() {
        let ids: Vec<String> =
            (0..2).map(|_| BareRepository::create("same").work_tree().write("f", "x").commit("one")).collect();
        assert_eq!(ids[0], ids[1]);
    }
}

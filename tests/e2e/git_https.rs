//! The hub reads Git over HTTPS: what moves, what is noticed, what is refused.

use std::path::PathBuf;

use skerry_common::id::CommitId;
use skerry_common::redact::Redacted;
use skerry_hub::git::{Credential, CredentialKind, Fetched, Git, GitError, GitSettings, Remote};
use skerry_hub_core::source::{GitRef, RefRange};
use skerry_render::SourceTree as _;
use skerry_tests::git::{BareRepository, HttpsAuth, HttpsServer, WorkTree};

const PASSWORD: &str = "hunter2-hunter2";

/// A repository behind a server, and a hub's reader with a cache of its own.
struct Place {
    repository: BareRepository,
    tree: WorkTree,
    server: HttpsServer,
    cache: tempfile::TempDir,
}

impl Place {
    fn new(auth: HttpsAuth) -> Self {
        let repository = BareRepository::create("shop");
        let tree = repository.work_tree();
        let server = HttpsServer::start(repository.root(), auth);
        Self { tree, server, repository, cache: tempfile::tempdir().expect("a temporary folder") }
    }

    fn open() -> Self {
        Self::new(HttpsAuth::Open)
    }

    fn url(&self) -> String {
        self.server.url(&self.repository)
    }

    fn reader(&self, kind: CredentialKind, ca_file: Option<PathBuf>) -> Git {
        let url_prefixes = vec![self.url()];
        let credentials = vec![Credential { name: "shop".to_owned(), url_prefixes, kind, ca_file }];
        let settings = GitSettings::new(self.cache.path().to_owned());
        Git::new(GitSettings { credentials, ..settings }).expect("valid settings")
    }

    fn git(&self) -> Git {
        self.reader(CredentialKind::Anonymous, Some(self.server.ca_certificate()))
    }

    fn fetch(&self, wanted: &GitRef, previous: Option<&CommitId>) -> Result<Fetched, GitError> {
        self.git().fetch(Remote { url: &self.url(), credential: Some("shop") }, wanted, previous)
    }

    fn read(&self, commit: &CommitId, path: &str) -> Vec<u8> {
        let tree = self.git().tree(Remote { url: &self.url(), credential: Some("shop") }, commit);
        tree.expect("fetched").read(path).expect("readable").to_vec()
    }

    fn push(&self, file: &str, content: impl AsRef<[u8]>) -> CommitId {
        id(&self.tree.write(file, content).commit_and_push("change"))
    }
}

fn id(text: &str) -> CommitId {
    CommitId::parse(text).expect("a commit")
}

fn main_branch() -> GitRef {
    GitRef::Branch("main".to_owned())
}

/// Bytes that do not compress, the same in each run.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    (0..length).map(|_| next()).collect()
}

#[test]
fn a_second_fetch_moves_only_new_objects() {
    let place = Place::open();
    place.push("old.bin", noise(300_000));
    place.tree.remove("old.bin");
    place.push("big.bin", noise(200_000));
    let first = place.push("apps/web.yaml", "replicas: 1\n");
    let fetched = place.fetch(&main_branch(), None).expect("fetched");
    assert_eq!((&fetched.commit, fetched.forced), (&first, false));
    assert!((200_000..290_000).contains(&fetched.bytes_received), "no history: {}", fetched.bytes_received);
    assert_eq!(place.read(&first, "big.bin"), noise(200_000));

    let second = place.push("apps/web.yaml", "replicas: 2\n");
    let third = place.push("apps/web.yaml", "replicas: 3\n");
    let before = place.server.bytes_sent();
    let fetched = place.fetch(&main_branch(), Some(&first)).expect("fetched");
    assert_eq!((&fetched.commit, fetched.forced), (&third, false));
    assert!(fetched.bytes_received < 5_000, "{}", fetched.bytes_received);
    assert_eq!(place.server.bytes_sent() - before, usize::try_from(fetched.bytes_received).expect("small"));
    assert_eq!(place.read(&third, "apps/web.yaml"), b"replicas: 3\n");
    assert_eq!(place.read(&second, "apps/web.yaml"), b"replicas: 2\n");
    assert_eq!(place.read(&first, "apps/web.yaml"), b"replicas: 1\n");

    let requests = place.server.requests().len();
    let fetched = place.fetch(&main_branch(), Some(&third)).expect("asked");
    assert_eq!((&fetched.commit, fetched.forced), (&third, false));
    assert_eq!(place.server.requests().len() - requests, 2, "capabilities and refs, no pack");
    assert!(fetched.bytes_received < 1_000, "{}", fetched.bytes_received);
}

#[test]
fn forced_pushes_are_followed_and_told() {
    let place = Place::open();
    let first = place.push("a", "1");
    let second = place.push("a", "2");
    assert_eq!(place.fetch(&main_branch(), None).expect("fetched").commit, second);
    // Over the edge of what was fetched.
    place.tree.reset(first.as_str());
    let other = id(&place.tree.write("a", "3").commit("other"));
    place.tree.force_push();
    let fetched = place.fetch(&main_branch(), Some(&second)).expect("fetched");
    assert_eq!((&fetched.commit, fetched.forced), (&other, true));
    assert_eq!(place.read(&other, "a"), b"3");
    let next = place.push("a", "4");
    assert!(!place.fetch(&main_branch(), Some(&other)).expect("fetched").forced);
    // Within it.
    place.tree.reset(other.as_str());
    let amended = id(&place.tree.write("a", "5").commit("amended"));
    place.tree.force_push();
    let fetched = place.fetch(&main_branch(), Some(&next)).expect("fetched");
    assert_eq!((&fetched.commit, fetched.forced), (&amended, true));
    // Back to a commit that is here already.
    place.tree.reset(other.as_str());
    place.tree.force_push();
    let fetched = place.fetch(&main_branch(), Some(&amended)).expect("fetched");
    assert_eq!((&fetched.commit, fetched.forced), (&other, true));
}

#[test]
fn branches_that_follow_each_other_are_no_forced_pushes() {
    let place = Place::open();
    let first = place.push("a", "1");
    let production = GitRef::Branch("production".to_owned());
    place.tree.git(&["push", "--quiet", "origin", "HEAD:refs/heads/production"]);
    let second = place.push("a", "2");
    let third = place.push("a", "3");
    assert_eq!(place.fetch(&production, None).expect("fetched").commit, first);
    assert_eq!(place.fetch(&main_branch(), None).expect("fetched").commit, third);
    place.tree.git(&["push", "--quiet", "origin", &format!("{second}:refs/heads/production")]);
    let fetched = place.fetch(&production, Some(&first)).expect("fetched");
    assert_eq!((&fetched.commit, fetched.forced), (&second, false));
    place.tree.git(&["push", "--quiet", "origin", &format!("{third}:refs/heads/production")]);
    let fetched = place.fetch(&production, Some(&second)).expect("fetched");
    assert_eq!((&fetched.commit, fetched.forced), (&third, false));
}

#[test]
fn tags_versions_and_commits_are_fetched() {
    let place = Place::open();
    let first = place.push("a", "1");
    place.tree.tag_and_push("v1.0.0");
    let second = place.push("a", "2");
    place.tree.tag_and_push("v1.1.0");
    let third = place.push("a", "3");
    place.tree.tag_and_push("v2.0.0-rc.1");
    let check = |wanted: GitRef, expected: &CommitId, content: &[u8]| {
        let fetched = place.fetch(&wanted, None).unwrap_or_else(|error| panic!("{wanted}: {error:?}"));
        assert_eq!(&fetched.commit, expected, "{wanted}");
        assert_eq!(place.read(expected, "a"), content, "{wanted}");
    };
    check(GitRef::Tag("v1.0.0".into()), &first, b"1");
    check(GitRef::Semver(RefRange::parse(">=1").expect("a range")), &second, b"2");
    check(GitRef::Semver(RefRange::parse(">=2.0.0-rc.0").expect("a range")), &third, b"3");
    check(GitRef::Commit(first.clone()), &first, b"1");
    check(main_branch(), &third, b"3");
    let fourth = place.push("a", "4");
    place.push("a", "5");
    check(GitRef::Commit(fourth.clone()), &fourth, b"4");
    place.tree.tag_and_push("v1.0.0");
    assert!(place.fetch(&GitRef::Tag("v1.0.0".into()), Some(&first)).expect("fetched").forced);
}

#[test]
fn what_is_not_there_is_named_and_nothing_is_lost() {
    let place = Place::open();
    let code = |wanted: &GitRef| place.fetch(wanted, None).expect_err("not there").code().0;
    assert_eq!(code(&main_branch()), 721);
    let commit = place.push("a", "1");
    place.tree.switch("other");
    place.tree.push();
    assert_eq!(place.fetch(&GitRef::Branch("other".into()), None).expect("fetched").commit, commit);
    place.tree.delete_remote_branch("other");
    assert_eq!(code(&GitRef::Branch("other".into())), 340);
    assert_eq!(place.read(&commit, "a"), b"1");
    let error = place.fetch(&GitRef::Branch("mian".into()), None).expect_err("not there");
    assert_eq!(error.help().as_deref(), Some("did you mean `main`?"));
    assert_eq!(code(&GitRef::Tag("v1".into())), 341);
    assert_eq!(code(&GitRef::Commit(id(&"a".repeat(40)))), 723);
    let blob = place.tree.git(&["rev-parse", "HEAD:a"]);
    place.tree.git(&["push", "--quiet", "origin", &format!("{blob}:refs/tags/file")]);
    assert_eq!(code(&GitRef::Tag("file".into())), 722);
    place.repository.git(&["config", "uploadpack.allowAnySHA1InWant", "false"]);
    let url = place.url().replace("shop.git", "shop.git/none");
    let error = place.git().fetch(Remote { url: &url, credential: Some("shop") }, &main_branch(), None);
    assert_eq!(error.expect_err("no repository").code().0, 716);
}

#[test]
fn passwords_and_tokens_are_shown_only_where_they_are_bound() {
    let check = |auth: HttpsAuth, right: CredentialKind, wrong: CredentialKind| {
        let place = Place::new(auth);
        let commit = place.push("a", "1");
        let ca_file = Some(place.server.ca_certificate());
        let url = place.url();
        let remote = Remote { url: &url, credential: Some("shop") };
        let fetched = place.reader(right, ca_file.clone()).fetch(remote, &main_branch(), None);
        assert_eq!(fetched.expect("let in").commit, commit);
        for kind in [wrong, CredentialKind::Anonymous] {
            let error = place.reader(kind, ca_file.clone()).fetch(remote, &main_branch(), None).expect_err("refused");
            assert_eq!(error.code().0, 712, "{error:?}");
            assert!(!format!("{error:?} {error}").contains(PASSWORD));
        }
        let other = url.replace("shop.git", "shop.git-evil");
        let before = place.server.requests().len();
        let error = place.git().fetch(Remote { url: &other, credential: Some("shop") }, &main_branch(), None);
        assert_eq!(error.expect_err("not bound").code().0, 705);
        assert_eq!(place.server.requests().len(), before);
    };
    let secret = |text: &str| Redacted::new(text.to_owned());
    let basic = |password: &str| CredentialKind::Basic { user: "hub".to_owned(), password: secret(password) };
    let auth = HttpsAuth::Basic { user: "hub".to_owned(), password: PASSWORD.to_owned() };
    check(auth, basic(PASSWORD), basic("wrong"));
    let auth = HttpsAuth::Bearer { token: PASSWORD.to_owned() };
    check(auth, CredentialKind::Bearer(secret(PASSWORD)), CredentialKind::Bearer(secret("wrong")));
}

#[test]
fn what_one_credential_opened_is_closed_to_others() {
    let place = Place::open();
    let commit = place.push("a", "1");
    place.fetch(&main_branch(), None).expect("fetched");
    let error = place.git().tree(Remote { url: &place.url(), credential: None }, &commit);
    assert_eq!(error.expect_err("not fetched without").code().0, 723);
}

#[test]
fn certificates_must_be_trusted() {
    let place = Place::open();
    place.push("a", "1");
    let url = place.url();
    let fetch = |git: Git, credential| git.fetch(Remote { url: &url, credential }, &main_branch(), None);
    let system = fetch(place.reader(CredentialKind::Anonymous, None), None).expect_err("not trusted");
    assert_eq!(system.code().0, 713, "{system:?}");
    let other = HttpsServer::start(place.repository.root(), HttpsAuth::Open);
    let wrong = place.reader(CredentialKind::Anonymous, Some(other.ca_certificate()));
    let wrong = fetch(wrong, Some("shop")).expect_err("not trusted");
    assert_eq!(wrong.code().0, 713, "{wrong:?}");
    let missing = place.reader(CredentialKind::Anonymous, Some("/nowhere/ca.crt".into()));
    assert_eq!(fetch(missing, Some("shop")).expect_err("no file").code().0, 707);
}

#[test]
fn a_damaged_cache_is_fetched_again() {
    let place = Place::open();
    let commit = place.push("a", noise(5_000));
    place.fetch(&main_branch(), None).expect("fetched");
    let mut folders = vec![place.cache.path().to_owned()];
    let mut damaged = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("readable") {
            let path = entry.expect("readable").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "pack" || end == "idx") {
                std::fs::remove_file(&path).expect("removable");
                std::fs::write(&path, "damaged").expect("writable");
                damaged += 1;
            }
        }
    }
    assert_eq!(damaged, 2);
    let fetched = place.fetch(&main_branch(), Some(&commit)).expect("fetched again");
    assert_eq!((&fetched.commit, fetched.forced), (&commit, false));
    assert_eq!(place.read(&commit, "a"), noise(5_000));
}

#[test]
fn what_a_killed_fetch_leaves_is_no_obstacle() {
    let place = Place::open();
    let commit = place.push("a", "1");
    place.fetch(&main_branch(), None).expect("fetched");
    let git_dir = |generation: &str| {
        let mut entries = std::fs::read_dir(place.cache.path()).expect("readable");
        entries.next().expect("one repository").expect("readable").path().join(generation)
    };
    let torn = git_dir("1.git").join("objects/pack/.tmpTorn");
    std::fs::write(&torn, "torn").expect("writable");
    assert_eq!(place.fetch(&main_branch(), None).expect("fetched").commit, commit);
    assert!(!torn.exists());
    // Locks that nobody will release: the next repository has none.
    for lock in ["shallow.lock", "packed-refs.lock"] {
        std::fs::write(git_dir("1.git").join(lock), "").expect("writable");
    }
    let locked: Vec<_> = std::fs::read_dir(git_dir("1.git").join("refs/skerry/one")).expect("readable").collect();
    for entry in locked {
        std::fs::write(entry.expect("readable").path().with_extension("lock"), "").expect("writable");
    }
    let commit = place.push("a", "2");
    assert_eq!(place.fetch(&main_branch(), None).expect("fetched").commit, commit);
    // A repository that was never finished.
    std::fs::create_dir(git_dir("7.git")).expect("a folder");
    assert_eq!(place.fetch(&main_branch(), None).expect("fetched again").commit, commit);
    assert_eq!(place.read(&commit, "a"), b"2");
}

#[tokio::test]
async fn fetching_works_on_a_blocking_thread_of_a_runtime() {
    let (commit, fetched) = tokio::task::spawn_blocking(|| {
        let place = Place::open();
        let commit = place.push("a", "1");
        let fetched = place.fetch(&main_branch(), None).expect("fetched").commit;
        (commit, fetched)
    })
    .await
    .expect("no panic");
    assert_eq!(commit, fetched);
}

#[test]
fn a_server_that_is_gone_leaves_what_was_fetched() {
    let place = Place::open();
    let commit = place.push("a", "1");
    place.fetch(&main_branch(), None).expect("fetched");
    let Place { repository, server, cache, .. } = place;
    let url = server.url(&repository);
    let kept = tempfile::NamedTempFile::new().expect("a file");
    std::fs::copy(server.ca_certificate(), kept.path()).expect("copied");
    drop(server);
    let (kind, ca_file) = (CredentialKind::Anonymous, Some(kept.path().to_owned()));
    let credentials = vec![Credential { name: "shop".to_owned(), url_prefixes: vec![url.clone()], kind, ca_file }];
    let settings = GitSettings { credentials, ..GitSettings::new(cache.path().to_owned()) };
    let git = Git::new(settings).expect("valid settings");
    let remote = Remote { url: &url, credential: Some("shop") };
    let error = git.fetch(remote, &main_branch(), Some(&commit)).expect_err("gone");
    assert_eq!(error.code().0, 710, "{error:?}");
    assert_eq!(&*git.tree(remote, &commit).expect("kept").read("a").expect("readable"), b"1");
}

//! The hub reads Git over SSH: one key, known hosts only, nothing of the user's.

use std::path::PathBuf;

use skerry_common::id::CommitId;
use skerry_hub::git::{Credential, CredentialKind, Fetched, Git, GitError, GitSettings, Remote};
use skerry_hub_core::source::GitRef;
use skerry_render::SourceTree as _;
use skerry_tests::git::{BareRepository, SshServer, WorkTree};

struct Place {
    repository: BareRepository,
    tree: WorkTree,
    server: SshServer,
    cache: tempfile::TempDir,
}

impl Place {
    async fn new() -> Self {
        let repository = BareRepository::create("shop");
        let tree = repository.work_tree();
        let server = SshServer::start().await;
        Self { tree, server, repository, cache: tempfile::tempdir().expect("a temporary folder") }
    }

    fn git(&self, key_file: PathBuf, known_hosts: PathBuf) -> Git {
        let (host, _) = self.server.url(&self.repository).split_once('@').map_or_else(
            || panic!("the URL names a user"),
            |(_, rest)| rest.split_once('/').map(|(host, path)| (host.to_owned(), path.to_owned())).expect("a path"),
        );
        let url_prefixes = vec![format!("ssh://{host}")];
        let kind = CredentialKind::SshKey { key_file, known_hosts };
        let credentials = vec![Credential { name: "key".to_owned(), url_prefixes, kind, ca_file: None }];
        let settings = GitSettings { credentials, ..GitSettings::new(self.cache.path().to_owned()) };
        Git::new(settings).expect("valid settings")
    }

    fn usual(&self) -> Git {
        self.git(self.server.client_key(), self.server.known_hosts())
    }

    fn fetch(&self, git: &Git, previous: Option<&CommitId>) -> Result<Fetched, GitError> {
        let url = self.server.url(&self.repository);
        git.fetch(Remote { url: &url, credential: Some("key") }, &GitRef::Branch("main".into()), previous)
    }

    fn push(&self, content: &str) -> CommitId {
        CommitId::parse(&self.tree.write("a", content).commit_and_push("change")).expect("a commit")
    }
}

#[tokio::test]
async fn a_repository_is_fetched_and_followed() {
    let place = Place::new().await;
    let git = place.usual();
    assert_eq!(place.fetch(&git, None).expect_err("empty").code().0, 721);
    let first = place.push("1");
    let fetched = place.fetch(&git, None).expect("fetched");
    assert_eq!((&fetched.commit, fetched.forced), (&first, false));
    assert!(fetched.bytes_received > 100);
    let second = place.push("2");
    assert_eq!(place.fetch(&git, Some(&first)).expect("fetched").commit, second);
    let url = place.server.url(&place.repository);
    let tree = git.tree(Remote { url: &url, credential: Some("key") }, &second).expect("fetched");
    assert_eq!(&*tree.read("a").expect("readable"), b"2");
    place.tree.reset(first.as_str());
    place.tree.force_push();
    let fetched = place.fetch(&git, Some(&second)).expect("fetched");
    assert_eq!((&fetched.commit, fetched.forced), (&first, true));
    let commit = GitRef::Commit(CommitId::parse(&"a".repeat(40)).expect("an id"));
    let error = git.fetch(Remote { url: &url, credential: Some("key") }, &commit, None).expect_err("no such commit");
    assert_eq!(error.code().0, 723, "{error:?}");
}

#[tokio::test]
async fn host_keys_must_be_known() {
    let place = Place::new().await;
    place.push("1");
    let changed = place.git(place.server.client_key(), place.server.wrong_known_hosts());
    let error = place.fetch(&changed, None).expect_err("another key");
    assert_eq!(error.code().0, 715, "{error:?}");
    let help = error.help().expect("a help");
    assert!(help.contains("[127.0.0.1]:") && help.contains("wrong_known_hosts"), "{help}");

    let empty = tempfile::NamedTempFile::new().expect("a file");
    let unknown = place.git(place.server.client_key(), empty.path().to_owned());
    let error = place.fetch(&unknown, None).expect_err("unknown");
    assert_eq!(error.code().0, 714, "{error:?}");
    assert_eq!(std::fs::read(empty.path()).expect("readable"), b"", "no trust at first sight");
}

#[tokio::test]
async fn keys_must_be_let_in_and_repositories_there() {
    let place = Place::new().await;
    place.push("1");
    let stranger = place.git(place.server.stranger_key(), place.server.known_hosts());
    let error = place.fetch(&stranger, None).expect_err("not let in");
    assert_eq!(error.code().0, 712, "{error:?}");
    let no_key = place.git("/nowhere/key".into(), place.server.known_hosts());
    assert_eq!(place.fetch(&no_key, None).expect_err("no key").code().0, 707);

    let url = format!("{}-none", place.server.url(&place.repository));
    let remote = Remote { url: &url, credential: Some("key") };
    let error = place.usual().fetch(remote, &GitRef::Branch("main".into()), None).expect_err("no repository");
    assert_eq!(error.code().0, 716, "{error:?}");

    let no_program = place.usual().with_ssh_program("/nowhere/ssh".into());
    assert_eq!(place.fetch(&no_program, None).expect_err("no program").code().0, 732);
}

#[tokio::test]
async fn a_server_that_is_gone_is_unreachable() {
    let place = Place::new().await;
    place.push("1");
    let keys = tempfile::tempdir().expect("a folder");
    let (key, hosts) = (keys.path().join("key"), keys.path().join("hosts"));
    std::fs::copy(place.server.client_key(), &key).expect("copied");
    std::fs::copy(place.server.known_hosts(), &hosts).expect("copied");
    let git = place.git(key, hosts);
    let url = place.server.url(&place.repository);
    let Place { server, .. } = place;
    drop(server);
    let remote = Remote { url: &url, credential: Some("key") };
    let error = git.fetch(remote, &GitRef::Branch("main".into()), None).expect_err("gone");
    assert_eq!(error.code().0, 710, "{error:?}");
}

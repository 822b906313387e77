//! Asks a server what its refs are, and fetches what is missing.

use std::num::NonZeroU32;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use gix::progress::Discard;
use gix::protocol::handshake::Ref;
use gix::protocol::transport::client::blocking_io::Transport;
use gix::remote::Direction;
use gix::remote::fetch::{Shallow, Tags};
use gix::{ObjectId, Repository};
use skerry_common::bundle::digest::Digest;
use skerry_common::id::CommitId;
use skerry_hub_core::source::{GitRef, RemoteRef, choose};

use super::credential::BoundCredential;
use super::error::GitError;
use super::meter::Meter;
use super::open::{commit_id, has_commit, object_id};
use super::url::RemoteUrl;
use super::{http, ssh};

/// A server, and how it is talked to.
pub(super) struct Server<'a> {
    pub(super) url: &'a RemoteUrl,
    pub(super) credential: Option<&'a BoundCredential>,
    pub(super) ssh_program: &'a Path,
    pub(super) meter: Arc<Meter>,
}

type Connection = (Box<dyn Transport>, Option<ssh::Session>);

/// The only depth that is ever asked for: see the module docs of [`super`].
const ONE_COMMIT: Shallow = Shallow::DepthAtRemote(NonZeroU32::MIN);

/// What gix calls the remote. It connects nowhere: the transports are ours and know the URL.
const NO_URL: &str = "https://source.invalid/";

/// Where a server's refs would go, if they were fetched by pattern.
const BRANCHES: &str = "+refs/heads/*:refs/skerry/all/heads/*";
const TAGS: &str = "+refs/tags/*:refs/skerry/all/tags/*";

impl Server<'_> {
    /// Finds the commit that a ref means, and fetches it into the repository.
    pub(super) fn fetch(&self, repository: &Repository, wanted: &GitRef) -> Result<CommitId, GitError> {
        if let GitRef::Commit(commit) = wanted {
            return self.fetch_commit(repository, commit).map(|()| commit.clone());
        }
        let refs = self.refs_for(repository, wanted)?;
        let chosen = choose(wanted, &refs)?;
        // Equal versions may have several tags; any that leads to the commit will do.
        let full_name = match wanted {
            GitRef::Branch(name) => format!("refs/heads/{name}"),
            GitRef::Tag(name) => format!("refs/tags/{name}"),
            GitRef::Semver(_) | GitRef::Commit(_) => {
                let found = refs.iter().find(|remote| remote.commit == chosen && remote.name.starts_with("refs/tags/"));
                found.map(|remote| remote.name.clone()).unwrap_or_default()
            }
        };
        let local = local_name(&full_name);
        if let Some(id) = object_id(&chosen)
            && has_commit(repository, id)
        {
            self.note(repository, &local, id)?;
            return Ok(chosen);
        }
        let is_known = repository.try_find_reference(local.as_str()).is_ok_and(|found| found.is_some());
        let depth = if is_known { Shallow::NoChange } else { ONE_COMMIT };
        self.receive(repository, &[format!("+{full_name}:{local}")], depth)?;
        // The ref may have moved since it was listed: what arrived counts.
        let failed = |source: gix::Error| self.broken(source);
        let id = repository.find_reference(local.as_str()).and_then(|mut found| Ok(found.peel_to_id()?.detach()));
        let id = id.map_err(failed)?;
        let commit = commit_id(&id).filter(|_| has_commit(repository, id));
        commit.ok_or_else(|| GitError::NotACommit { url: self.meter.url().to_owned(), wanted: wanted.to_string() })
    }

    /// Fetches a commit by its id or, where the server does not allow that, with everything.
    fn fetch_commit(&self, repository: &Repository, commit: &CommitId) -> Result<(), GitError> {
        let missing = || GitError::NoCommit { url: self.meter.url().to_owned(), commit: commit.clone() };
        let Some(id) = object_id(commit) else { return Err(missing()) };
        if has_commit(repository, id) {
            return Ok(());
        }
        let local = local_name(commit.as_str());
        match self.receive(repository, &[format!("+{commit}:{local}")], ONE_COMMIT) {
            Ok(()) => {}
            // How a server refuses is not told apart from a broken exchange; asking again shows.
            Err(GitError::Exchange { .. } | GitError::Server { .. }) => {
                self.receive(repository, &[BRANCHES.to_owned(), TAGS.to_owned()], Shallow::undo())?;
            }
            Err(error) => return Err(error),
        }
        if has_commit(repository, id) { self.note(repository, &local, id) } else { Err(missing()) }
    }

    /// Lists the refs that matter for one; when it is not there, all, so that one can be suggested.
    fn refs_for(&self, repository: &Repository, wanted: &GitRef) -> Result<Vec<RemoteRef>, GitError> {
        let (one, all, other) = match wanted {
            GitRef::Branch(name) => (format!("+refs/heads/{name}:refs/skerry/asked"), BRANCHES, TAGS),
            GitRef::Tag(name) => (format!("+refs/tags/{name}:refs/skerry/asked"), TAGS, BRANCHES),
            GitRef::Semver(_) | GitRef::Commit(_) => (TAGS.to_owned(), TAGS, BRANCHES),
        };
        let refs = self.list(repository, &one)?;
        if choose(wanted, &refs).is_ok() {
            return Ok(refs);
        }
        let refs = self.list(repository, all)?;
        if refs.is_empty() && self.list(repository, other)?.is_empty() {
            return Err(GitError::Empty { url: self.meter.url().to_owned() });
        }
        Ok(refs)
    }

    /// The server's refs that match a refspec; others may be among them.
    fn list(&self, repository: &Repository, refspec: &str) -> Result<Vec<RemoteRef>, GitError> {
        let (transport, session) = self.connect()?;
        let result = (|| {
            let remote = self.remote(repository, &[refspec.to_owned()])?;
            let connection = remote
                .to_connection_with_transport(transport)
                .with_credentials(|_| Ok(None))
                .with_transport_options(Box::new(()));
            Ok(connection.ref_map(Discard, gix::remote::ref_map::Options::default())?.0)
        })();
        let map = result.map_err(|error| self.explain(error, session.as_ref()))?;
        let refs = map.remote_refs.iter().filter_map(|found| {
            let (name, id) = match found {
                Ref::Peeled { full_ref_name, object, .. }
                | Ref::Direct { full_ref_name, object }
                | Ref::Symbolic { full_ref_name, object, .. } => (full_ref_name, object),
                Ref::Unborn { .. } => return None,
            };
            Some(RemoteRef { name: std::str::from_utf8(name).ok()?.to_owned(), commit: commit_id(id)? })
        });
        Ok(refs.collect())
    }

    /// Fetches what refspecs match.
    fn receive(&self, repository: &Repository, refspecs: &[String], depth: Shallow) -> Result<(), GitError> {
        let (transport, session) = self.connect()?;
        let result = (|| {
            let remote = self.remote(repository, refspecs)?;
            let connection = remote
                .to_connection_with_transport(transport)
                .with_credentials(|_| Ok(None))
                .with_transport_options(Box::new(()));
            let prepared = connection.prepare_fetch(Discard, gix::remote::ref_map::Options::default())?;
            prepared.with_shallow(depth).receive(Discard, &AtomicBool::new(false))
        })();
        result.map(drop).map_err(|error| self.explain(error, session.as_ref()))
    }

    fn remote<'repo>(&self, repository: &'repo Repository, refspecs: &[String]) -> gix::Result<gix::Remote<'repo>> {
        repository
            .remote_at_without_url_rewrite(NO_URL)?
            .with_fetch_tags(Tags::None)
            .with_refspecs(refspecs.iter().map(String::as_str), Direction::Fetch)
    }

    fn connect(&self) -> Result<Connection, GitError> {
        match (self.url, self.credential) {
            (RemoteUrl::Https(url), credential) => Ok((Box::new(http::transport(url, credential, &self.meter)?), None)),
            (RemoteUrl::Ssh(url), Some(credential)) => {
                let (transport, session) = ssh::connect(self.ssh_program, url, credential, &self.meter)?;
                Ok((Box::new(transport), Some(session)))
            }
            (RemoteUrl::Ssh(_), None) => Err(GitError::CredentialKind {
                url: self.meter.url().to_owned(),
                needed: "credentials with an SSH key and a known_hosts file",
            }),
            (RemoteUrl::File(path), _) => Err(GitError::OutsideRoots { path: path.clone() }),
        }
    }

    /// Remembers that a ref is known: it is then fetched with the history since.
    fn note(&self, repository: &Repository, local: &str, id: ObjectId) -> Result<(), GitError> {
        let any = gix::refs::transaction::PreviousValue::Any;
        repository.reference(local, id, any, "").map(drop).map_err(|error| self.broken(error))
    }

    fn broken(&self, source: gix::Error) -> GitError {
        GitError::Exchange { url: self.meter.url().to_owned(), source: source.into() }
    }

    fn explain(&self, error: gix::Error, session: Option<&ssh::Session>) -> GitError {
        let failure = self.meter.take_failure().or_else(|| session.and_then(ssh::Session::explain));
        failure.unwrap_or_else(|| self.broken(error))
    }
}

/// Where a ref is kept. Hashed, so that no name of a server's ref can clash with another, as `a` and
/// `a/b` would after one was deleted.
fn local_name(full_name: &str) -> String {
    format!("refs/skerry/one/{}", Digest::of(full_name.as_bytes()).hex())
}

//! Bases of kustomizations in other repositories.
//!
//! They are read below the URL prefixes that the operator allows, at a commit (what a branch or tag
//! means would change under a render), and without credentials: whoever may write to a source could
//! otherwise read with them what is not theirs. Credentials that are a CA file and nothing else open
//! nothing, and count. A commit is fetched once and kept.

use std::rc::Rc;
use std::sync::Arc;

use skerry_common::id::CommitId;
use skerry_hub_core::source::GitRef;
use skerry_render::{RemoteBase, RemoteError, RemoteSources, SourceTree};

use super::url::{RemoteUrl, UrlPrefix};
use super::{Git, GitError, Remote};

/// Reads bases below some prefixes.
#[derive(Debug)]
pub struct RemoteBases {
    git: Arc<Git>,
    prefixes: Vec<UrlPrefix>,
    shown: String,
}

impl RemoteBases {
    /// Fails when a prefix is wrong.
    pub fn new(git: Arc<Git>, prefixes: &[String]) -> Result<Self, GitError> {
        let shown = prefixes.iter().map(|prefix| format!("`{prefix}`")).collect::<Vec<_>>().join(", ");
        let prefixes: Result<_, _> = prefixes.iter().map(|prefix| UrlPrefix::parse(prefix)).collect();
        Ok(Self { git, prefixes: prefixes?, shown })
    }
}

impl RemoteSources for RemoteBases {
    fn tree(&self, base: &RemoteBase) -> Result<Rc<dyn SourceTree>, RemoteError> {
        let unavailable = |error: GitError| RemoteError::Unavailable(Box::new(error));
        let url = RemoteUrl::parse(&base.repository).map_err(unavailable)?;
        if !self.prefixes.iter().any(|prefix| prefix.holds(&url)) {
            let why = format!("bases may lie below {}", self.shown);
            return Err(RemoteError::NotAllowed { why });
        }
        let Ok(commit) = CommitId::parse(&base.reference) else {
            let why = "`ref` must be the full id of a commit".to_owned();
            return Err(RemoteError::NotAllowed { why });
        };
        let remote = Remote { url: &base.repository, credential: self.git.trusting(&url) };
        if let Ok(tree) = self.git.tree(remote, &commit) {
            return Ok(Rc::new(tree));
        }
        self.git.fetch(remote, &GitRef::Commit(commit.clone()), None).map_err(unavailable)?;
        Ok(Rc::new(self.git.tree(remote, &commit).map_err(unavailable)?))
    }
}

#[cfg(test)]
mod tests {
    use super::super::GitSettings;
    use super::*;

    #[test]
    fn only_commits_below_allowed_prefixes_are_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let git = Arc::new(Git::new(GitSettings::new(folder.path().to_owned())).expect("valid settings"));
        let bases = RemoteBases::new(git, &["https://git.example/team".to_owned()]).expect("a prefix");
        let refused = |text: &str| {
            let base = RemoteBase::parse(text).expect("an address");
            bases.tree(&base).err().expect("refused").to_string()
        };
        let commit = "0123456789012345678901234567890123456789";
        let elsewhere = "the operator does not allow it: bases may lie below `https://git.example/team`";
        assert_eq!(refused(&format!("https://git.example/teams/shop?ref={commit}")), elsewhere);
        assert_eq!(refused(&format!("https://other.example/team/shop?ref={commit}")), elsewhere);
        assert_eq!(refused(&format!("file:///team/shop?ref={commit}")), elsewhere);
        let moving = "the operator does not allow it: `ref` must be the full id of a commit";
        assert_eq!(refused("https://git.example/team/shop?ref=main"), moving);
        assert_eq!(refused("https://git.example/team/shop"), moving);
    }
}

//! Bases in other repositories. What is expected was printed by `kustomize build` 5.8.2 for the
//! same files, the remote ones in a Git repository behind `file://`.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use super::{shown, tree};
use crate::{
    Allowed, MemoryTree, RemoteBase, RemoteError, RemoteSources, RenderLimits, SourceTree, build_allowed,
    print_documents,
};

const REPOSITORY: &str = "file:///srv/repo";

/// Repositories in memory, by address and ref.
#[derive(Debug)]
struct Repositories(BTreeMap<(String, String), MemoryTree>);

impl RemoteSources for Repositories {
    fn tree(&self, base: &RemoteBase) -> Result<Rc<dyn SourceTree>, RemoteError> {
        match self.0.get(&(base.repository.clone(), base.reference.clone())) {
            Some(tree) => Ok(Rc::new(tree.clone())),
            None => Err(RemoteError::NotAllowed { why: "only tags are fetched".to_owned() }),
        }
    }
}

fn built(kustomization: &str) -> Result<String, String> {
    let map = |name: &str| format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\n");
    let component = "kind: Component\napiVersion: kustomize.config.k8s.io/v1alpha1\ncommonLabels: {part: remote}\n";
    let mut remote = tree(&[
        ("base/kustomization.yaml", "resources: [a.yaml, ../other]\nnamePrefix: r-\n"),
        ("base/a.yaml", &map("a")),
        ("other/kustomization.yaml", "configMapGenerator: [{name: g, literals: [a=b]}]\n"),
        ("kustomization.yaml", "resources: [root.yaml]\n"),
        ("root.yaml", &map("root")),
        ("part/kustomization.yaml", component),
        ("out/kustomization.yaml", "resources: [../../k]\n"),
        ("linked/kustomization.yaml", "resources: [link]\n"),
        ("loop/kustomization.yaml", "resources: [\"file:///srv/repo//loop?ref=v1\"]\n"),
    ]);
    remote.insert_symlink("linked/link", "../../k/own.yaml");
    let repositories = BTreeMap::from([((REPOSITORY.to_owned(), "v1".to_owned()), remote)]);
    let local = tree(&[("k/kustomization.yaml", kustomization), ("k/own.yaml", &map("own"))]);
    let allowed = Allowed { remotes: Some(Arc::new(Repositories(repositories))), ..Allowed::default() };
    let built = build_allowed(&local, "k", RenderLimits::default(), &allowed);
    built.and_then(|documents| print_documents(&documents)).map_err(|problems| shown(&problems))
}

#[test]
fn remote_bases_are_built_where_they_lie() {
    let kustomization = "resources:\n- file:///srv/repo//base?ref=v1\n- file:///srv/repo?ref=v1&timeout=10&submodules=false\n- own.yaml\n\
                         components:\n- file:///srv/repo//part?version=v1\n";
    let expected = "\
apiVersion: v1
kind: ConfigMap
metadata:
  labels:
    part: remote
  name: own
---
apiVersion: v1
kind: ConfigMap
metadata:
  labels:
    part: remote
  name: r-a
---
apiVersion: v1
data:
  a: b
kind: ConfigMap
metadata:
  labels:
    part: remote
  name: r-g-4h2mbtbbt6
---
apiVersion: v1
kind: ConfigMap
metadata:
  labels:
    part: remote
  name: root
";
    assert_eq!(built(kustomization).as_deref(), Ok(expected));
}

#[test]
fn notes_name_the_repository() {
    let kustomization = "resources:\n- file:///srv/repo//base?ref=v1\n- file:///srv/repo?ref=v1\n\
                         buildMetadata: [originAnnotations, transformerAnnotations]\n";
    let expected = "\
apiVersion: v1
kind: ConfigMap
metadata:
  annotations:
    alpha.config.kubernetes.io/transformations: |
      - repo: file:///srv/repo
        ref: v1
        configuredIn: base/kustomization.yaml
        configuredBy:
          apiVersion: builtin
          kind: PrefixTransformer
    config.kubernetes.io/origin: |
      path: base/a.yaml
      repo: file:///srv/repo
      ref: v1
  name: r-a
---
apiVersion: v1
data:
  a: b
kind: ConfigMap
metadata:
  annotations:
    alpha.config.kubernetes.io/transformations: |
      - repo: file:///srv/repo
        ref: v1
        configuredIn: base/kustomization.yaml
        configuredBy:
          apiVersion: builtin
          kind: PrefixTransformer
    config.kubernetes.io/origin: |
      repo: file:///srv/repo
      ref: v1
      configuredIn: other/kustomization.yaml
      configuredBy:
        apiVersion: builtin
        kind: ConfigMapGenerator
  name: r-g-4h2mbtbbt6
---
apiVersion: v1
kind: ConfigMap
metadata:
  annotations:
    config.kubernetes.io/origin: |
      path: notCloned/root.yaml
      repo: file:///srv/repo
      ref: v1
  name: root
";
    assert_eq!(built(kustomization).as_deref(), Ok(expected));
}

#[test]
fn no_way_leads_out_of_a_remote_tree() {
    let check = |entry: &str, expected: &str| {
        let message = built(&format!("resources:\n- {entry}\n")).expect_err("refused");
        assert!(message.starts_with(expected), "{entry}\ngives {message}\nnot   {expected}");
    };
    check("file:///srv/repo//out?ref=v1", "error[SK0401]: `../../k` leads out of the source");
    check("file:///srv/repo//linked?ref=v1", "error[SK0402]: the symbolic link");
    check("file:///srv/repo//loop?ref=v1", "error[SK0443]: folders include each other");
    check("file:///srv/repo//base/a.yaml?ref=v1", "error[SK0400]: the repository has no folder `base/a.yaml`");
    check("file:///srv/repo//none?ref=v1", "error[SK0400]: the repository has no folder `none`");
    check(
        "file:///srv/repo//base",
        "error[SK0476]: the repository `file:///srv/repo`: the operator does not allow it: only tags are fetched\n  --> k/kustomization.yaml:2 (resources[0])\n",
    );
    check(
        "https://example.org/a/b/c.yaml",
        "error[SK0449]: `https://example.org/a/b/c.yaml` is remote; it is not fetched",
    );
}

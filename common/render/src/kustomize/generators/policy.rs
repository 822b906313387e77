//! `IAMPolicyGenerator`: a service account bound to one of Google Cloud.

use std::sync::Arc;

use skerry_common::diagnostic::Location;
use skerry_yaml::{Node, Position, Rules};

use crate::document::Source;
use crate::kustomize::resource::{Resource, set_metadata};

const ACCOUNT: &str = "iam.gke.io/gcp-service-account";

/// Which account of the cluster acts as which of the cloud.
#[derive(Debug, Clone)]
pub(crate) struct Policy {
    pub(crate) name: String,
    pub(crate) namespace: String,
    pub(crate) account: String,
    pub(crate) project: String,
    pub(crate) at: Location,
}

impl Policy {
    /// The service account. Names are written as they are, so that a number stays one.
    pub(super) fn make(&self) -> Resource {
        let mut node = Node::mapping();
        node.set("apiVersion", Node::string("v1"));
        node.set("kind", Node::string("ServiceAccount"));
        let mut annotations = Node::mapping();
        let account = format!("{}@{}.iam.gserviceaccount.com", self.account, self.project);
        annotations.set(ACCOUNT, Node::plain(account));
        set_metadata(&mut node, "annotations", Some(annotations));
        set_metadata(&mut node, "name", Some(Node::plain(&*self.name)));
        if !self.namespace.is_empty() {
            set_metadata(&mut node, "namespace", Some(Node::plain(&*self.namespace)));
        }
        node.position = Position { line: self.at.line.unwrap_or(0), column: 0 };
        let file: Arc<str> = Arc::from(self.at.file.as_deref().unwrap_or_default());
        Resource::new(Source { node, file, rules: Rules::Kustomize })
    }
}

//! `IAMPolicyGenerator`: a service account bound to one of Google Cloud.

use std::sync::Arc;

use skerry_common::diagnostic::Location;
use skerry_yaml::{Position, Rules};

use crate::codes::{self, Fallible, fail};
use crate::document::{Source, parse_one};
use crate::kustomize::accumulate::check_named;
use crate::kustomize::resource::Resource;
use crate::limits::RenderLimits;

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
    /// The service account. As in Kustomize, names go into a text that is then read: a number stays
    /// one, and what is no YAML is refused.
    pub(super) fn make(&self, limits: &RenderLimits) -> Fallible<Resource> {
        let Self { name, namespace, account, project, at } = self;
        let mut text = format!(
            "apiVersion: v1\nkind: ServiceAccount\nmetadata:\n  annotations:\n    \
             iam.gke.io/gcp-service-account: {account}@{project}.iam.gserviceaccount.com\n  name: {name}\n"
        );
        if !namespace.is_empty() {
            text.push_str(&format!("\n  namespace: {namespace}"));
        }
        let file: Arc<str> = Arc::from(at.file.as_deref().unwrap_or_default());
        let Ok(Some(mut node)) = parse_one(text.as_bytes(), &file, limits) else {
            return fail(codes::GENERATOR_INVALID, at, "one of the names cannot stand in YAML without quotes");
        };
        node.position = Position { line: at.line.unwrap_or(0), column: 0 };
        let resource = Resource::new(Source { node, file, rules: Rules::Kustomize });
        check_named(&resource)?;
        Ok(resource)
    }
}

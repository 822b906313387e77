//! Which kinds the server serves.
//!
//! Two requests on servers that speak aggregated discovery (Kubernetes 1.26 and later), one a group version on others.

use std::time::Duration;

use futures::{StreamExt, stream};
use serde::Deserialize;
use serde_json::Value;

use super::connection::Connection;
use super::request::Ask;
use crate::cluster::{ApiKind, ClusterError, Discovery, DiscoveryGap, ServedKind};

/// How long discovery may take: an API server asks its aggregated ones itself.
const DISCOVERY_TIMEOUT: Duration = Duration::from_secs(60);

/// How large an answer may be: a cluster with a thousand definitions answers with some megabytes.
const DISCOVERY_BYTES_MAX: usize = 32 * 1024 * 1024;

/// Requests at once where each group version is asked for by itself.
const AT_ONCE: usize = 8;

const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,\
    application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json";

#[derive(Deserialize)]
struct Groups {
    #[serde(default)]
    items: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    metadata: GroupMetadata,
    #[serde(default)]
    versions: Vec<Version>,
}

#[derive(Deserialize, Default)]
struct GroupMetadata {
    #[serde(default)]
    name: String,
}

#[derive(Deserialize)]
struct Version {
    version: String,
    #[serde(default)]
    resources: Vec<Resource>,
    #[serde(default)]
    freshness: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Resource {
    resource: String,
    #[serde(default)]
    response_kind: Option<ResponseKind>,
    #[serde(default)]
    scope: String,
    #[serde(default)]
    verbs: Vec<String>,
}

#[derive(Deserialize)]
struct ResponseKind {
    #[serde(default)]
    kind: String,
}

/// A group version to be asked for by itself: group, version, whether its group prefers it.
type Single = (String, String, bool);

pub(super) async fn discover(connection: &Connection) -> Result<Discovery, ClusterError> {
    let mut out = Discovery::default();
    let mut singles: Vec<Single> = Vec::new();
    for path in ["/api", "/apis"] {
        let ask = Ask::get(path.to_owned()).accept(AGGREGATED).within(DISCOVERY_TIMEOUT, DISCOVERY_BYTES_MAX);
        let name = ask.name();
        let answer: Value = connection.ask(ask).await?.read()?;
        if answer["kind"] == "APIGroupDiscoveryList" {
            let groups: Groups = serde_json::from_value(answer)
                .map_err(|source| ClusterError::Malformed { request: name, source: source.into() })?;
            groups.items.into_iter().for_each(|group| add_group(&mut out, group));
        } else {
            singles.extend(listed(&answer));
        }
    }
    let mut asked = stream::iter(singles.into_iter().map(|single| ask_single(connection, single))).buffered(AT_ONCE);
    while let Some(answer) = asked.next().await {
        match answer {
            Ok(kinds) => out.kinds.extend(kinds),
            Err(gap) => out.gaps.push(gap),
        }
    }
    out.kinds.sort();
    out.gaps.sort();
    Ok(out)
}

fn add_group(out: &mut Discovery, group: Group) {
    for (index, version) in group.versions.into_iter().enumerate() {
        if version.freshness == "Stale" {
            out.gaps.push(DiscoveryGap {
                group: group.metadata.name.clone(),
                version: version.version,
                reason: "its API server does not answer".into(),
            });
            continue;
        }
        for resource in version.resources {
            let Some(kind) = resource.response_kind.map(|kind| kind.kind).filter(|kind| !kind.is_empty()) else {
                continue;
            };
            let kind = ApiKind {
                group: group.metadata.name.clone(),
                version: version.version.clone(),
                kind,
                plural: resource.resource,
                namespaced: resource.scope == "Namespaced",
            };
            add_kind(&mut out.kinds, kind, index == 0, resource.verbs);
        }
    }
}

fn add_kind(out: &mut Vec<ServedKind>, kind: ApiKind, preferred: bool, mut verbs: Vec<String>) {
    verbs.sort();
    out.push(ServedKind { kind, preferred, verbs });
}

/// The group versions of an `APIVersions` or `APIGroupList`.
fn listed(answer: &Value) -> Vec<Single> {
    let texts = |value: &Value| -> Vec<String> {
        value.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let core = texts(&answer["versions"]).into_iter().enumerate();
    let mut out: Vec<Single> = core.map(|(index, version)| (String::new(), version, index == 0)).collect();
    for group in answer["groups"].as_array().into_iter().flatten() {
        let name = group["name"].as_str().unwrap_or_default();
        for version in group["versions"].as_array().into_iter().flatten() {
            let preferred = version["version"] == group["preferredVersion"]["version"];
            out.push((name.to_owned(), version["version"].as_str().unwrap_or_default().to_owned(), preferred));
        }
    }
    out
}

async fn ask_single(
    connection: &Connection,
    (group, version, preferred): Single,
) -> Result<Vec<ServedKind>, DiscoveryGap> {
    let path = if group.is_empty() { format!("/api/{version}") } else { format!("/apis/{group}/{version}") };
    let ask = Ask::get(path).within(DISCOVERY_TIMEOUT, DISCOVERY_BYTES_MAX);
    let answer: Result<Value, ClusterError> = async { connection.ask(ask).await?.read() }.await;
    let answer = answer.map_err(|error| DiscoveryGap {
        group: group.clone(),
        version: version.clone(),
        reason: skerry_common::error_chain::Chain(&error).to_string(),
    })?;
    let mut out = Vec::new();
    for resource in answer["resources"].as_array().into_iter().flatten() {
        let text = |name: &str| resource[name].as_str().unwrap_or_default().to_owned();
        // `deployments/status` is a door of a kind, not a kind.
        if text("name").contains('/') {
            continue;
        }
        let kind = ApiKind {
            group: group.clone(),
            version: version.clone(),
            kind: text("kind"),
            plural: text("name"),
            namespaced: resource["namespaced"] == true,
        };
        let verbs = resource["verbs"].as_array().into_iter().flatten().filter_map(Value::as_str);
        add_kind(&mut out, kind, preferred, verbs.map(str::to_owned).collect());
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_stale_version_is_a_gap() {
        let groups: Groups = serde_json::from_value(json!({"items": [
            {"metadata": {"name": "apps"}, "versions": [{"version": "v1", "freshness": "Current", "resources": [
                {"resource": "deployments", "responseKind": {"group": "apps", "version": "v1", "kind": "Deployment"},
                 "scope": "Namespaced", "verbs": ["list", "get"]}]}]},
            {"metadata": {"name": "metrics.k8s.io"}, "versions": [{"version": "v1beta1", "freshness": "Stale"}]},
        ]}))
        .expect("a discovery document");
        let mut out = Discovery::default();
        groups.items.into_iter().for_each(|group| add_group(&mut out, group));
        assert!(out.has_gap("metrics.k8s.io") && !out.has_gap("apps"));
        let kind = out.find("apps", "Deployment").expect("a kind");
        assert!(kind.namespaced && kind.plural == "deployments");
    }

    #[test]
    fn old_servers_list_their_versions() {
        let core = listed(&json!({"kind": "APIVersions", "versions": ["v1"]}));
        assert_eq!(core, [(String::new(), "v1".to_owned(), true)]);
        let groups = listed(&json!({"kind": "APIGroupList", "groups": [{
            "name": "autoscaling", "preferredVersion": {"version": "v2"},
            "versions": [{"version": "v2"}, {"version": "v1"}]}]}));
        assert_eq!(groups[1], ("autoscaling".to_owned(), "v1".to_owned(), false));
    }
}

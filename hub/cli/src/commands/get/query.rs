//! What a list is asked for: names, `-l`, `--filter` and `--cluster` as one filter.

use skerry_hub_core::filter::{Filter, FilterError};
use skerry_hub_core::view::ClusterView;

use super::fetch;
use crate::args::get::Selection;
use crate::args::target::ResourceKind;
use crate::client::{Client, Request};
use crate::errors::{Failure, Stop, codes};
use crate::rows::Row;

/// Most clusters that `-l` may stand for in lists of other things: their names travel in a URL.
const CLUSTERS_NAMED_MAX: usize = 100;

/// The filter of a list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Query {
    terms: Vec<String>,
    labels: Option<String>,
}

impl Query {
    /// Everything.
    pub fn all() -> Self {
        Self::default()
    }

    /// Only what has this value in a field.
    #[must_use]
    pub fn only(mut self, field: &str, value: &str) -> Self {
        self.terms.push(format!("{field}={}", quoted(value)));
        self
    }

    /// The request for a list.
    pub fn request(&self, path: &'static str) -> Request<'static> {
        let mut request = Request::api(&[path]);
        if !self.terms.is_empty() {
            request = request.with("filter", self.terms.join(","));
        }
        match &self.labels {
            Some(labels) => request.with("labelSelector", labels),
            None => request,
        }
    }
}

/// Puts the options of a list together, and checks them before anything is sent.
pub async fn of<T: Row>(
    selection: &Selection,
    names: &[String],
    kind: ResourceKind,
    client: &Client,
) -> Result<Query, Stop> {
    let mut query = Query::all();
    query.terms.extend(selection.filter.clone().filter(|filter| !filter.trim().is_empty()));
    if let Some(cluster) = &selection.cluster {
        let field = if kind == ResourceKind::Clusters { "name" } else { "cluster" };
        query = query.only(field, cluster);
    }
    query.terms.extend(name_terms::<T>(names));
    let text = query.terms.join(",");
    Filter::parse::<T>(&text).map_err(|error| refused(&error))?;
    if let Some(selector) = &selection.selector {
        Filter::parse_labels::<ClusterView>(selector).map_err(|error| refused(&error))?;
        match kind {
            ResourceKind::Clusters | ResourceKind::Objects | ResourceKind::Drift | ResourceKind::Events => {
                query.labels = Some(selector.clone());
            }
            ResourceKind::Apps => {
                query.terms.push(clusters_with(selector, client).await?);
            }
            ResourceKind::Groups | ResourceKind::Revisions | ResourceKind::Sources => {
                let failure = Failure::user(codes::SELECTOR, format!("{} have no labels", kind.plural()));
                return Err(failure.help("use `--filter`").into());
            }
        }
    }
    Ok(query)
}

/// A filter that is not understood, with the help of the grammar.
fn refused(error: &FilterError) -> Stop {
    Stop::Refused(vec![error.diagnostic()])
}

/// Labels are those of clusters: finds which clusters have them.
async fn clusters_with(selector: &str, client: &Client) -> Result<String, Stop> {
    let query = Query { terms: Vec::new(), labels: Some(selector.to_owned()) };
    let found = fetch::list::<ClusterView>(client, &query, Some(CLUSTERS_NAMED_MAX + 1)).await?;
    if found.rows.len() > CLUSTERS_NAMED_MAX {
        let message = format!("`{selector}` selects more than {CLUSTERS_NAMED_MAX} clusters");
        return Err(Failure::user(codes::SELECTOR, message).help("narrow it, or use `--filter`").into());
    }
    if found.rows.is_empty() {
        // A name that no cluster can have: nothing is found, as it should be.
        return Ok("cluster=\"\"".to_owned());
    }
    let names: Vec<String> = found.rows.iter().map(|row| quoted(row.row.name.as_str())).collect();
    Ok(format!("cluster in ({})", names.join(",")))
}

/// Names as terms; objects also as `Deployment.apps/shop/web`.
fn name_terms<T: Row>(names: &[String]) -> Vec<String> {
    match names {
        [] => Vec::new(),
        [one] if T::NAME_FIELD == "object" => {
            let object = ObjectName::parse(one);
            let field = |field: &str, value: Option<&str>| value.map(|value| format!("{field}={}", quoted(value)));
            let terms = [
                field("kind", object.kind),
                field("apiGroup", object.group),
                field("namespace", object.namespace),
                field("object", Some(object.name)),
            ];
            terms.into_iter().flatten().collect()
        }
        several => {
            let several: Vec<String> = several.iter().map(|name| quoted(name)).collect();
            vec![format!("{} in ({})", T::NAME_FIELD, several.join(","))]
        }
    }
}

/// True when a row is what a NAME on the command line means.
pub fn is_meant<T: Row>(row: &T, name: &str) -> bool {
    let values = |field: &str| row.values(field);
    let is = |field: &str, wanted: Option<&str>| {
        wanted.is_none_or(|wanted| values(field).iter().any(|value| value == wanted))
    };
    if T::NAME_FIELD != "object" {
        return is(T::NAME_FIELD, Some(name));
    }
    let object = ObjectName::parse(name);
    is("kind", object.kind)
        && is("apiGroup", object.group)
        && is("namespace", object.namespace)
        && is("object", Some(object.name))
}

/// `Deployment.apps/shop/web`, `Namespace/shop`, `web`.
struct ObjectName<'a> {
    kind: Option<&'a str>,
    group: Option<&'a str>,
    namespace: Option<&'a str>,
    name: &'a str,
}

impl<'a> ObjectName<'a> {
    fn parse(text: &'a str) -> Self {
        let parts: Vec<&str> = text.split('/').collect();
        let (kind, namespace, name) = match parts.as_slice() {
            [kind, namespace, name] => (Some(*kind), Some(*namespace), *name),
            [kind, name] => (Some(*kind), None, *name),
            _ => (None, None, text),
        };
        let (kind, group) = match kind.and_then(|kind| kind.split_once('.')) {
            Some((kind, group)) => (Some(kind), Some(group)),
            None => (kind, None),
        };
        Self { kind, group, namespace, name }
    }
}

/// A value in double quotes, in which the grammar allows everything but a double quote; that one is
/// part of no name.
fn quoted(value: &str) -> String {
    format!("\"{}\"", value.replace('"', ""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use skerry_hub_core::view::{EventView, ObjectView};

    fn terms<T: Row>(names: &[&str]) -> String {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let text = name_terms::<T>(&names).join(",");
        Filter::parse::<T>(&text).expect("the hub understands it");
        text
    }

    #[test]
    fn names_become_terms_of_the_filter_grammar() {
        assert_eq!(terms::<ClusterView>(&[]), "");
        assert_eq!(terms::<ClusterView>(&["a"]), "name in (\"a\")");
        assert_eq!(terms::<ClusterView>(&["a", "b\"),c"]), "name in (\"a\",\"b),c\")");
        assert_eq!(terms::<ObjectView>(&["web"]), "object=\"web\"");
        let whole = "kind=\"Deployment\",apiGroup=\"apps\",namespace=\"shop\",object=\"web\"";
        assert_eq!(terms::<ObjectView>(&["Deployment.apps/shop/web"]), whole);
        assert_eq!(terms::<EventView>(&["Namespace/shop"]), "kind=\"Namespace\",object=\"shop\"");
    }

    #[test]
    fn a_query_is_one_filter() {
        let query = Query { labels: Some("env=lab".into()), ..Query::all() }.only("cluster", "a").only("drift", "1");
        let request = query.request("clusters");
        assert_eq!(request.path, ["api", "v1", "clusters"]);
        let expected = [("filter", "cluster=\"a\",drift=\"1\"".to_owned()), ("labelSelector", "env=lab".to_owned())];
        assert_eq!(request.query, expected);
    }
}

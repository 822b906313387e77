//! Arguments of `skerry why`.

use clap::Args;

use crate::output::Format;

/// Options of `why`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:\n  skerry why Deployment/web -c edge-01\n  \
                        skerry why Deployment/web:/spec/replicas -c edge-01\n  \
                        skerry why Deployment.apps/shop/web:/spec/template -c edge-01 -o json\n\
                        Of Secrets, only places are told.")]
pub struct WhyArgs {
    /// Which object, as `skerry get objects` lists it, and perhaps which of its fields.
    #[arg(value_name = "KIND/NAME[:/FIELD]", value_parser = question)]
    pub question: Question,
    /// On which cluster.
    #[arg(long, short = 'c', value_name = "NAME")]
    pub cluster: String,
    /// Namespace of the object, where several have one of this name.
    #[arg(long, short, value_name = "NAME")]
    pub namespace: Option<String>,
    /// Application of the object, where several have one of this name.
    #[arg(long, value_name = "NAME")]
    pub application: Option<String>,
    /// How to print.
    #[arg(long, short, value_enum, default_value = "table")]
    pub output: Format,
}

/// An object, and perhaps one of its fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// Its kind.
    pub kind: String,
    /// Its API group, if it was named.
    pub group: Option<String>,
    /// Its namespace, if it was named.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
    /// The field; everything when empty.
    pub field: String,
}

/// Reads `KIND[.GROUP]/[NAMESPACE/]NAME[:/FIELD]`.
fn question(text: &str) -> Result<Question, String> {
    let wrong = || format!("`{text}` names no object: write `KIND/NAME` or `KIND/NAME:/path/to/field`");
    let (kind, rest) = text.split_once('/').ok_or_else(wrong)?;
    // Names may hold colons, as those of roles do.
    let (name, field) = match rest.find(":/") {
        Some(end) => (&rest[..end], &rest[end + 1..]),
        None => (rest, ""),
    };
    let (namespace, name) = name.split_once('/').map_or((None, name), |(namespace, name)| (Some(namespace), name));
    let (kind, group) = kind.split_once('.').map_or((kind, None), |(kind, group)| (kind, Some(group)));
    if kind.is_empty() || name.is_empty() || name.contains('/') {
        return Err(wrong());
    }
    let owned = |text: &str| text.to_owned();
    let (group, namespace) = (group.map(owned), namespace.map(owned));
    Ok(Question { kind: owned(kind), group, namespace, name: owned(name), field: owned(field) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_are_named_as_they_are_listed() {
        let check = |text: &str, expected: [&str; 5]| {
            let Question { kind, group, namespace, name, field } = question(text).expect(text);
            let (group, namespace) = (group.unwrap_or_default(), namespace.unwrap_or_default());
            assert_eq!([kind, group, namespace, name, field], expected, "{text}");
        };
        check("Deployment/web", ["Deployment", "", "", "web", ""]);
        check("deployment.apps/shop/web:/spec/replicas", ["deployment", "apps", "shop", "web", "/spec/replicas"]);
        check("Ingress.networking.k8s.io/web:/", ["Ingress", "networking.k8s.io", "", "web", "/"]);
        check("ClusterRole/system:node:/rules/0", ["ClusterRole", "", "", "system:node", "/rules/0"]);
        for text in ["", "web", "/web", "Deployment/", "Deployment/a/b/c", "Deployment/shop/"] {
            assert!(question(text).is_err(), "{text}");
        }
    }
}

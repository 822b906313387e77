//! From documents to a fleet: heading, table, typed form, and the references between documents.

use std::collections::BTreeMap;

use skerry_common::diagnostic::Diagnostic;
use skerry_common::id::{ApplicationName, ClusterName, GroupName, NameError, SourceName};
use skerry_yaml::Node;

use super::check::Checker;
use super::document::RawDocument;
use super::schema::{API_VERSION, Kind, LATER_KINDS, METADATA, Shape};
use super::{Fleet, Site, build, codes, suggest};

/// What every document has.
const ROOT_FIELDS: &[&str] = &["apiVersion", "kind", "metadata", "spec"];

/// A document whose heading is fine, and whether the rest is.
struct Declared {
    kind: Kind,
    name: String,
    document: RawDocument,
    sound: bool,
}

/// Names that are declared, also by documents with errors: a reference to one is not one more error.
type Names = BTreeMap<(Kind, String), Site>;

/// Reads documents; what is wrong is added to `diagnostics`.
pub(super) fn fleet(documents: Vec<RawDocument>, diagnostics: &mut Vec<Diagnostic>) -> Fleet {
    let declared: Vec<Declared> = documents.into_iter().filter_map(|document| declare(document, diagnostics)).collect();
    let names = names(&declared, diagnostics);
    let mut fleet = Fleet::default();
    for declared in declared.iter().filter(|declared| declared.sound) {
        let mut checker = Checker::new(&declared.document.file);
        references(declared, &names, &mut checker);
        if !add(&mut fleet, declared) {
            let message = "this document passed every check and still cannot be read";
            let help = "this is a mistake in Skerry: please report it with the document".to_owned();
            checker.report(codes::BUG, &declared.document.root, "", message, help);
        }
        diagnostics.extend(checker.finish());
    }
    fleet
}

/// Checks one document; `None` when not even its kind and name are known.
fn declare(document: RawDocument, diagnostics: &mut Vec<Diagnostic>) -> Option<Declared> {
    let mut checker = Checker::new(&document.file);
    let kind = heading(&document.root, &mut checker);
    let name = kind.and_then(|kind| body(&document.root, kind, &mut checker));
    let found = checker.finish();
    let sound = found.is_empty();
    diagnostics.extend(found);
    Some(Declared { kind: kind?, name: name?, document, sound })
}

/// Reads `apiVersion` and `kind`.
fn heading(root: &Node, checker: &mut Checker<'_>) -> Option<Kind> {
    let text = |name| root.get(name).and_then(Node::as_str);
    if text("apiVersion") != Some(API_VERSION) {
        let (message, help) = match text("apiVersion") {
            Some(found) if found.starts_with("skerry.dev/") => {
                (format!("`{found}` is not a version that is read here"), format!("write `apiVersion: {API_VERSION}`"))
            }
            _ => {
                let help = "move it into an application's source, out of the fleet's path";
                (
                    "this is not a fleet document".to_owned(),
                    format!("{help}; fleet documents have `apiVersion: {API_VERSION}`"),
                )
            }
        };
        checker.report(codes::FOREIGN, root.get("apiVersion").unwrap_or(root), "apiVersion", message, help);
        return None;
    }
    let node = root.get("kind").unwrap_or(root);
    let name = text("kind").unwrap_or_default();
    if LATER_KINDS.contains(&name) {
        let help = "remove the document until a later version supports it".to_owned();
        checker.report(codes::LATER, node, "kind", format!("kind `{name}` is not supported yet"), help);
        return None;
    }
    let kind = Kind::parse(name);
    if kind.is_none() {
        let known = Kind::ALL.map(Kind::name);
        checker.report(codes::KIND, node, "kind", format!("unknown kind `{name}`"), suggest::help(name, &known));
    }
    kind
}

/// Checks the rest and returns the name.
fn body(root: &Node, kind: Kind, checker: &mut Checker<'_>) -> Option<String> {
    for (key, _) in root.entries() {
        let name = key.as_str().unwrap_or("?");
        if !ROOT_FIELDS.contains(&name) {
            let message = format!("unknown field `{name}`");
            checker.report(codes::UNKNOWN_FIELD, key, name, message, suggest::help(name, ROOT_FIELDS));
        }
    }
    match root.get("metadata") {
        Some(metadata) => checker.check(metadata, &Shape::Record(METADATA), "metadata"),
        None => missing(root, "metadata", checker),
    }
    match root.get("spec") {
        Some(spec) => {
            checker.check(spec, &Shape::Record(kind.spec()), "spec");
            expressions(spec, checker);
        }
        None if kind == Kind::Cluster => {}
        None => missing(root, "spec", checker),
    }
    let name = root.get("metadata")?.get("name")?.as_str()?;
    Some(name.to_owned())
}

fn missing(root: &Node, name: &str, checker: &mut Checker<'_>) {
    checker.report(codes::MISSING, root, name, format!("`{name}` is missing"), format!("add `{name}`"));
}

fn expressions(spec: &Node, checker: &mut Checker<'_>) {
    let Some(expressions) = spec.get("selector").and_then(|selector| selector.get("matchExpressions")) else { return };
    for (index, expression) in expressions.items().iter().enumerate() {
        if let Some(problem) = build::expression_problem(expression) {
            let field = format!("spec.selector.matchExpressions[{index}]");
            let help = "`In` and `NotIn` need `values`; `Exists` and `DoesNotExist` have none".to_owned();
            checker.report(codes::VALUE, expression, &field, problem, help);
        }
    }
}

/// Collects names; a name that stands twice is an error at each place but the first.
fn names(declared: &[Declared], diagnostics: &mut Vec<Diagnostic>) -> Names {
    let mut names = Names::new();
    for declared in declared {
        let site = site(declared);
        match names.get(&(declared.kind, declared.name.clone())) {
            Some(first) => {
                let message = format!(
                    "{} `{}` is declared twice: here and in {}:{}",
                    declared.kind, declared.name, first.file, first.line
                );
                let diagnostic = Diagnostic::error(codes::DUPLICATE, message)
                    .at(site.location().with_field("metadata.name"))
                    .help("rename or remove one of them");
                diagnostics.push(diagnostic);
            }
            None => {
                names.insert((declared.kind, declared.name.clone()), site);
            }
        }
    }
    names
}

fn site(declared: &Declared) -> Site {
    let root = &declared.document.root;
    let name = root.get("metadata").and_then(|metadata| metadata.get("name")).unwrap_or(root);
    Site { file: declared.document.file.clone(), line: name.position.line }
}

/// Every name that a document uses must be declared.
fn references(declared: &Declared, names: &Names, checker: &mut Checker<'_>) {
    let Some(spec) = declared.document.root.get("spec") else { return };
    let mut check = |kind: Kind, code, node: &Node, field: String| {
        let Some(name) = node.as_str() else { return };
        if names.contains_key(&(kind, name.to_owned())) {
            return;
        }
        let known: Vec<&str> = names.keys().filter(|(of, _)| *of == kind).map(|(_, name)| name.as_str()).collect();
        let help = match suggest::closest(name, known.iter().copied()) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("declare it with `kind: {kind}`, or correct the name"),
        };
        checker.report(code, node, &field, format!("no {kind} is called `{name}`"), help);
    };
    match declared.kind {
        Kind::Application => {
            let sources = spec.get("sources").map(Node::items).unwrap_or_default();
            for (index, source) in sources.iter().enumerate() {
                if let Some(from) = source.get("from") {
                    check(Kind::Source, codes::UNKNOWN_SOURCE, from, format!("spec.sources[{index}].from"));
                }
            }
        }
        Kind::ClusterGroup => {
            let applications = spec.get("applications").map(Node::items).unwrap_or_default();
            for (index, name) in applications.iter().enumerate() {
                check(Kind::Application, codes::UNKNOWN_APPLICATION, name, format!("spec.applications[{index}]"));
            }
        }
        Kind::Source | Kind::Cluster => {}
    }
}

/// Adds a sound document; false when it cannot become its typed form, although the table allows it.
/// That is a mistake in the table, and never a reason to leave the document out: what is left out
/// would be removed from clusters.
fn add(fleet: &mut Fleet, declared: &Declared) -> bool {
    let (spec, site) = (declared.document.root.get("spec"), site(declared));
    let name = declared.name.as_str();
    match declared.kind {
        Kind::Source => {
            let built = spec.and_then(|spec| build::source(spec, site));
            insert(&mut fleet.sources, SourceName::parse(name), built)
        }
        Kind::Application => {
            let built = spec.and_then(|spec| build::application(spec, site));
            insert(&mut fleet.applications, ApplicationName::parse(name), built)
        }
        Kind::ClusterGroup => {
            let built = spec.and_then(|spec| build::group(spec, site));
            insert(&mut fleet.groups, GroupName::parse(name), built)
        }
        Kind::Cluster => insert(&mut fleet.clusters, ClusterName::parse(name), build::cluster(spec, site)),
    }
}

fn insert<K: Ord, V>(into: &mut BTreeMap<K, V>, name: Result<K, NameError>, built: Option<V>) -> bool {
    let (Ok(name), Some(built)) = (name, built) else { return false };
    into.insert(name, built);
    true
}

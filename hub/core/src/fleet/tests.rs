use super::schema::{Field, Kind, LATER_KINDS, Presence, Shape};
use super::*;
use skerry_common::bundle::manifest::{ExtraFields, OnRemove, SyncMode};
use skerry_common::diagnostic::Code;
use skerry_render::MemoryTree;

const SHOP: &str = "\
apiVersion: skerry.dev/v1alpha1
kind: Source
metadata: {name: shop}
spec:
  git:
    url: https://git.example/shop.git
    ref: {branch: main}
    interval: 30s
    credentials: shop-read
---
apiVersion: skerry.dev/v1alpha1
kind: Application
metadata: {name: web}
spec:
  sources:
    - {from: shop, path: \"apps/overlays/${cluster.labels.env}\"}
    - {from: shop}
  namespace: shop
  variables: {REPLICAS: \"2\", NAME: \"${cluster.name}\"}
  suspend: true
  sync:
    mode: observe
    prune: false
    selfHeal: false
    extraFields: keep
    ignore: [{group: apps, kind: Deployment, namespace: a, name: b, fields: [/spec/replicas]}]
    onRemove: orphan
---
apiVersion: skerry.dev/v1alpha1
kind: ClusterGroup
metadata: {name: production-eu}
spec:
  selector:
    matchLabels: {env: production}
    matchExpressions:
      - {key: region, operator: In, values: [eu]}
      - {key: tier, operator: NotIn, values: [lab]}
      - {key: site, operator: Exists}
      - {key: retired, operator: DoesNotExist}
  applications: [web]
";

const CLUSTER: &str = "\
apiVersion: skerry.dev/v1alpha1
kind: Cluster
metadata: {name: edge-01}
spec:
  labels: {env: production, example.com/site: b4}
  variables: {QUOTA: \"10\", TEXT: \"${x\"}
";

fn tree(files: &[(&str, &str)]) -> MemoryTree {
    let mut tree = MemoryTree::new();
    for (path, content) in files {
        tree.insert(*path, content.as_bytes());
    }
    tree
}

fn load_files(files: &[(&str, &str)]) -> Result<Fleet, Vec<Diagnostic>> {
    let origin = Location { repository: Some("https://git.example/fleet.git".into()), ..Location::default() };
    load(&tree(files), "", &origin)
}

/// Loads one file that should be refused and compares `code line field: message (help)` of each.
fn refused(text: &str, expected: &[&str]) {
    let found = load_files(&[("a.yaml", text)]).expect_err(text);
    let shown: Vec<String> = found
        .iter()
        .map(|found| {
            let (line, field) = (found.location.line.unwrap_or(0), found.location.field.clone().unwrap_or_default());
            format!("{} {line} {field}: {} ({})", found.code.0, found.message, found.help.clone().unwrap_or_default())
        })
        .collect();
    assert_eq!(shown.len(), expected.len(), "{shown:#?}");
    for (shown, expected) in shown.iter().zip(expected) {
        assert!(shown.contains(expected), "expected {expected:?} in {shown:#?}");
    }
}

fn document(kind: &str, name: &str, spec: &str) -> String {
    format!("apiVersion: skerry.dev/v1alpha1\nkind: {kind}\nmetadata: {{name: {name}}}\nspec: {spec}\n")
}

fn source(git: &str) -> String {
    document("Source", "s", &format!("{{git: {{{git}}}}}"))
}

#[test]
fn every_field_of_the_design_is_read() {
    let fleet = load_files(&[("fleet/shop.yaml", SHOP), ("fleet/c.yml", CLUSTER), ("README.md", "no")]).expect("valid");
    let shop = &fleet.sources[&SourceName::parse("shop").unwrap()];
    assert_eq!(shop.url, "https://git.example/shop.git");
    assert_eq!(shop.reference, GitRef::Branch("main".into()));
    assert_eq!((shop.interval, shop.credentials.as_deref()), (Duration::from_secs(30), Some("shop-read")));

    let web = &fleet.applications[&ApplicationName::parse("web").unwrap()];
    let paths: Vec<String> = web.sources.iter().map(|source| source.path.to_string()).collect();
    assert_eq!(paths, ["apps/overlays/${cluster.labels.env}", "."]);
    assert_eq!(web.variables.as_ref().map(BTreeMap::len), Some(2));
    let policy = &web.policy;
    assert_eq!(
        (policy.mode, policy.extra_fields, policy.on_remove),
        (SyncMode::Observe, ExtraFields::Keep, OnRemove::Orphan)
    );
    assert_eq!((policy.prune, policy.self_heal, policy.suspend), (false, false, true));
    assert_eq!(policy.ignore[0].fields, ["/spec/replicas"]);
    assert_eq!(policy.ignore[0].kind.as_deref(), Some("Deployment"));

    let group = &fleet.groups[&GroupName::parse("production-eu").unwrap()];
    assert_eq!(group.selector.requirements().len(), 5);
    assert_eq!(group.site, Site { file: "fleet/shop.yaml".into(), line: 31 });

    let cluster = &fleet.clusters[&ClusterName::parse("edge-01").unwrap()];
    assert_eq!(cluster.labels["example.com/site"], "b4");
    assert_eq!(cluster.variables["TEXT"], "${x");
}

#[test]
fn defaults_are_those_of_the_design() {
    let text = [
        source("url: \"ssh://git@h/x\", ref: {semver: \">=1.2 <2\"}"),
        document("Application", "web", "{sources: [{from: s}]}"),
        document("ClusterGroup", "all", "{selector: {}, applications: []}"),
        "apiVersion: skerry.dev/v1alpha1\nkind: Cluster\nmetadata: {name: c}\n".to_owned(),
    ]
    .join("---\n");
    let fleet = load_files(&[("a.yaml", &text)]).expect("valid");
    let source = fleet.sources.values().next().expect("one");
    assert_eq!((source.interval, source.credentials.clone()), (INTERVAL_DEFAULT, None));
    let web = fleet.applications.values().next().expect("one");
    assert_eq!((web.policy.clone(), web.namespace.clone(), web.variables.clone()), (Policy::default(), None, None));
    assert!(fleet.groups.values().next().expect("one").selector.matches(&BTreeMap::new()));
    assert_eq!(fleet.clusters.len(), 1);
}

#[test]
fn unknown_fields_are_refused_with_what_was_meant() {
    refused(
        &source("url: \"https://h/x\", ref: {brnach: main}"),
        &["204 4 spec.git.ref.brnach: unknown field `brnach` (did you mean `branch`?)"],
    );
    refused(&source("url: \"https://h/x\", ref: {branch: main}, intervall: 5s"), &["did you mean `interval`?"]);
    refused(&document("Sorce", "s", "{}"), &["202 2 kind: unknown kind `Sorce` (did you mean `Source`?)"]);
    let text = "apiVersion: skerry.dev/v1alpha1\nkind: Cluster\nmetadata: {name: c, labels: {a: b}}\nstatus: {}\n";
    refused(text, &["204 3 metadata.labels: unknown field `labels`", "204 4 status: unknown field `status`"]);
}

#[test]
fn mistyped_values_are_refused_with_how_to_write_them() {
    refused(
        &document("Cluster", "c", "{labels: {canary: true}}"),
        &["206 4 spec.labels.canary: a boolean stands where a text is needed (put it in quotes: `\"true\"`)"],
    );
    refused(&document("Cluster", "c", "{variables: {N: 2}}"), &["a number stands where a text is needed"]);
    refused(&document("Cluster", "c", "{labels: [a]}"), &["a list stands where a mapping of texts to texts is needed"]);
    refused(&source("url: \"https://h/x\", ref: {branch: on}"), &["a boolean stands where a text is needed"]);
    refused(&source("url: , ref: {branch: main}"), &["nothing stands where a text is needed"]);
    refused(
        &document("ClusterGroup", "g", "{selector: {}, applications: web}"),
        &["a text stands where a list is needed"],
    );
}

#[test]
fn wrong_values_are_refused() {
    refused(
        &source("url: \"git@h:x.git\", ref: {branch: main}"),
        &["207 4 spec.git.url: the URL has no scheme that is supported (write `ssh://"],
    );
    refused(
        &source("url: \"https://h/x\", ref: {branch: main, tag: v1}"),
        &["208 4 spec.git.ref: 2 of several fields are given"],
    );
    refused(&source("url: \"https://h/x\", ref: {}"), &["208 4 spec.git.ref: 0 of several fields"]);
    refused(&source("url: \"https://h/x\""), &["205 4 spec.git: `spec.git.ref` is missing"]);
    refused(&source("url: \"https://h/x\", ref: {commit: abc}"), &["is not a commit id"]);
    refused(&source("url: \"https://h/x\", ref: {semver: \"x||y\"}"), &["is not a range of versions"]);
    refused(&document("Cluster", "c", "{labels: {\"a b\": x}}"), &["label key `a b`"]);
    let expressions = "{selector: {matchExpressions: [{key: a, operator: In}, {key: b, operator: Exists, values: [x]}]}, applications: []}";
    refused(
        &document("ClusterGroup", "g", expressions),
        &["matchExpressions[0]: `values` are missing", "matchExpressions[1]: `values` have no meaning"],
    );
    refused(
        &document("Application", "web", "{sources: [{from: s, path: ../x}]}"),
        &["207 4 spec.sources[0].path: `../x`"],
    );
    refused(&document("Application", "web", "{sources: []}"), &["212 4 spec.sources: the list has 0 items"]);
}

#[test]
fn what_comes_later_is_not_supported_yet() {
    let found = "203 4 spec.rollout: `spec.rollout` is not supported yet";
    refused(&document("ClusterGroup", "g", "{selector: {}, applications: [], rollout: {waves: []}}"), &[found]);
    let text = [
        source("url: \"https://h/x\", ref: {branch: main}"),
        document("Application", "a", "{sources: [{from: s}], dependsOn: [b]}"),
    ];
    refused(&text.join("---\n"), &["203 9 spec.dependsOn: `spec.dependsOn` is not supported yet"]);
    refused(&document("RolloutPolicy", "p", "{}"), &["203 2 kind: kind `RolloutPolicy` is not supported yet"]);
    refused(&document("Source", "s", "{oci: {}}"), &["203 4 spec.oci", "205 4 spec: `spec.git` is missing"]);
}

/// Makes the document of a kind that has `entry` at one place of the table, and nothing else.
struct Place {
    kind: Kind,
    path: String,
    before: String,
    after: String,
}

impl Place {
    fn below(&self, name: &str, (open, close): (&str, &str)) -> Self {
        let path = format!("{}.{name}{}", self.path, if open == "[" { "[0]" } else { "" });
        let (before, after) = (format!("{}{{{name}: {open}", self.before), format!("{close}}}{}", self.after));
        Self { kind: self.kind, path, before, after }
    }

    /// Has found, at this field and with the right file and line, what an entry is refused for.
    fn refuses(&self, field: &str, entry: &str, code: Code, says: &str) {
        let text = document(self.kind.name(), "x", &format!("{}{{{entry}}}{}", self.before, self.after));
        let field = format!("{}.{field}", self.path);
        let found = load_files(&[("fleet/a.yaml", &text)]).expect_err(&text);
        let found = found.iter().find(|found| found.code == code && found.location.field.as_ref() == Some(&field));
        let found = found.unwrap_or_else(|| panic!("nothing at {field} in\n{text}"));
        let (file, line) = (found.location.file.as_deref(), found.location.line);
        assert_eq!((file, line), (Some("fleet/a.yaml"), Some(4)), "{text}");
        let help = found.help.clone().unwrap_or_default();
        assert!(!help.is_empty() && format!("{} {help}", found.message).contains(says), "{found}\n{text}");
    }

    fn visit(&self, fields: &[Field], seen: &mut usize) {
        for field in fields {
            *seen += 1;
            let name = field.name;
            if field.presence == Presence::Later {
                self.refuses(name, &format!("{name}: {{}}"), codes::LATER, "is not supported yet");
                continue;
            }
            self.refuses(&format!("{name}x"), &format!("{name}x: 1"), codes::UNKNOWN_FIELD, &format!("`{name}`"));
            let wrong = match field.shape {
                Shape::Text(_) => "[]",
                Shape::Boolean | Shape::List { .. } | Shape::Map { .. } | Shape::Record(_) | Shape::Choice(_) => "text",
            };
            self.refuses(name, &format!("{name}: {wrong}"), codes::TYPE, "write");
            match &field.shape {
                Shape::Record(fields) | Shape::Choice(fields) => self.below(name, ("", "")).visit(fields, seen),
                Shape::List { of: Shape::Record(fields), .. } => self.below(name, ("[", "]")).visit(fields, seen),
                Shape::Text(_) | Shape::Boolean | Shape::List { .. } | Shape::Map { .. } => {}
            }
        }
    }
}

#[test]
fn every_field_of_every_kind_is_refused_when_misspelled_mistyped_or_not_supported_yet() {
    let mut seen = 0;
    for kind in Kind::ALL {
        let place = Place { kind, path: "spec".into(), before: String::new(), after: String::new() };
        place.visit(kind.spec(), &mut seen);
    }
    assert!(seen >= 40, "{seen} fields were tried");
    for kind in LATER_KINDS {
        let expected = format!("203 2 kind: kind `{kind}` is not supported yet");
        refused(&document(kind, "x", "{}"), &[expected.as_str()]);
    }
}

#[test]
fn names_must_lead_somewhere_and_stand_once() {
    let good = source("url: \"https://h/x\", ref: {branch: main}");
    let web = document("Application", "web", "{sources: [{from: shp}]}");
    refused(&format!("{good}---\n{web}"), &["210 9 spec.sources[0].from: no Source is called `shp`"]);
    refused(
        &document("ClusterGroup", "g", "{selector: {}, applications: [web]}"),
        &["211 4 spec.applications[0]: no Application is called `web` (declare it with `kind: Application`"],
    );
    refused(
        &format!("{good}---\n{good}"),
        &["209 8 metadata.name: Source `s` is declared twice: here and in a.yaml:3"],
    );
}

#[test]
fn a_document_with_errors_still_declares_its_name() {
    let bad = source("url: \"https://h/x\", ref: {branch: main}, colour: red");
    let web = document("Application", "web", "{sources: [{from: s}]}");
    refused(&format!("{bad}---\n{web}"), &["204 4 spec.git.colour"]);
}

#[test]
fn all_errors_of_all_files_are_told() {
    let found = load_files(&[
        ("a.yaml", "apiVersion: v1\nkind: ConfigMap\n"),
        ("b/c.yaml", "a: [\n"),
        ("b/d.yaml", "apiVersion: skerry.dev/v1\nkind: Source\n"),
        ("b/kustomization.yaml", "resources: []\n"),
        (".github/ci.yaml", "on: push\n"),
        ("empty.yaml", "# nothing\n"),
    ]);
    let found = found.expect_err("refused");
    let codes: Vec<Code> = found.iter().map(|found| found.code).collect();
    assert_eq!(codes, [codes::FOREIGN, codes::NOT_YAML, codes::FOREIGN, codes::FOREIGN]);
    assert!(found.iter().all(|found| found.help.is_some() && found.location.repository.is_some()), "{found:#?}");
    assert!(found[2].help.as_ref().is_some_and(|help| help.contains(schema::API_VERSION)));
}

#[test]
fn an_empty_fleet_is_a_mistake() {
    for (files, path) in [(vec![("README.md", "x")], ""), (vec![("a.yaml", SHOP)], "fleet")] {
        let found = load(&tree(&files), path, &Location::default()).expect_err("refused");
        assert!(matches!(found[0].code, codes::EMPTY | codes::UNREADABLE), "{found:?}");
    }
}

#[test]
fn links_are_named_and_not_followed() {
    let mut tree = tree(&[("fleet/a.yaml", SHOP)]);
    tree.insert_symlink("fleet/b.yaml", "../../etc/passwd");
    let found = load(&tree, "fleet", &Location::default()).expect_err("refused");
    assert_eq!(found.iter().map(|found| found.code).collect::<Vec<_>>(), [codes::LINK]);
}

#[test]
fn an_anchor_bomb_and_deep_nesting_are_refused() {
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..9 {
        let last = format!("*a{}", level - 1);
        bomb.push_str(&format!("a{level}: &a{level} [{}]\n", vec![last; 10].join(", ")));
    }
    for text in [bomb, format!("a: {}1{}\n", "[".repeat(500), "]".repeat(500))] {
        let found = load_files(&[("a.yaml", &text)]).expect_err("refused");
        assert_eq!(found[0].code, codes::NOT_YAML);
    }
}

#[test]
fn a_path_may_be_one_file() {
    assert!(load(&tree(&[("f/a.yaml", SHOP), ("f/b.yaml", "x: 1")]), "f/a.yaml", &Location::default()).is_ok());
    assert!(load(&tree(&[("f/a.yaml", SHOP)]), "./", &Location::default()).is_err());
    assert!(load(&tree(&[("f/a.yaml", SHOP)]), ".", &Location::default()).is_ok());
}

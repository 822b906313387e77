use super::*;

struct Row;

impl Filterable for Row {
    const FIELDS: &'static [&'static str] = &["name", "sync", "group", "drift", "reason"];
    const LABELLED: bool = true;

    fn values(&self, field: &str) -> Vec<String> {
        let values: &[&str] = match field {
            "name" => &["edge-01"],
            "sync" => &["failed"],
            "group" => &["a", "b"],
            "drift" => &["3"],
            _ => &[],
        };
        values.iter().map(|value| (*value).to_owned()).collect()
    }

    fn label(&self, key: &str) -> Option<&str> {
        match key {
            "env" => Some("prod"),
            "example.com/site" => Some(""),
            _ => None,
        }
    }
}

fn check(text: &str, expected: bool) {
    let filter = Filter::parse::<Row>(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    assert_eq!(filter.matches(&Row), expected, "{text}");
}

#[test]
fn terms_are_judged() {
    check("", true);
    check("  ", true);
    check("name=edge-01", true);
    check("name == edge-01 , sync != current", true);
    check("sync!=failed", false);
    check("group=b", true);
    check("group!=b", false);
    check("group!=c", true);
    check("group in (c, a)", true);
    check("group notin (c,d)", true);
    check("group notin(a)", false);
    check("drift>2,drift<=3", true);
    check("drift<3", false);
    check("drift>=-1", true);
    check("name>1", false);
    check("reason", false);
    check("!reason,name", true);
    check("name=\"edge-01\"", true);
    check("name in (\"a, b)\",edge-01)", true);
}

#[test]
fn labels_are_fields_too() {
    check("label.env=prod", true);
    check("label.env in (lab,prod)", true);
    check("label.example.com/site", true);
    check("label.example.com/site=", true);
    check("!label.canary,label.canary!=true", true);
    let check =
        |text: &str, expected| assert_eq!(Filter::parse_labels::<Row>(text).expect(text).matches(&Row), expected);
    check("env=prod,example.com/site", true);
    check("env!=prod", false);
    let both = Filter::parse_labels::<Row>("env=prod").unwrap().and(Filter::parse::<Row>("sync=current").unwrap());
    assert!(!both.matches(&Row));
}

#[test]
fn mistakes_are_named() {
    let check = |text: &str, expected: &str| {
        let error = Filter::parse::<Row>(text).expect_err(text);
        let shown = error.diagnostic().to_string();
        assert!(shown.contains(expected), "{text}: {shown}");
    };
    check("snyc=failed", "did you mean `sync`?");
    check("zzzzz=1", "known here: `name`");
    check("name=a b", "at character 8 of the filter `,` or the end is needed");
    check("name in a", "at character 9 of the filter `(`");
    check("name in (a", "`,` or `)`");
    check("name=a,", "a field is needed");
    check("=a", "at character 1");
    check("name=\"a", "a closing");
    check("drift>x", "`x` is not a whole number");
    check("label.a b", "`,` or the end");
    check("label.-=1", "label key");
    check(&"name,".repeat(100), "too long");
    check(&"n".repeat(5000), "too long");
}

/// A row of a cluster.
struct OnCluster;

impl Filterable for OnCluster {
    const FIELDS: &'static [&'static str] = &["name"];
    const LABELLED: bool = true;

    fn values(&self, _: &str) -> Vec<String> {
        Vec::new()
    }
}

/// A row without labels.
struct Plain;

impl Filterable for Plain {
    const FIELDS: &'static [&'static str] = &["name"];

    fn values(&self, _: &str) -> Vec<String> {
        Vec::new()
    }
}

#[test]
fn labels_of_a_cluster_count_for_its_rows_and_are_refused_where_there_are_none() {
    let labels = BTreeMap::from([("env".to_owned(), "prod".to_owned())]);
    let check = |text: &str, of_cluster: Option<&BTreeMap<String, String>>, expected: bool| {
        let filter = Filter::parse_labels::<OnCluster>(text).expect("a selector");
        assert_eq!(filter.matches_on(&OnCluster, of_cluster), expected, "{text}");
    };
    check("env=prod", Some(&labels), true);
    check("env!=prod", Some(&labels), false);
    check("env=prod", None, false);
    check("!env", None, true);
    assert_eq!(Filter::parse_labels::<Plain>("env=prod").err(), Some(FilterError::NoLabels));
    assert_eq!(Filter::parse::<Plain>("label.env=prod").err(), Some(FilterError::NoLabels));
    assert_eq!(Filter::parse_labels::<Plain>("").err(), None);
}

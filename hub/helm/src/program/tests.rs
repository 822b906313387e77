//! With a stand-in for Helm, a script that shows its arguments; with Helm itself: `tests/e2e/charts.rs`.

use std::fs;
use std::path::Path;

use super::*;

fn stand_in(folder: &Path) -> HelmSettings {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../common/render/testcharts/helm");
    HelmSettings::new(program.canonicalize().expect("the stand-in"), folder.join("helm"))
}

fn request(files: &[(&str, &str)]) -> ChartRequest {
    let files = files.iter().map(|(path, content)| ((*path).to_owned(), content.as_bytes().to_vec())).collect();
    ChartRequest {
        name: "web".to_owned(),
        files,
        release_name: "rel".to_owned(),
        namespace: "shop".to_owned(),
        name_template: String::new(),
        values: vec![b"a: 1\n".to_vec(), b"b: 2\n".to_vec()],
        api_versions: Vec::new(),
        kube_version: String::new(),
        flags: Vec::new(),
    }
}

fn chart(repo: &str, version: &str) -> ChartSource {
    ChartSource { name: "db".to_owned(), repo: repo.to_owned(), version: version.to_owned(), is_devel: false }
}

fn words(settings: HelmSettings, request: &ChartRequest) -> String {
    let printed = HelmProgram::new(settings).template(request).expect("renders");
    String::from_utf8(printed).expect("text")
}

#[test]
fn a_chart_is_rendered_and_leaves_nothing_behind() {
    let folder = tempfile::tempdir().expect("a folder");
    let printed = words(stand_in(folder.path()), &request(&[("templates/out.yaml", "made: true\n")]));
    assert!(printed.contains("words: \"template rel CHART --namespace shop -f FILE -f FILE\""), "{printed}");
    assert!(printed.contains("    b: 2\n") && printed.ends_with("made: true\n"), "{printed}");
    assert_eq!(fs::read_dir(folder.path().join("helm/calls")).expect("a folder").count(), 0);
}

#[test]
fn defaults_hold_where_a_chart_says_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let defaults = ChartDefaults {
        api_versions: vec!["a/v1".to_owned()],
        kube_version: "1.30".to_owned(),
        flags: vec![ChartFlag::Debug],
    };
    let settings = HelmSettings { defaults, ..stand_in(folder.path()) };
    let plain = request(&[("templates/out.yaml", "")]);
    let printed = words(settings.clone(), &plain);
    assert!(printed.contains("--api-versions a/v1 --kube-version 1.30 --debug\""), "{printed}");
    let own = ChartRequest {
        api_versions: vec!["b/v1".to_owned()],
        kube_version: "1.29".to_owned(),
        flags: vec![ChartFlag::Debug],
        ..plain
    };
    let printed = words(settings, &own);
    assert!(printed.contains("--api-versions b/v1 --kube-version 1.29 --debug\""), "{printed}");
}

#[test]
fn what_was_fetched_at_an_exact_version_is_kept() {
    let folder = tempfile::tempdir().expect("a folder");
    let online = HelmProgram::new(HelmSettings { fetch: Fetch::Anything, ..stand_in(folder.path()) });
    let away = HelmSettings { program: "/nowhere/helm".into(), fetch: Fetch::Anything, ..stand_in(folder.path()) };
    let away = HelmProgram::new(away);
    let exact = chart("https://charts.example", "1.0.0");
    let files = online.pull(&exact).expect("pulls");
    let paths: Vec<_> = files.iter().map(|(path, _)| path.as_str()).collect();
    assert_eq!(paths, ["templates/out.yaml", "values.yaml"]);
    assert_eq!(away.pull(&exact).expect("kept"), files);
    let moving = chart("https://charts.example", "^1.0");
    online.pull(&moving).expect("pulls");
    assert!(matches!(away.pull(&moving), Err(ChartError::Unavailable(_))), "kept, and may be another one by now");
    assert!(matches!(away.pull(&chart("https://other.example", "1.0.0")), Err(ChartError::Unavailable(_))));
    // Half of it, as after a power cut.
    let kept = folder.path().join("helm/charts");
    let place = fs::read_dir(&kept).expect("a folder").flatten().find(|entry| entry.path().is_dir()).expect("a chart");
    fs::write(place.path().join("values.yaml"), "").expect("written");
    assert!(away.pull(&exact).is_err());
    assert_eq!(online.pull(&exact).expect("pulls anew"), files);
    assert_eq!(away.pull(&exact).expect("kept again"), files);
}

#[test]
fn only_exact_versions_below_allowed_addresses_are_fetched() {
    let folder = tempfile::tempdir().expect("a folder");
    let fetch = Fetch::Pinned(vec!["https://charts.example/team/".to_owned(), "oci://registry.example".to_owned()]);
    let helm = HelmProgram::new(HelmSettings { fetch, ..stand_in(folder.path()) });
    let check = |repo: &str, version: &str, expected: Option<&str>| {
        let said = helm.pull(&chart(repo, version)).err().map(|error| error.to_string());
        assert_eq!(said.as_deref(), expected, "{repo} {version}");
    };
    let elsewhere = Some(
        "the operator does not allow it: repositories of charts that may be fetched from: \
         `https://charts.example/team/`, `oci://registry.example`",
    );
    let moving = Some("the operator does not allow it: `version` must be exact, such as `1.2.3`");
    check("https://charts.example/team", "1.2.3", None);
    check("https://charts.example/team/sub/", "v1.2.3-rc.1", None);
    check("oci://registry.example/charts", "1.2.3", None);
    check("https://charts.example/teams", "1.2.3", elsewhere);
    check("https://charts.example/team/../other", "1.2.3", elsewhere);
    check("https://charts.example/team/@evil.example", "1.2.3", elsewhere);
    check("http://charts.example/team", "1.2.3", elsewhere);
    check("https://charts.example/team", "", moving);
    check("https://charts.example/team", "1.2", moving);
    check("https://charts.example/team", ">=1", moving);
}

#[test]
fn failures_are_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let helm = HelmProgram::new(stand_in(folder.path()));
    let refused = helm.template(&request(&[])).expect_err("no templates");
    assert!(matches!(&refused, ChartError::Refused { said } if said.contains("out.yaml")), "{refused:?}");
    let escapes = helm.template(&request(&[("../x", "")])).expect_err("leads out");
    assert!(matches!(escapes, ChartError::Unavailable(_)));
    let anything = HelmProgram::new(HelmSettings { fetch: Fetch::Anything, ..stand_in(folder.path()) });
    let outside = ChartSource { name: "../x".to_owned(), ..chart("https://charts.example", "1.0.0") };
    assert!(matches!(anything.pull(&outside), Err(ChartError::Unavailable(_))));
    let missing = HelmProgram::new(HelmSettings { program: "/nowhere/helm".into(), ..stand_in(folder.path()) });
    assert!(matches!(missing.template(&request(&[])), Err(ChartError::Unavailable(_))));
}

//! Cases of `testcharts`: what `kustomize build --enable-helm` 5.8.2 prints with the stand-in
//! `testcharts/helm`, and the same stand-in here. No real Helm takes part.

use std::path::Path;
use std::sync::Arc;

use super::cases;
use super::{shown, tree};
use crate::{
    Allowed, ChartError, ChartRenderer, ChartRequest, ChartSource, MemoryTree, RenderLimits, build_allowed,
    build_documents, print_documents,
};

/// Says what it was called with, and gives `templates/out.yaml` of the chart.
#[derive(Debug)]
struct StandIn;

impl ChartRenderer for StandIn {
    fn pull(&self, chart: &ChartSource) -> Result<Vec<(String, Vec<u8>)>, ChartError> {
        assert_eq!(
            chart.arguments("F").get(..4),
            Some(["pull", "--untar", "--untardir", "F"].map(str::to_owned).as_slice())
        );
        let out = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: pulled}\n";
        let files = [("values.yaml", "pulled: true\n"), ("templates/out.yaml", out)];
        Ok(files.map(|(path, content)| (path.to_owned(), content.as_bytes().to_vec())).to_vec())
    }

    fn template(&self, request: &ChartRequest) -> Result<Vec<u8>, ChartError> {
        let file = |wanted: &str| {
            let found = request.files.iter().find(|(path, _)| path == wanted);
            found.map(|(_, content)| String::from_utf8_lossy(content).into_owned()).unwrap_or_default()
        };
        let names = vec!["FILE".to_owned(); request.values.len()];
        let words = request.arguments("CHART", &names).join(" ");
        let mut text = file("noise");
        text.push_str(&format!(
            "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: call-{}}}\ndata:\n",
            request.name
        ));
        text.push_str(&format!("  words: \"{words}\"\n"));
        for (index, values) in request.values.iter().enumerate() {
            text.push_str(&format!("  values-{index}: |\n"));
            String::from_utf8_lossy(values).lines().for_each(|line| text.push_str(&format!("    {line}\n")));
        }
        text.push_str(&format!("---\n{}", file("templates/out.yaml")));
        Ok(text.into_bytes())
    }
}

#[test]
fn charts_give_what_kustomize_gives() {
    let allowed = Allowed { charts: Some(Arc::new(StandIn)), ..Allowed::default() };
    let mut problems = String::new();
    let cases = cases::below(&Path::new(env!("CARGO_MANIFEST_DIR")).join("testcharts"));
    assert!(!cases.is_empty());
    for case in cases {
        let mut tree = MemoryTree::new();
        case.files.iter().for_each(|(path, content)| tree.insert(path.clone(), content));
        let ours = build_allowed(&tree, "in", RenderLimits::default(), &allowed);
        let ours = ours.and_then(|documents| print_documents(&documents));
        match (ours, &case.expected) {
            (Ok(ours), Some(expected)) if ours == *expected => {}
            (Err(_), None) => {}
            (Ok(ours), expected) => {
                let expected = expected.as_deref().unwrap_or("(refused)");
                problems.push_str(&format!("{}:\n--- ours\n{ours}--- expected\n{expected}\n", case.name));
            }
            (Err(why), Some(_)) => problems.push_str(&format!("{} is refused:\n{}", case.name, shown(&why))),
        }
    }
    assert!(problems.is_empty(), "{problems}");
}

#[test]
fn charts_are_refused_unless_allowed() {
    let check = |content: &str, expected: &str| {
        let tree = tree(&[("k/kustomization.yaml", content), ("k/charts/web/values.yaml", "a: b\n")]);
        let problems = build_documents(&tree, "k", RenderLimits::default()).expect_err("refused");
        let message = shown(&problems);
        assert!(message.starts_with(expected), "{content}\ngives {message}\nnot   {expected}");
    };
    check(
        "helmCharts:\n- {name: web}\n",
        "error[SK0474]: the Helm chart `web` is not rendered: Helm is not enabled\n  --> k/kustomization.yaml:2 (helmCharts[0])\n",
    );
    check(
        "generators:\n- '{apiVersion: builtin, kind: HelmChartInflationGenerator, metadata: {name: x}, name: web}'\n",
        "error[SK0474]: the Helm chart `web`",
    );
    check(
        "helmGlobals: {configHome: /etc}\nhelmCharts:\n- {name: web}\n",
        "error[SK0475]: `configHome` cannot be chosen by a source: helm is set up by the operator\n  --> k/kustomization.yaml:1 (helmGlobals.configHome)\n",
    );
}

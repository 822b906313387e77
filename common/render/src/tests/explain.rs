//! What a field's history says.

use super::{shown, tree};
use crate::{Asked, Explained, MemoryTree, RenderLimits, explain};

fn asked(tree: &MemoryTree, kind: &str, name: &str, field: &str) -> Explained {
    let asked = Asked { kind: kind.to_owned(), name: name.to_owned(), field: field.to_owned() };
    let mut explained = explain(tree, "overlay", RenderLimits::default(), &asked)
        .unwrap_or_else(|problems| panic!("{}", shown(&problems)));
    assert_eq!(explained.len(), 1);
    explained.remove(0)
}

fn shop() -> MemoryTree {
    tree(&[
        ("base/kustomization.yaml", "resources: [web.yaml]\nreplicas:\n- {name: web, count: 2}\n"),
        (
            "base/web.yaml",
            "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\nspec:\n  replicas: 1\n  template:\n    spec:\n      \
             containers:\n      - name: main\n        image: nginx:1\n",
        ),
        (
            "overlay/kustomization.yaml",
            "resources: [../base]\nnamePrefix: p-\nimages:\n- {name: nginx, newTag: \"2\"}\npatches:\n- path: patch.yaml\n\
             secretGenerator:\n- name: s\n  literals: [password=hunter2]\n",
        ),
        (
            "overlay/patch.yaml",
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  replicas: 3\n  template:\n    spec:\n      \
             containers:\n      - name: side\n        image: nginx:1\n",
        ),
    ])
}

#[test]
fn each_field_names_who_set_it_and_whom_it_overrode() {
    let check = |field: &str, expected: &[(&str, &str, &str)]| {
        let explained = asked(&shop(), "deployment", "p-web", field);
        let [found] = explained.fields.as_slice() else { panic!("one field: {explained:?}") };
        let settings = std::iter::once(&found.set_by).chain(&found.overrode);
        let settings: Vec<(&str, String, &str)> =
            settings.map(|by| (by.step.as_str(), by.at.to_string(), by.value.as_deref().unwrap_or("-"))).collect();
        let settings: Vec<_> = settings.iter().map(|(step, at, value)| (*step, at.as_str(), *value)).collect();
        assert_eq!(settings, expected, "{field}");
    };
    check(
        "/spec/replicas",
        &[
            ("PatchTransformer", "overlay/patch.yaml:5", "3"),
            ("ReplicaCountTransformer", "base/kustomization.yaml:2 (replicas)", "2"),
            ("Resource", "base/web.yaml:6", "1"),
        ],
    );
    check(
        "/metadata/name",
        &[
            ("PrefixTransformer", "overlay/kustomization.yaml:2 (namePrefix)", "p-web"),
            ("Resource", "base/web.yaml:4", "web"),
        ],
    );
    check("/kind", &[("Resource", "base/web.yaml:2", "Deployment")]);
    let fields = asked(&shop(), "Deployment", "p-web", "/spec/template/spec/containers").fields;
    let images: Vec<_> = fields.iter().filter(|field| field.field.ends_with("/image")).collect();
    for image in images {
        assert_eq!(image.set_by.step, "ImageTagTransformer", "{image:?}");
        let side = image.overrode[0].at.to_string();
        assert!(["overlay/patch.yaml:10", "base/web.yaml:11"].contains(&side.as_str()), "{side}");
    }
}

#[test]
fn of_secrets_only_places_are_told() {
    let tree = shop();
    let asked = Asked { kind: "Secret".to_owned(), name: "x".to_owned(), field: String::new() };
    let problems = explain(&tree, "overlay", RenderLimits::default(), &asked).expect_err("no such name");
    let help = problems[0].help.clone().unwrap_or_default();
    let built = crate::build_kustomization(&tree, "overlay", RenderLimits::default()).expect("it builds");
    let name = built.names().into_iter().find_map(|name| name.strip_prefix("Secret/").map(str::to_owned));
    let asked = Asked { name: name.expect("a Secret"), ..asked };
    let explained = explain(&tree, "overlay", RenderLimits::default(), &asked).expect("explained");
    let text = serde_json::to_string(&explained).expect("JSON");
    assert!(!text.contains("aHVudGVyMg") && !text.contains("hunter2") && !text.contains("\"value\""), "{text}");
    assert!(text.contains("SecretGenerator") && help.contains("-o name"), "{text} {help}");
}

//! What a field's history says.

use super::{shown, tree};
use std::collections::BTreeMap;

use skerry_common::object::ObjectKey;

use crate::{Allowed, Asked, Explained, MemoryTree, RenderLimits, RenderRequest, explain, explain_rendered, render};

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

#[test]
fn renders_are_explained_with_variables_and_the_default_namespace() {
    let tree = tree(&[
        (
            "apps/web.yaml",
            "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\nspec:\n  replicas: ${REPLICAS}\nstatus: {x: y}\n",
        ),
        ("apps/more/kustomization.yaml", "resources: [map.yaml]\nnamePrefix: p-\n"),
        (
            "apps/more/map.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {size: \"${REPLICAS} of 5\"}\n",
        ),
    ]);
    let variables = BTreeMap::from([("REPLICAS".to_owned(), "3".to_owned())]);
    let request = RenderRequest { namespace: Some("shop"), variables: Some(&variables), ..RenderRequest::new("apps") };
    let rendered = render(&tree, &request).expect("it renders");
    let check = |kind: &str, group: &str, name: &str, expected: &[(&str, &str, &str, &str)]| {
        let (kind, group, name) = (kind.to_owned(), group.to_owned(), name.to_owned());
        let key = ObjectKey { group, kind, namespace: Some("shop".to_owned()), name };
        let found =
            explain_rendered(&tree, &request, &Allowed::default(), &key, "").expect("explained").expect("there");
        let object = rendered.objects.iter().find(|object| object.key == key);
        assert_eq!(Some(&found.object), object, "another object than the render gives");
        let text = |field: &crate::ExplainedField| {
            let overrode = field.overrode.iter().map(|by| format!("{} {}", by.step, by.at));
            let overrode = overrode.collect::<Vec<_>>().join(", ");
            (
                field.field.clone(),
                format!("{} {}", field.set_by.step, field.set_by.at),
                field.set_by.value.clone().unwrap_or_default(),
                overrode,
            )
        };
        let fields: Vec<_> = found.explained.fields.iter().map(text).collect();
        let fields: Vec<_> =
            fields.iter().map(|(a, b, c, d)| (a.as_str(), b.trim_end(), c.as_str(), d.as_str())).collect();
        assert_eq!(fields, expected);
    };
    check(
        "Deployment",
        "apps",
        "web",
        &[
            ("/apiVersion", "Resource apps/web.yaml:1", "apps/v1", ""),
            ("/kind", "Resource apps/web.yaml:2", "Deployment", ""),
            ("/metadata/name", "Resource apps/web.yaml:4", "web", ""),
            ("/metadata/namespace", "DefaultNamespace", "shop", ""),
            ("/spec/replicas", "Variables apps/web.yaml:6", "3", "Resource apps/web.yaml:6"),
        ],
    );
    check(
        "ConfigMap",
        "",
        "p-a",
        &[
            ("/apiVersion", "Resource apps/more/map.yaml:1", "v1", ""),
            ("/kind", "Resource apps/more/map.yaml:2", "ConfigMap", ""),
            (
                "/metadata/name",
                "PrefixTransformer apps/more/kustomization.yaml:2 (namePrefix)",
                "p-a",
                "Resource apps/more/map.yaml:3",
            ),
            ("/metadata/namespace", "DefaultNamespace", "shop", ""),
            ("/data/size", "Variables apps/more/map.yaml:4", "3 of 5", "Resource apps/more/map.yaml:4"),
        ],
    );
    let missing = ObjectKey { group: String::new(), kind: "ConfigMap".into(), namespace: None, name: "p-a".into() };
    assert!(explain_rendered(&tree, &request, &Allowed::default(), &missing, "").expect("explained").is_none());
}

//! Measures builds in one process, as the hub makes them: `cargo run --release -p skerry-render --example speed`.
//!
//! Prints a figure a line: name, value, unit. The trees are those of `tests/benchmarks/kustomize.rs`.

#![expect(clippy::print_stdout, reason = "figures are the output")]

use std::time::Instant;

use skerry_render::{
    Memo, MemoryTree, RenderLimits, RenderRequest, Renderer, build_kustomization, build_kustomization_with,
};

/// Overlays over the one base.
const OVERLAYS: usize = 1_000;

/// Five objects that refer to each other.
fn application(number: usize) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: app-{number}\n  labels: {{app: app-{number}}}\nspec:\n  \
         replicas: 2\n  selector:\n    matchLabels: {{app: app-{number}}}\n  template:\n    metadata:\n      labels: \
         {{app: app-{number}}}\n    spec:\n      serviceAccountName: app-{number}\n      containers:\n      - name: \
         main\n        image: registry.example/app-{number}:1.0\n        env:\n        - name: MODE\n          \
         valueFrom: {{configMapKeyRef: {{name: app-{number}, key: mode}}}}\n        - {{name: LEVEL, value: \"3\"}}\n        \
         ports:\n        - {{name: http, containerPort: 8080, protocol: TCP}}\n        resources:\n          requests: \
         {{cpu: 100m, memory: 64Mi}}\n          limits: {{memory: 128Mi}}\n        readinessProbe:\n          httpGet: \
         {{path: /healthz, port: http}}\n        volumeMounts:\n        - {{name: config, mountPath: /etc/app}}\n      \
         volumes:\n      - name: config\n        configMap: {{name: app-{number}}}\n---\napiVersion: v1\nkind: \
         Service\nmetadata:\n  name: app-{number}\nspec:\n  selector: {{app: app-{number}}}\n  ports:\n  - {{name: http, \
         port: 80, targetPort: http}}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: app-{number}\ndata:\n  \
         mode: production\n  app.conf: |\n    listen 8080\n    upstream app-{number}.svc\n    timeout 30\n---\napiVersion: \
         v1\nkind: ServiceAccount\nmetadata:\n  name: app-{number}\n---\napiVersion: networking.k8s.io/v1\nkind: \
         Ingress\nmetadata:\n  name: app-{number}\nspec:\n  rules:\n  - host: app-{number}.example\n    http:\n      \
         paths:\n      - path: /\n        pathType: Prefix\n        backend: {{service: {{name: app-{number}, port: \
         {{name: http}}}}}}\n"
    )
}

fn overlay(number: usize) -> String {
    format!(
        "resources:\n- ../../base\nnamespace: team-{number}\nnamePrefix: o{number}-\nlabels:\n- pairs: {{team: \
         t{number}}}\n  includeSelectors: true\nimages:\n- name: registry.example/app-0\n  newTag: \
         \"2.{number}\"\npatches:\n- path: patch.yaml\nconfigMapGenerator:\n- name: extra\n  literals: [a=b, o={number}]\n"
    )
}

fn patch(replicas: usize) -> String {
    format!("apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: app-0}}\nspec: {{replicas: {replicas}}}\n")
}

fn tree(objects: usize, overlays: usize) -> MemoryTree {
    let mut tree = MemoryTree::new();
    let mut resources = String::from("resources:\n");
    for number in 0..objects.div_ceil(5) {
        tree.insert(format!("base/app-{number}.yaml"), application(number));
        resources.push_str(&format!("- app-{number}.yaml\n"));
    }
    tree.insert("base/kustomization.yaml", resources);
    for number in 0..overlays {
        tree.insert(format!("overlays/o{number}/kustomization.yaml"), overlay(number));
        tree.insert(format!("overlays/o{number}/patch.yaml"), patch(number % 5 + 1));
    }
    tree
}

/// Milliseconds of one core that something takes: what else the machine does is not counted.
fn time<T>(what: impl FnOnce() -> T) -> (f64, T) {
    let (began, cpu) = (Instant::now(), on_cpu());
    let done = what();
    let nanoseconds = on_cpu().zip(cpu).map(|(after, before)| (after - before) as f64);
    (nanoseconds.unwrap_or_else(|| began.elapsed().as_secs_f64() * 1e9) / 1e6, done)
}

/// Nanoseconds that this thread has run, where Linux tells.
fn on_cpu() -> Option<u64> {
    std::fs::read_to_string("/proc/thread-self/schedstat").ok()?.split(' ').next()?.parse().ok()
}

fn figure(name: &str, milliseconds: f64) {
    println!("{name} {milliseconds:.3} ms");
}

fn one(objects: usize) {
    let tree = tree(objects, 1);
    let limits = RenderLimits::default();
    let build = || build_kustomization(&tree, "overlays/o0", limits).expect("it builds");
    build();
    let best = |what: &dyn Fn()| (0..5).map(|_| time(what).0).fold(f64::MAX, f64::min);
    figure(&format!("build-{objects}"), best(&|| drop(build())));
    let built = build();
    figure(&format!("print-{objects}"), best(&|| drop(built.yaml())));
}

fn all_printed(tree: &MemoryTree, memo: &Memo) -> usize {
    let limits = RenderLimits::default();
    (0..OVERLAYS)
        .map(|number| {
            let path = format!("overlays/o{number}");
            let built = build_kustomization_with(memo, tree, &path, limits).expect("it builds");
            built.yaml().expect("YAML").len()
        })
        .sum()
}

fn all_rendered(tree: &MemoryTree, renderer: &mut Renderer) -> usize {
    (0..OVERLAYS)
        .map(|number| {
            let path = format!("overlays/o{number}");
            renderer.render(tree, &RenderRequest::new(&path)).expect("it renders").objects.len()
        })
        .sum()
}

fn many() {
    let mut tree = tree(10, OVERLAYS);
    let memo = Memo::new();
    figure("overlays-print-cold", time(|| all_printed(&tree, &memo)).0);
    figure("overlays-print-again", time(|| all_printed(&tree, &memo)).0);
    let mut renderer = Renderer::default();
    figure("overlays-render-cold", time(|| all_rendered(&tree, &mut renderer)).0);
    tree.insert("overlays/o7/patch.yaml", patch(9));
    skerry_render::SourceTree::entry(&tree, "").expect("a root");
    figure("overlays-render-one-changed", time(|| all_rendered(&tree, &mut renderer)).0);
    tree.insert("base/app-1.yaml", application(1).replace("production", "staging"));
    skerry_render::SourceTree::entry(&tree, "").expect("a root");
    figure("overlays-render-base-changed", time(|| all_rendered(&tree, &mut renderer)).0);
    figure("overlays-render-nothing-changed", time(|| all_rendered(&tree, &mut renderer)).0);
}

fn main() {
    for objects in [10, 100, 1_000, 5_000] {
        one(objects);
    }
    many();
}

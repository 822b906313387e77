//! The trees that are built: applications in a base, overlays over it.

use skerry_render::MemoryTree;

/// Five objects that refer to each other.
pub(crate) fn application(number: usize) -> String {
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

/// Three large objects, as every cluster gets some: a custom kind, dashboards, and what shows them.
fn monitoring() -> String {
    let property = |number: usize| {
        format!(
            "              field{number}:\n                type: string\n                description: What the part \
             number {number} of a probe looks at, and how often; empty for what its kind has by default.\n"
        )
    };
    let panel = |number: usize| {
        format!(
            "      {{\"id\": {number}, \"type\": \"timeseries\", \"title\": \"Requests {number}\", \"targets\": \
             [{{\"expr\": \"sum(rate(http_requests_total{{code=~\\\"{number}..\\\"}}[5m])) by (pod)\"}}]}},\n"
        )
    };
    let variable = |number: usize| format!("        - {{name: OPTION_{number}, value: \"value of {number}\"}}\n");
    let (properties, panels, variables): (String, String, String) =
        ((0..40).map(property).collect(), (0..36).map(panel).collect(), (0..30).map(variable).collect());
    format!(
        "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata:\n  name: \
         probes.example.com\nspec:\n  group: example.com\n  scope: Namespaced\n  names: {{kind: Probe, plural: \
         probes}}\n  versions:\n  - name: v1\n    served: true\n    storage: true\n    schema:\n      openAPIV3Schema:\n        \
         type: object\n        properties:\n          spec:\n            type: object\n            \
         properties:\n{properties}---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: dashboards\ndata:\n  \
         requests.json: |\n    {{\"panels\": [\n{panels}      {{}}]}}\n---\napiVersion: apps/v1\nkind: \
         StatefulSet\nmetadata:\n  name: dashboards\nspec:\n  serviceName: app-0\n  selector:\n    matchLabels: {{app: \
         dashboards}}\n  template:\n    metadata:\n      labels: {{app: dashboards}}\n    spec:\n      containers:\n      - \
         name: main\n        image: registry.example/dashboards:1.0\n        env:\n{variables}        volumeMounts:\n        \
         - {{name: dashboards, mountPath: /dashboards}}\n      volumes:\n      - name: dashboards\n        configMap: \
         {{name: dashboards}}\n"
    )
}

fn overlay(number: usize) -> String {
    format!(
        "resources:\n- ../../base\nnamespace: team-{number}\nnamePrefix: o{number}-\nlabels:\n- pairs: {{team: \
         t{number}}}\n  includeSelectors: true\nimages:\n- name: registry.example/app-0\n  newTag: \
         \"2.{number}\"\npatches:\n- path: patch.yaml\nconfigMapGenerator:\n- name: extra\n  literals: [a=b, o={number}]\n"
    )
}

pub(crate) fn patch(replicas: usize) -> String {
    format!("apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: app-0}}\nspec: {{replicas: {replicas}}}\n")
}

/// A base of some objects, and overlays that each have one more.
pub(crate) fn tree(objects: usize, overlays: usize) -> MemoryTree {
    with_base((0..objects.div_ceil(5)).map(application), overlays)
}

/// A tree such as a platform team keeps: 14 objects and 18 KB come out of each overlay.
pub(crate) fn whole(overlays: usize) -> MemoryTree {
    with_base([application(0), application(1), monitoring()], overlays)
}

fn with_base(files: impl IntoIterator<Item = String>, overlays: usize) -> MemoryTree {
    let mut tree = MemoryTree::new();
    let mut resources = String::from("resources:\n");
    for (number, file) in files.into_iter().enumerate() {
        tree.insert(format!("base/app-{number}.yaml"), file);
        resources.push_str(&format!("- app-{number}.yaml\n"));
    }
    tree.insert("base/kustomization.yaml", resources);
    for number in 0..overlays {
        tree.insert(format!("overlays/o{number}/kustomization.yaml"), overlay(number));
        tree.insert(format!("overlays/o{number}/patch.yaml"), patch(number % 5 + 1));
    }
    tree
}

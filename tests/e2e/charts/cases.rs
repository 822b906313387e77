//! Trees with charts. Every one holds the same chart, at the places that it names.

/// One tree.
pub(super) struct Case<'a> {
    pub(super) name: &'a str,
    /// Where the chart lies.
    pub(super) charts: &'a [&'a str],
    /// All other files; `in` is built.
    pub(super) files: &'a [(&'a str, &'a str)],
    pub(super) options: &'a [&'a str],
    /// Whether upstream refuses it.
    pub(super) is_refused: bool,
}

const USUAL: &[&str] = &["in/charts/web"];

pub(super) const PLAIN: Case<'static> = Case { name: "", charts: USUAL, files: &[], options: &[], is_refused: false };

/// A chart that shows everything that it is told.
pub(super) const CHART: &[(&str, &str)] = &[
    (
        "Chart.yaml",
        "apiVersion: v2\nname: web\nversion: 1.2.3\nappVersion: \"4.5\"\nkubeVersion: \">=1.20.0-0\"\n\
         dependencies:\n- {name: sub, version: 0.1.0, repository: \"\", condition: sub.enabled}\n",
    ),
    (".helmignore", "*.ignored\n"),
    ("templates/broken.yaml.ignored", "{{ nonsense\n"),
    (
        "values.yaml",
        "# How many.\nreplicas: 1 # one\nimage: {name: nginx, tag: \"1.0\"}\nlist: [a, b]\nnamed:\n- name: one\n  value: \"1\"\n\
         - name: two\n  value: \"2\"\nempty: {}\nnothing: null\ntext: |\n  two\n  lines\nnumber: 0x10\nversion: \"010\"\nyes: \"yes\"\n\
         sub: {enabled: false}\nfail: false\n",
    ),
    ("templates/_helpers.tpl", "{{- define \"web.name\" -}}{{ .Release.Name }}-web{{- end -}}\n"),
    ("templates/NOTES.txt", "Thank you for {{ .Release.Name }}.\n"),
    ("templates/blank.yaml", "{{- if .Values.never }}\nkind: Nothing\n{{- end }}\n"),
    ("templates/comment.yaml", "# Nothing but a comment.\n"),
    (
        "templates/all.yaml",
        "{{- if .Values.fail }}{{ fail \"as asked\" }}{{ end }}\napiVersion: apps/v1\nkind: Deployment\nmetadata:\n  \
         name: {{ include \"web.name\" . }}\n  namespace: {{ .Release.Namespace }}\n  labels: {app: web, chart: \"{{ .Chart.Name }}-{{ .Chart.Version }}\"}\n\
         spec:\n  replicas: {{ .Values.replicas }}\n  selector: {matchLabels: {app: web}}\n  template:\n    metadata: {labels: {app: web}}\n    \
         spec:\n      containers:\n      - name: main\n        image: \"{{ .Values.image.name }}:{{ .Values.image.tag }}\"\n        \
         envFrom: [{configMapRef: {name: {{ include \"web.name\" . }}}}]\n---\n# Everything that it is told.\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  \
         name: {{ include \"web.name\" . }}\ndata:\n  values: {{ .Values | toJson | quote }}\n  kube: {{ .Capabilities.KubeVersion.Version | quote }}\n  \
         has: {{ .Capabilities.APIVersions.Has \"own.example/v1\" | quote }}\n  service: {{ .Release.Service }}\n  install: {{ .Release.IsInstall | quote }}\n  \
         version: {{ .Values.version }}\n  yes: {{ .Values.yes }}\n  text: {{ .Values.text | quote }}\n---\napiVersion: v1\nkind: Service\nmetadata: {name: {{ .Values.plain | default \"plain\" }}}\n\
         spec:\n  selector: {app: web}\n  ports:\n  - {port: 80, name: http}\n",
    ),
    (
        "templates/list.yaml",
        "apiVersion: v1\nkind: ConfigMapList\nitems:\n- apiVersion: v1\n  kind: ConfigMap\n  metadata: {name: in-{{ .Values.plain | default \"list\" }}, namespace: kept}\n  data: {a: b}\n",
    ),
    (
        "templates/hook.yaml",
        "apiVersion: batch/v1\nkind: Job\nmetadata:\n  name: hook\n  annotations: {\"helm.sh/hook\": pre-install}\nspec:\n  template:\n    spec: {restartPolicy: Never, containers: [{name: a, image: b}]}\n",
    ),
    (
        "templates/tests/test.yaml",
        "apiVersion: v1\nkind: Pod\nmetadata:\n  name: test\n  annotations: {\"helm.sh/hook\": test}\nspec: {containers: [{name: a, image: b}]}\n",
    ),
    (
        "crds/crd.yaml",
        "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: things.own.example}\nspec: {group: own.example}\n",
    ),
    ("charts/sub/Chart.yaml", "apiVersion: v2\nname: sub\nversion: 0.1.0\n"),
    ("charts/sub/values.yaml", "enabled: true\nsize: 3\n"),
    (
        "charts/sub/templates/map.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: sub}\ndata: {size: \"{{ .Values.size }}\"}\n",
    ),
];

const MORE: (&str, &str) = ("in/more.yaml", "replicas: 5\nadded: {deep: {er: 1}}\nlist: [c]\n");
const OTHER: (&str, &str) = ("in/other.yaml", "replicas: 6\nimage: {tag: other}\n");

macro_rules! cases {
    ($($name:literal $(charts $charts:expr;)? $(options $options:expr;)? $(refused $refused:literal;)? [$($file:expr),+ $(,)?];)+) => {
        pub(super) const CASES: &[Case<'static>] = &[$(Case {
            name: $name, files: &[$($file),+], $(charts: $charts,)? $(options: $options,)? $(is_refused: $refused,)? ..PLAIN
        }),+];
    };
}

/// A kustomization in `in`.
const fn built(text: &'static str) -> (&'static str, &'static str) {
    ("in/kustomization.yaml", text)
}

cases! {
    "plain" [built("helmCharts: [{name: web, releaseName: rel}]\n")];
    "namespace" [built("helmCharts: [{name: web, releaseName: rel, namespace: there}]\n")];
    "namespace of the kustomization" [built("namespace: shop\nhelmCharts: [{name: web, releaseName: rel}]\n")];
    "both namespaces" [built("namespace: shop\nhelmCharts: [{name: web, releaseName: rel, namespace: there}]\n")];
    "namespace of an overlay" charts &["base/charts/web"]; [
        built("namespace: shop\nresources: [../base]\n"),
        ("base/kustomization.yaml", "helmCharts: [{name: web, releaseName: rel}]\nconfigMapGenerator: [{name: g, literals: [a=b]}]\n"),
    ];
    "namespace over two floors" charts &["base/charts/web"]; [
        built("namespace: shop\nresources: [../middle]\n"),
        ("middle/kustomization.yaml", "resources: [../base]\nnamePrefix: m-\n"),
        ("base/kustomization.yaml", "helmCharts: [{name: web, releaseName: rel}]\n"),
    ];
    "values file" [built("helmCharts: [{name: web, releaseName: rel, valuesFile: mine.yaml}]\n"), ("in/mine.yaml", "replicas: 3\n")];
    "more values files" [
        built("helmCharts: [{name: web, releaseName: rel, additionalValuesFiles: [more.yaml, other.yaml]}]\n"), MORE, OTHER,
    ];
    "all values" [
        built("helmCharts:\n- name: web\n  releaseName: rel\n  valuesFile: mine.yaml\n  additionalValuesFiles: [more.yaml]\n  valuesInline: {replicas: 8, image: {tag: inline}}\n"),
        MORE, ("in/mine.yaml", "replicas: 3\nimage: {name: own, tag: mine}\n"),
    ];
    "inline overrides" [built("helmCharts:\n- name: web\n  releaseName: rel\n  valuesInline: {replicas: 8, list: [z], image: {tag: \"2.0\"}, empty: {a: 1}}\n")];
    "inline overrides when it says so" [built("helmCharts:\n- name: web\n  releaseName: rel\n  valuesMerge: override\n  valuesInline: {replicas: 8, list: [z], named: [{name: two, value: x}]}\n")];
    "inline is overridden" [built("helmCharts:\n- name: web\n  releaseName: rel\n  valuesMerge: merge\n  valuesInline: {replicas: 8, list: [z], added: 1, named: [{name: three, value: x}]}\n")];
    "inline replaces" [built("helmCharts:\n- name: web\n  releaseName: rel\n  valuesMerge: replace\n  valuesInline: {replicas: 8, list: [z]}\n")];
    "inline replaces a file" [
        built("helmCharts:\n- name: web\n  releaseName: rel\n  valuesMerge: replace\n  valuesFile: mine.yaml\n  valuesInline: {replicas: 8}\n"),
        ("in/mine.yaml", "replicas: 3\nadded: 1\n"),
    ];
    "inline nothing" [built("helmCharts:\n- {name: web, releaseName: rel, valuesInline: {}, valuesMerge: replace}\n")];
    "inline deletes" [built("helmCharts:\n- name: web\n  releaseName: rel\n  valuesInline: {list: null, image: {tag: null}, sub: {size: 4, enabled: true}}\n")];
    "inline types" [built("helmCharts:\n- name: web\n  releaseName: rel\n  valuesInline: {a: 1.50, b: \"1\", c: true, d: 0o17, e: 1e3, f: [1, \"2\", {g: null}], h: \"\", i: 12345678901234567890, 3: x}\n")];
    "values with anchors" [
        // With inline values upstream loses what anchors and `<<` stand for (`docs/kustomize.md`).
        built("helmCharts: [{name: web, releaseName: rel, valuesFile: mine.yaml}]\n"),
        ("in/mine.yaml", "a: &a {x: 1}\nb: *a\nc: {<<: *a, y: 2}\nreplicas: 2\n"),
    ];
    "values with comments and odd scalars" [
        built("helmCharts: [{name: web, releaseName: rel, valuesFile: mine.yaml, valuesInline: {z: 1}}]\n"),
        ("in/mine.yaml", "# head\nreplicas: 2 # line\na: 0x1F\nb: 1_000\nc: ~\nd: 2001-01-01\ne: .5\nf: 'it''s'\ng: >-\n  folded\n  text\n"),
    ];
    "definitions" [built("helmCharts: [{name: web, releaseName: rel, includeCRDs: true}]\n")];
    "no hooks" [built("helmCharts: [{name: web, releaseName: rel, skipHooks: true}]\n")];
    "no tests" [built("helmCharts: [{name: web, releaseName: rel, skipTests: true}]\n")];
    "versions" [built("helmCharts: [{name: web, releaseName: rel, kubeVersion: \"1.29.3\", apiVersions: [own.example/v1, other/v2]}]\n")];
    "versions of the command line" options &["--helm-kube-version", "1.28", "--helm-api-versions", "own.example/v1", "--helm-api-versions", "x/v1"]; [
        built("helmCharts: [{name: web, releaseName: rel}]\n"),
    ];
    "both versions" options &["--helm-kube-version", "1.28", "--helm-api-versions", "own.example/v1"]; [
        built("helmCharts: [{name: web, releaseName: rel, kubeVersion: \"1.29.3\", apiVersions: [x/v1]}]\n"),
    ];
    "a version that the chart refuses" options &["--helm-kube-version", "1.10"]; refused true; [built("helmCharts: [{name: web, releaseName: rel}]\n")];
    "name template" [built("helmCharts: [{name: web, nameTemplate: \"made-{{ lower \\\"UP\\\" }}\"}]\n")];
    "name and template" refused true; [built("helmCharts: [{name: web, releaseName: rel, nameTemplate: made}]\n")];
    "versions in development" [built("helmCharts: [{name: web, releaseName: rel, devel: true}]\n")];
    "debugging" [built("helmCharts: [{name: web, releaseName: rel, debug: true}]\n")];
    "debugging by the command line" options &["--helm-debug"]; [built("helmCharts: [{name: web, releaseName: rel}]\n")];
    "subchart" [built("helmCharts: [{name: web, releaseName: rel, valuesInline: {sub: {enabled: true, size: 9}}}]\n")];
    "another home" charts &["in/vendor/charts/web"]; [built("helmGlobals: {chartHome: vendor/charts}\nhelmCharts: [{name: web, releaseName: rel}]\n")];
    "a home outside, with values" charts &["vendor/web"]; [
        built("helmGlobals: {chartHome: ../vendor}\nhelmCharts: [{name: web, releaseName: rel, valuesFile: mine.yaml}]\n"), ("in/mine.yaml", "replicas: 2\n"),
    ];
    "a home outside, without values" charts &["vendor/web"]; refused true; [built("helmGlobals: {chartHome: ../vendor}\nhelmCharts: [{name: web, releaseName: rel}]\n")];
    "a home outside, unrestricted" charts &["vendor/web"]; options &["--load-restrictor", "LoadRestrictionsNone"]; [
        built("helmGlobals: {chartHome: ../vendor}\nhelmCharts: [{name: web, releaseName: rel}]\n"),
    ];
    "fetched before" charts &["in/charts/web-1.2.3/web"]; [
        built("helmCharts: [{name: web, releaseName: rel, version: 1.2.3, repo: \"https://charts.invalid\"}]\n"),
    ];
    "a version without a repository" [built("helmCharts: [{name: web, releaseName: rel, version: 9.9.9}]\n")];
    "the same chart twice" [built("helmCharts:\n- {name: web, releaseName: one, namespace: a, skipHooks: true, valuesInline: {replicas: 1}}\nnamePrefix: p-\n")];
    "two charts" charts &["in/charts/web", "in/charts/copy"]; [
        built("helmCharts:\n- {name: web, releaseName: one, namespace: a, skipHooks: true}\n- {name: copy, releaseName: two, namespace: b, skipHooks: true, valuesInline: {plain: other}}\n"),
    ];
    "two charts with an object in common" charts &["in/charts/web", "in/charts/copy"]; refused true; [
        built("helmCharts:\n- {name: web, releaseName: one, skipHooks: true}\n- {name: copy, releaseName: two, skipHooks: true}\n"),
    ];
    "the chart's own twice" refused true; [built("helmCharts:\n- {name: web, releaseName: one}\n- {name: web, releaseName: two}\n")];
    "transformed" [
        built("namePrefix: p-\nnameSuffix: -s\nhelmCharts: [{name: web, releaseName: rel, skipHooks: true}]\ncommonLabels: {team: a}\nimages: [{name: nginx, newTag: \"9\"}]\nreplicas: [{name: rel-web, count: 4}]\n"),
    ];
    "patched" [
        built("helmCharts: [{name: web, releaseName: rel}]\npatches:\n- patch: |-\n    - {op: replace, path: /spec/replicas, value: 2}\n  target: {kind: Deployment}\n- patch: |-\n    apiVersion: v1\n    kind: ConfigMap\n    metadata: {name: rel-web}\n    data: {added: x}\n"),
    ];
    "with other resources" [
        built("resources: [map.yaml]\nconfigMapGenerator: [{name: g, literals: [a=b]}]\nhelmCharts: [{name: web, releaseName: rel}]\nsortOptions: {order: fifo}\n"),
        ("in/map.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: first}\n"),
    ];
    "with notes" [built("helmCharts: [{name: web, releaseName: rel, skipHooks: true}]\nnamePrefix: p-\nbuildMetadata: [originAnnotations, transformerAnnotations, managedByLabel]\n")];
    "in a component" charts &["part/charts/web"]; [
        built("components: [../part]\nnamespace: shop\n"),
        ("part/kustomization.yaml", "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nhelmCharts: [{name: web, releaseName: rel, skipHooks: true}]\n"),
    ];
    "old form" [built("helmChartInflationGenerator:\n- chartName: web\n  chartVersion: 1.2.3\n  releaseName: rel\n  valuesLocal: {replicas: 9}\n  valuesMerge: merge\n")];
    "old form with a home and a file" charts &["in/vendor/web"]; [
        built("helmChartInflationGenerator:\n- {chartName: web, chartHome: vendor, releaseName: rel, values: mine.yaml, releaseNamespace: ignored, extraArgs: [--nonsense]}\n"),
        ("in/mine.yaml", "replicas: 2\n"),
    ];
    "generator" [
        built("generators: [chart.yaml]\nnamespace: shop\n"),
        ("in/chart.yaml", "apiVersion: builtin\nkind: HelmChartInflationGenerator\nmetadata: {name: any}\nname: web\nreleaseName: rel\nnamespace: there\nvaluesInline: {replicas: 3}\nincludeCRDs: true\nskipHooks: true\n"),
    ];
    "generator with a home" charts &["in/vendor/web"]; [
        built("generators:\n- |-\n  apiVersion: builtin\n  kind: HelmChartInflationGenerator\n  metadata: {name: any}\n  name: web\n  chartHome: vendor\n  releaseName: rel\n  kubeVersion: \"1.30\"\n  skipTests: true\n"),
    ];
    "no such chart" refused true; [built("helmCharts: [{name: other, releaseName: rel}]\n")];
    "no name" refused true; [built("helmCharts: [{releaseName: rel}]\n")];
    "a name that is an option" refused true; [built("helmCharts: [{name: web, releaseName: --post-renderer=/bin/true}]\n")];
    "an odd name" refused true; [built("helmCharts: [{name: web, releaseName: Not_A_Name}]\n")];
    "an odd merge" refused true; [built("helmCharts: [{name: web, releaseName: rel, valuesMerge: deep}]\n")];
    "a template that fails" refused true; [built("helmCharts: [{name: web, releaseName: rel, valuesInline: {fail: true}}]\n")];
    "no values file" refused true; [built("helmCharts: [{name: web, releaseName: rel, valuesFile: none.yaml}]\n")];
    "no more values file" refused true; [built("helmCharts: [{name: web, releaseName: rel, additionalValuesFiles: [none.yaml]}]\n")];
    "values outside" refused true; [
        built("helmCharts: [{name: web, releaseName: rel, valuesFile: ../out.yaml}]\n"), ("out.yaml", "replicas: 2\n"),
    ];
    "more values outside" refused true; [
        built("helmCharts: [{name: web, releaseName: rel, additionalValuesFiles: [../out.yaml]}]\n"), ("out.yaml", "replicas: 2\n"),
    ];
    "values that are a list" refused true; [
        built("helmCharts: [{name: web, releaseName: rel, valuesFile: mine.yaml}]\n"), ("in/mine.yaml", "[a]\n"),
    ];
    "empty values" refused true; [built("helmCharts: [{name: web, releaseName: rel, valuesFile: mine.yaml, valuesInline: {version: \"1\", yes: x, text: y, image: {name: a, tag: b}}}]\n"), ("in/mine.yaml", "")];
    "an unknown field" refused true; [built("helmCharts: [{name: web, releaseName: rel, colour: red}]\n")];
}

//! What `skerry explain` says of each code.

/// Every code of this crate: number, title, and a paragraph for `skerry explain`.
pub const CODES: &[(u16, &str, &str)] = &[
    (
        400,
        "path not found",
        "A path that the application or a file names does not exist in the source at this commit. Paths are case-sensitive and relative: to the root of the source for an application, to the folder of the kustomization for what it lists. Before: `resources: [Service.yaml]`, when the file is `service.yaml`. After: `resources: [service.yaml]`.",
    ),
    (
        401,
        "path leaves the source",
        "A path is absolute, holds a backslash, or its `..` lead out of the root of the source. Whatever a source can make Skerry read lies inside that source; copy what you need into it, or declare a second source. Before: `path: ../shared/base` of an application, above the root. After: `path: shared/base`, with the folder copied into the repository.",
    ),
    (
        402,
        "symbolic link refused",
        "A symbolic link points outside the source, to nothing, or through too many further links. Links that stay inside the source are followed. Before: `web.yaml -> /srv/manifests/web.yaml`. After: `web.yaml -> ../manifests/web.yaml`, a file of the same source, or the file itself.",
    ),
    (
        403,
        "submodule",
        "The path lies in a Git submodule, which is content of another repository and is not fetched. Declare that repository as a source of its own. Before: `path: vendor/lib/deploy`, where `vendor/lib` is a submodule. After: `source: lib` and `path: deploy`, with a Source `lib` whose `url` is that repository.",
    ),
    (
        404,
        "Git LFS pointer",
        "The file is a pointer to content in Git LFS, not the content. Manifests are text: keep them in Git itself, for example by excluding `*.yaml` in `.gitattributes`. Before: `* filter=lfs` in `.gitattributes`. After: `*.yaml -filter` in a line below it, and the file committed anew.",
    ),
    (
        405,
        "too large",
        "A file, or everything read for this application, exceeds a bound. The message names the bound. It usually means that something else than manifests lies in the folder, or that bases include each other many times. Before: `path: .`, where `./videos` lies too. After: `path: deploy`, a folder of manifests alone.",
    ),
    (
        406,
        "source unreadable",
        "The repository or folder could not be read at this path, although it is there. This is a failure of the machine or of the repository, not of the file. Before: a clone that `git fsck` finds damaged. After: the same, fetched anew; Skerry keeps trying by itself, and the last good state stays in force.",
    ),
    (
        410,
        "not YAML",
        "The file cannot be read as YAML. Tabs that indent, a missing quote, a duplicate key and an undefined alias are the common causes. The line is where reading stopped, which may be just after the mistake. Before: `key: \"text`. After: `key: \"text\"`.",
    ),
    (
        411,
        "not an object",
        "A document is a list, a text or a number where a Kubernetes object is needed, which is a mapping with `apiVersion`, `kind` and `metadata`. Before: `- kind: Pod`, a list of objects. After: a document of its own for each, parted by `---`.",
    ),
    (
        412,
        "field missing",
        "Every Kubernetes object needs `apiVersion`, `kind` and `metadata.name`, each a text. `generateName` cannot be used: what has no fixed name cannot be kept in a desired state. Before: `metadata: {generateName: job-}`. After: `metadata: {name: job-1}`.",
    ),
    (
        413,
        "object declared twice",
        "Two documents declare the same object: same group, kind, namespace and name. Only one could win, so neither does. Both places are named; delete one, or give it another name. Before: a ConfigMap `settings` in `a.yaml`, and again in `b.yaml`. After: in `a.yaml` alone.",
    ),
    (
        414,
        "namespace on a cluster-wide object",
        "Objects of this built-in kind exist once per cluster and have no namespace. Delete `metadata.namespace`. Before: `kind: ClusterRole`, `metadata: {name: reader, namespace: shop}`. After: `metadata: {name: reader}`.",
    ),
    (
        415,
        "too many documents",
        "The application holds more documents than may be applied as one. Split it into several applications. Before: `path: everything`. After: two applications, `path: everything/network` and `path: everything/workloads`.",
    ),
    (
        416,
        "value without a JSON form",
        "Kubernetes works with JSON, and this value has no form there: infinity, not-a-number, a key that is no text, or text that its explicit tag does not allow. Before: `limit: .inf`, `{1: one}`. After: `limit: \"unlimited\"`, `{\"1\": one}`.",
    ),
    (
        417,
        "status ignored",
        "The document holds a `status`, which controllers write and which is no desired state. It is left out. Delete it from the file. Before: `spec: {replicas: 1}`, `status: {replicas: 1}`. After: `spec: {replicas: 1}`.",
    ),
    (
        420,
        "unknown variable",
        "The text refers to a variable that neither the application nor the cluster defines. Replacement is strict, so that a typing mistake cannot deploy an empty value. Define the variable, or write `$${` where a literal `${` is meant. Before: `host: ${HOST}`, which nothing defines. After: the same, with `variables: {HOST: shop.example}` in the application.",
    ),
    (
        421,
        "malformed variable",
        "After `${` a name and `}` are needed; names hold letters, digits, `_`, `.`, `-` and `/`. Defaults and other shell expressions are not supported. Write `$${` where a literal `${` is meant. Before: `host: ${HOST:-localhost}`. After: `host: ${HOST}`, with the value in `variables`.",
    ),
    (
        430,
        "a chart is no application",
        "The folder of the application is a Helm chart: it holds a `Chart.yaml`. A chart needs a release name and values, \
         which a kustomization beside it gives. Before: `path: charts/web`. After: `path: web`, where \
         `web/kustomization.yaml` says `helmGlobals: {chartHome: ../charts}` and `helmCharts: [{name: web, releaseName: \
         web}]`, and the operator enables Helm (`render.helm`); or with the output of `helm template` as plain files.",
    ),
    (
        431,
        "nothing to render",
        "The folder holds no manifest and no kustomization. An empty result would delete everything that the application has deployed, so it is taken for a mistake; remove the application from its group to delete it. Before: `path: docs`. After: `path: deploy`, a folder with manifests.",
    ),
    (
        440,
        "kustomization invalid",
        "A field of the kustomization has the wrong type or a value that Kustomize does not allow. The message says what is needed. Before: `resources: web.yaml`. After: `resources: [web.yaml]`.",
    ),
    (
        441,
        "unknown field",
        "The kustomization has a field that Kustomize does not know. It would have no effect, so it is refused; the message names the nearest field that exists. Before: `resource: [web.yaml]`. After: `resources: [web.yaml]`.",
    ),
    (
        443,
        "cycle",
        "A folder includes itself, or a folder that contains it, through `resources` or `components`. The message shows the chain. Before: `resources: [../overlay]` in `base`, and `resources: [../base]` in `overlay`. After: only the overlay names the base.",
    ),
    (
        444,
        "too deeply nested",
        "Folders include each other in a chain, or in a number, beyond the bound. The message names it. Before: a base of a base of a base, hundreds deep. After: one overlay that lists the bases side by side in `resources`.",
    ),
    (
        445,
        "not a resource",
        "An entry of `resources` or `components` is neither a manifest nor a folder with a kustomization. Before: `resources: [notes.txt]`. After: `resources: [web.yaml]`, a file of objects, or a folder with a `kustomization.yaml`.",
    ),
    (
        446,
        "file outside the kustomization",
        "A kustomization may only load files from its own folder and below; folders with a kustomization of their own may lie anywhere in the source. This is Kustomize's own load restriction. Before: `resources: [../common/web.yaml]`. After: `resources: [../common]`, with a `kustomization.yaml` there that lists `web.yaml`.",
    ),
    (
        447,
        "resource declared twice",
        "Two resources of one kustomization have the same group, version, kind, namespace and name. The message names both places. Before: `resources: [web.yaml, ../base]`, and `../base` has the same Deployment. After: `resources: [../base]`, and `patches` for what is different.",
    ),
    (
        448,
        "component in the wrong list",
        "A folder of kind `Component` belongs in `components`, any other in `resources`. Before: `resources: [../components/tls]`. After: `components: [../components/tls]`.",
    ),
    (
        449,
        "remote base",
        "An entry names another repository or a web address. Repositories are fetched only where the operator allows it (`render.remote_bases` in the hub, `--enable-remote` of `skerry build`), single files never. Before: `resources: [\"https://example.org/team/shop//base?ref=v1\"]`. After: `resources: [../base]`, with the base copied into the source.",
    ),
    (
        450,
        "patch unreadable",
        "A patch is neither a strategic merge patch (an object) nor a JSON 6902 patch (a list of operations), or it is both or empty. Before: `patches: [{patch: \"replicas: 3\"}]`. After: `patches: [{target: {kind: Deployment}, patch: \"[{op: replace, path: /spec/replicas, value: 3}]\"}]`.",
    ),
    (
        451,
        "patch without target",
        "No resource has the group, version, kind, namespace and name that the patch states, or more than one has. Give the patch a `target`, or correct its `metadata`. Before: `metadata: {name: prod-web}` in a patch, the name with its prefix. After: `metadata: {name: web}`, the name in the base.",
    ),
    (
        452,
        "patch does not apply",
        "An operation of the patch does not fit the resource: a path that does not exist, an index out of range, a failed `test`, or a value of another shape. Before: `{op: replace, path: /spec/paused, value: true}`, when there is no `paused`. After: `{op: add, path: /spec/paused, value: true}`.",
    ),
    (
        453,
        "selector invalid",
        "A field of `target` is no regular expression, or a label or annotation selector is malformed. Before: `target: {name: \"*\"}`. After: `target: {name: \".*\"}`.",
    ),
    (
        455,
        "generator invalid",
        "A generator's source cannot be used: a literal without `=`, the same key twice, a line of an env file that is no `KEY=VALUE`. Before: `literals: [HOST]`. After: `literals: [HOST=shop.example]`.",
    ),
    (
        456,
        "generator clashes",
        "`behavior: merge` and `replace` need a ConfigMap or Secret of that name made before; `create`, the default, needs that there is none. Before: `behavior: merge` for a ConfigMap that no base has. After: `behavior: create`, or the base in `resources`.",
    ),
    (
        457,
        "nothing to scale",
        "No Deployment, StatefulSet, ReplicaSet or ReplicationController has the name that `replicas` gives. Use the name from before prefixes and suffixes are added. Before: `namePrefix: prod-` and `replicas: [{name: prod-web, count: 3}]`. After: `replicas: [{name: web, count: 3}]`.",
    ),
    (
        458,
        "ambiguous reference",
        "A name in one resource could mean several others, so Kustomize cannot tell which new name it has to become. The message lists them. Before: `vars` or a reference to `settings`, when two bases bring a ConfigMap of this name. After: another `namePrefix` or `namespace` in each base, below where the reference is.",
    ),
    (
        459,
        "unexpected shape",
        "A field that the kustomization has to change has another shape than its kind prescribes, for example a text where a mapping is needed. Before: `metadata: {labels: web}`. After: `metadata: {labels: {app: web}}`.",
    ),
    (
        460,
        "deprecated field",
        "Kustomize has deprecated this field. It still works; the message names its successor. Before: `bases: [../base]`. After: `resources: [../base]`.",
    ),
    (
        461,
        "several kustomization files",
        "The folder holds more than one of `kustomization.yaml`, `kustomization.yml` and `Kustomization`. Keep one. Before: `kustomization.yaml` and `kustomization.yml`. After: `kustomization.yaml`.",
    ),
    (
        470,
        "no effect",
        "The kustomization holds something that Kustomize reads and then does nothing with, most often a misspelt word. It is built as Kustomize builds it; correct the word. Before: `buildMetadata: [originAnnotation]`. After: `buildMetadata: [originAnnotations]`.",
    ),
    (
        471,
        "plugin that cannot run",
        "`generators`, `transformers` and `validators` take documents with `apiVersion: builtin` and a kind that Kustomize itself has. KRM functions, programs and containers are never run: a render reads the source and nothing else. Run the function when you commit, and list what it gives in `resources`. Before: `apiVersion: example.org/v1`, `kind: Sprinkle`. After: `apiVersion: builtin`, `kind: LabelTransformer`.",
    ),
    (
        472,
        "plugin configuration invalid",
        "A field of the document that configures a builtin plugin is missing or has a value that the plugin does not know. The message says which and what is needed. Before: `kind: PrefixTransformer`, `prefix: a-`. After: the same with `fieldSpecs: [{path: metadata/name}]`.",
    ),
    (
        473,
        "validator changes resources",
        "What is listed in `validators` may refuse resources but not change them; only the label `validated-by` may be left on what has no labels. Before: `validators: [labels.yaml]`. After: `transformers: [labels.yaml]`.",
    ),
    (
        474,
        "Helm not enabled",
        "The kustomization asks for a Helm chart (`helmCharts`, or a `HelmChartInflationGenerator`). Charts are rendered by the `helm` program, which runs only where the operator enables it: `render.helm` in the hub, `--enable-helm` of `skerry build`. Before: `helmCharts: [{name: web, releaseName: web}]`. After: `resources: [web.yaml]`, with the output of `helm template web charts/web` in that file.",
    ),
    (
        475,
        "Helm chart cannot be rendered",
        "A field of the chart has a value that Kustomize does not allow, its values cannot be merged, or `helm` refused; then the message holds its words. Before: `valuesMerge: deep`. After: `valuesMerge: merge`.",
    ),
    (
        476,
        "remote base cannot be fetched",
        "The operator allows remote bases, but not this one, or its repository could not be fetched. The message says why. Before: `resources: [\"https://example.org/team/shop//base\"]`, which means whatever is newest. After: `resources: [\"https://example.org/team/shop//base?ref=3f2c9d1…\"]`, a commit.",
    ),
    (
        480,
        "replacement invalid",
        "A replacement needs a `source` (or a `sourceValue`) and `targets`, each with a `select`; or else only a `path` to a file that holds them. Before: `- {source: {kind: ConfigMap, name: a}}`, which says what to copy and not where to. After: `- {source: {kind: ConfigMap, name: a}, targets: [{select: {kind: Deployment}, fieldPaths: [spec.template.metadata.name]}]}`.",
    ),
    (
        481,
        "replacement without a value",
        "The `source` of a replacement must select exactly one resource, by any identity that it has or had, and its `fieldPath` must lead to a value there. The message says what was found. Before: `source: {name: settings, fieldPath: data.HOST}`, when a ConfigMap and a Secret are called so. After: `source: {kind: ConfigMap, name: settings, fieldPath: data.HOST}`.",
    ),
    (
        482,
        "replacement without a field",
        "A field path of a replacement leads nowhere in a resource that its target selects, or through a value of another shape. Correct the path, narrow `select`, or set `options: {create: true}` where the field is to be made. Before: `fieldPaths: [spec.containers.image]`, although `containers` is a list. After: `fieldPaths: ['spec.containers.[name=web].image']`.",
    ),
    (
        483,
        "variable without a value",
        "A variable of `vars` needs one resource that has, or had, exactly the `apiVersion`, `kind` and `name` of its `objref`, and a value there at its `fieldref`; no two may have one name. Before: `objref: {kind: Service, name: db}`. After: `objref: {apiVersion: v1, kind: Service, name: db}`.",
    ),
    (
        484,
        "variable not used",
        "No field that may hold variables mentions this one. Kustomize looks for `$(NAME)` in commands, arguments, environment, labels, annotations and a few more; `configurations` can add fields under `varReference`. Before: `namespace: $(NAME)`. After: `varReference: [{path: metadata/namespace}]` in a file of `configurations`.",
    ),
    (
        485,
        "field configured twice",
        "Two configurations name the same field, one with `create: true` and one without, so that it is not clear whether the field is to be made. Before: `- {path: spec/labels, create: true}` here and `- {path: spec/labels}` in a base. After: the same `create` in both.",
    ),
    (
        486,
        "schema unusable",
        "A file of `crds` or `openapi` is not what these fields need: `crds` takes Go's OpenAPI definitions (names of types, each with a `Schema`), not manifests of kind CustomResourceDefinition; `openapi` takes an OpenAPI document with `definitions`, or the one built-in version. Before: `crds: [widget-crd.yaml]`, a manifest. After: `resources: [widget-crd.yaml]`.",
    ),
    (
        490,
        "no name for a file",
        "Written as files of their own, objects are named by group, version, kind and name. The name of this one cannot be part of a file's name, or another object has the same one but for upper and lower case. Write everything to one file instead. Before: `-o folder`. After: `-o all.yaml`.",
    ),
    (
        491,
        "object not in the build",
        "No object of this kind and name comes out of the kustomization. Names are those of the output, with prefixes, suffixes and digests. Before: `--why ConfigMap/settings`. After: `--why ConfigMap/settings-5m2t8hk7b4`, as `skerry build -o name` lists it.",
    ),
];

//! The codes of what can be wrong with a source, and how they are reported.

use skerry_common::diagnostic::{Code, Diagnostic, Location};

/// Every code of this crate: number, title, and a paragraph for `skerry explain`.
pub const CODES: &[(u16, &str, &str)] = &[
    (
        400,
        "path not found",
        "A path that the application or a file names does not exist in the source at this commit. Paths are case-sensitive and relative: to the root of the source for an application, to the folder of the kustomization for what it lists.",
    ),
    (
        401,
        "path leaves the source",
        "A path is absolute, holds a backslash, or its `..` lead out of the root of the source. Whatever a source can make Skerry read lies inside that source; copy what you need into it, or declare a second source.",
    ),
    (
        402,
        "symbolic link refused",
        "A symbolic link points outside the source, to nothing, or through too many further links. Links that stay inside the source are followed.",
    ),
    (
        403,
        "submodule",
        "The path lies in a Git submodule, which is content of another repository and is not fetched. Declare that repository as a source of its own.",
    ),
    (
        404,
        "Git LFS pointer",
        "The file is a pointer to content in Git LFS, not the content. Manifests are text: keep them in Git itself, for example by excluding `*.yaml` in `.gitattributes`.",
    ),
    (
        405,
        "too large",
        "A file, or everything read for this application, exceeds a bound. The message names the bound. It usually means that something else than manifests lies in the folder, or that bases include each other many times.",
    ),
    (
        406,
        "source unreadable",
        "The repository or folder could not be read at this path, although it is there. This is a failure of the machine or of the repository, not of the file.",
    ),
    (
        410,
        "not YAML",
        "The file cannot be read as YAML. Tabs that indent, a missing quote, a duplicate key and an undefined alias are the common causes. The line is where reading stopped, which may be just after the mistake.",
    ),
    (
        411,
        "not an object",
        "A document is a list, a text or a number where a Kubernetes object is needed, which is a mapping with `apiVersion`, `kind` and `metadata`.",
    ),
    (
        412,
        "field missing",
        "Every Kubernetes object needs `apiVersion`, `kind` and `metadata.name`, each a text. `generateName` cannot be used: what has no fixed name cannot be kept in a desired state.",
    ),
    (
        413,
        "object declared twice",
        "Two documents declare the same object: same group, kind, namespace and name. Only one could win, so neither does. Both places are named; delete one, or give it another name.",
    ),
    (
        414,
        "namespace on a cluster-wide object",
        "Objects of this built-in kind exist once per cluster and have no namespace. Delete `metadata.namespace`.",
    ),
    (
        415,
        "too many documents",
        "The application holds more documents than may be applied as one. Split it into several applications.",
    ),
    (
        416,
        "value without a JSON form",
        "Kubernetes works with JSON, and this value has no form there: infinity, not-a-number, a key that is no text, or text that its explicit tag does not allow.",
    ),
    (
        417,
        "status ignored",
        "The document holds a `status`, which controllers write and which is no desired state. It is left out. Delete it from the file.",
    ),
    (
        420,
        "unknown variable",
        "The text refers to a variable that neither the application nor the cluster defines. Replacement is strict, so that a typing mistake cannot deploy an empty value. Define the variable, or write `$${` where a literal `${` is meant.",
    ),
    (
        421,
        "malformed variable",
        "After `${` a name and `}` are needed; names hold letters, digits, `_`, `.`, `-` and `/`. Defaults and other shell expressions are not supported. Write `$${` where a literal `${` is meant.",
    ),
    (
        430,
        "Helm not supported yet",
        "The folder holds a `Chart.yaml`. Helm charts cannot be rendered yet; commit the output of `helm template` instead.",
    ),
    (
        431,
        "nothing to render",
        "The folder holds no manifest and no kustomization. An empty result would delete everything that the application has deployed, so it is taken for a mistake; remove the application from its group to delete it.",
    ),
    (
        440,
        "kustomization invalid",
        "A field of the kustomization has the wrong type or a value that Kustomize does not allow. The message says what is needed.",
    ),
    (
        441,
        "unknown field",
        "The kustomization has a field that Kustomize does not know. It would have no effect, so it is refused; the message names the nearest field that exists.",
    ),
    (
        443,
        "cycle",
        "A folder includes itself, or a folder that contains it, through `resources` or `components`. The message shows the chain.",
    ),
    (
        444,
        "too deeply nested",
        "Folders include each other in a chain, or in a number, beyond the bound. The message names it.",
    ),
    (
        445,
        "not a resource",
        "An entry of `resources` or `components` is neither a manifest nor a folder with a kustomization.",
    ),
    (
        446,
        "file outside the kustomization",
        "A kustomization may only load files from its own folder and below; folders with a kustomization of their own may lie anywhere in the source. This is Kustomize's own load restriction.",
    ),
    (
        447,
        "resource declared twice",
        "Two resources of one kustomization have the same group, version, kind, namespace and name. The message names both places.",
    ),
    (
        448,
        "component in the wrong list",
        "A folder of kind `Component` belongs in `components`, any other in `resources`.",
    ),
    (
        449,
        "remote base",
        "An entry names another repository or a web address. Repositories are fetched only where the operator allows it (`render.remote_bases` in the hub, `--enable-remote` of `skerry build`), single files never. Before: `resources: [\"https://example.org/team/shop//base?ref=v1\"]`. After: `resources: [../base]`, with the base copied into the source.",
    ),
    (
        450,
        "patch unreadable",
        "A patch is neither a strategic merge patch (an object) nor a JSON 6902 patch (a list of operations), or it is both or empty.",
    ),
    (
        451,
        "patch without target",
        "No resource has the group, version, kind, namespace and name that the patch states, or more than one has. Give the patch a `target`, or correct its `metadata`.",
    ),
    (
        452,
        "patch does not apply",
        "An operation of the patch does not fit the resource: a path that does not exist, an index out of range, a failed `test`, or a value of another shape.",
    ),
    (
        453,
        "selector invalid",
        "A field of `target` is no regular expression, or a label or annotation selector is malformed.",
    ),
    (
        455,
        "generator invalid",
        "A generator's source cannot be used: a literal without `=`, the same key twice, a line of an env file that is no `KEY=VALUE`.",
    ),
    (
        456,
        "generator clashes",
        "`behavior: merge` and `replace` need a ConfigMap or Secret of that name made before; `create`, the default, needs that there is none.",
    ),
    (
        457,
        "nothing to scale",
        "No Deployment, StatefulSet, ReplicaSet or ReplicationController has the name that `replicas` gives. Use the name from before prefixes and suffixes are added.",
    ),
    (
        458,
        "ambiguous reference",
        "A name in one resource could mean several others, so Kustomize cannot tell which new name it has to become. The message lists them.",
    ),
    (
        459,
        "unexpected shape",
        "A field that the kustomization has to change has another shape than its kind prescribes, for example a text where a mapping is needed.",
    ),
    (460, "deprecated field", "Kustomize has deprecated this field. It still works; the message names its successor."),
    (
        461,
        "several kustomization files",
        "The folder holds more than one of `kustomization.yaml`, `kustomization.yml` and `Kustomization`. Keep one.",
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
        "Written as files of their own, objects are named by group, version, kind and name. The name of this one cannot be part of a file's name, or another object has the same one but for upper and lower case. Write everything to one file instead.",
    ),
    (
        491,
        "object not in the build",
        "No object of this kind and name comes out of the kustomization. Names are those of the output, with prefixes, suffixes and digests. Before: `--why ConfigMap/settings`. After: `--why ConfigMap/settings-5m2t8hk7b4`, as `skerry build -o name` lists it.",
    ),
];

macro_rules! codes {
    ($($name:ident = $number:literal;)*) => {
        $(pub(crate) const $name: Code = Code($number);)*
        #[cfg(test)]
        const ALL: &[Code] = &[$($name),*];
    };
}

codes! {
    NOT_FOUND = 400; LEAVES_SOURCE = 401; SYMLINK = 402; SUBMODULE = 403; LFS_POINTER = 404; TOO_LARGE = 405;
    UNREADABLE = 406; NOT_YAML = 410; NOT_AN_OBJECT = 411; FIELD_MISSING = 412; DECLARED_TWICE = 413;
    NAMESPACE_ON_CLUSTER_SCOPED = 414; TOO_MANY_DOCUMENTS = 415; NO_JSON_FORM = 416; STATUS_IGNORED = 417;
    UNKNOWN_VARIABLE = 420; MALFORMED_VARIABLE = 421; HELM = 430; NOTHING_TO_RENDER = 431; KUSTOMIZATION_INVALID = 440;
    UNKNOWN_FIELD = 441; CYCLE = 443; TOO_NESTED = 444; NOT_A_RESOURCE = 445;
    FILE_OUTSIDE = 446; RESOURCE_TWICE = 447; COMPONENT_MISPLACED = 448; REMOTE = 449; PATCH_UNREADABLE = 450;
    PATCH_TARGET = 451; PATCH_FAILS = 452; SELECTOR = 453; GENERATOR_INVALID = 455; GENERATOR_CLASH = 456;
    REPLICAS_UNMATCHED = 457; AMBIGUOUS_REFERENCE = 458; UNEXPECTED_SHAPE = 459; DEPRECATED = 460;
    SEVERAL_KUSTOMIZATIONS = 461; NO_EFFECT = 470;
    PLUGIN = 471; PLUGIN_CONFIGURATION = 472; VALIDATOR_CHANGES = 473; HELM_DISABLED = 474; CHART = 475;
    REMOTE_FAILED = 476;
    REPLACEMENT = 480; REPLACEMENT_SOURCE = 481; REPLACEMENT_TARGET = 482; VAR = 483;
    VAR_UNUSED = 484; FIELD_SPECS = 485; SCHEMA = 486;
    NO_FILE_NAME = 490; NO_SUCH_OBJECT = 491;
}

/// What a step gives: its result, or everything that is wrong.
pub(crate) type Fallible<T> = Result<T, Vec<Diagnostic>>;

/// One thing is wrong, at a place.
pub(crate) fn fail<T>(code: Code, at: &Location, message: impl Into<String>) -> Fallible<T> {
    Err(problem(code, at, message))
}

/// The one thing that is wrong.
pub(crate) fn problem(code: Code, at: &Location, message: impl Into<String>) -> Vec<Diagnostic> {
    vec![Diagnostic::error(code, message).at(at.clone())]
}

/// One thing is wrong, at a place, and this is what to do.
pub(crate) fn fail_with_help<T>(
    code: Code,
    at: &Location,
    message: impl Into<String>,
    help: impl Into<String>,
) -> Fallible<T> {
    Err(vec![Diagnostic::error(code, message).at(at.clone()).help(help)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_explained_once_and_in_order() {
        let explained: Vec<u16> = CODES.iter().map(|(number, ..)| *number).collect();
        let used: Vec<u16> = ALL.iter().map(|code| code.0).collect();
        assert_eq!(explained, used);
        assert!(explained.is_sorted_by(|a, b| a < b));
        assert!(
            CODES.iter().all(|(number, title, text)| {
                (400..500).contains(number) && !title.is_empty() && text.ends_with('.')
            })
        );
    }
}

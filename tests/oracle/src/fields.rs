//! The fields of a kustomization, each as chance has it.

mod definitions;
mod generate;
mod patch;
mod plugins;
mod refer;
mod replace;
mod transform;

use crate::folder::Folder;

/// Every field that a tree can use; none may be missing from a long run.
pub(crate) const ALL: &[&str] = &[
    "resources",
    "bases",
    "components",
    "metadata",
    "namespace",
    "namePrefix",
    "nameSuffix",
    "labels",
    "labels.includeSelectors",
    "labels.includeTemplates",
    "labels.includeVolumeClaimTemplates",
    "labels.fields",
    "commonLabels",
    "commonAnnotations",
    "images",
    "replicas",
    "patches.strategic",
    "patches.json",
    "patches.path",
    "patches.target",
    "patches.options",
    "patchesStrategicMerge",
    "patchesJson6902",
    "configMapGenerator",
    "secretGenerator",
    "generator.behavior",
    "generator.options",
    "generator.files",
    "generator.envs",
    "generatorOptions",
    "replacements",
    "replacements.path",
    "vars",
    "configurations",
    "transformers",
    "validators",
    "generators",
    "plugins.inline",
    "plugins.folder",
    "buildMetadata",
    "sortOptions",
    "crds",
    "openapi",
    // What trees have besides fields.
    "links",
    "mergeKeys",
];

/// What makes resources besides files.
pub(crate) fn generators(folder: &mut Folder<'_>) {
    generate::config_maps(folder);
    generate::secrets(folder);
    generate::options(folder);
}

/// What changes them.
pub(crate) fn transformers(folder: &mut Folder<'_>) {
    transform::metadata(folder);
    transform::namespace(folder);
    transform::names(folder);
    transform::labels(folder);
    transform::images(folder);
    transform::replicas(folder);
    patch::patches(folder);
    patch::strategic(folder);
    patch::json(folder);
    replace::replacements(folder);
    refer::vars(folder);
    refer::configurations(folder);
    plugins::builtin(folder);
    definitions::definitions(folder);
    refer::output(folder);
}

//! The codes of what can be wrong with a fleet repository.

use skerry_common::diagnostic::Code;
use skerry_common::explain::Entry;

macro_rules! codes {
    ($($name:ident = $number:literal $title:literal $text:literal;)*) => {
        $(pub(super) const $name: Code = Code($number);)*

        /// Titles and explanations of this module's codes.
        pub const CODES: &[Entry] = &[$(($number, $title, $text)),*];
    };
}

codes! {
    NOT_YAML = 200 "not YAML" "A file of the fleet repository cannot be read as YAML. Tabs that indent, a missing quote, a duplicate key and an undefined alias are the common causes. The line is where reading stopped, which may be just after the mistake.";
    FOREIGN = 201 "not a fleet document" "Every YAML document below the fleet's path must have `apiVersion: skerry.dev/v1alpha1`. Kubernetes manifests belong into an application's source, or into a folder outside the configured path; a file there would otherwise look deployed and never be.";
    KIND = 202 "unknown kind" "The kinds of fleet documents are Source, Application, ClusterGroup and Cluster.";
    LATER = 203 "not supported yet" "The field or kind is planned, and this version does not act on it. It is refused, because accepting and ignoring it would promise something that does not happen.";
    UNKNOWN_FIELD = 204 "unknown field" "The document has a field that is not known here. It would have no effect, so it is refused; most often it is a typing error or stands at the wrong depth. `skerry schema KIND` prints what may be written.";
    MISSING = 205 "field missing" "A field that the document needs is not there.";
    TYPE = 206 "wrong type" "The value has another type than needed. In YAML, `true`, `yes`, `on` and numbers are no texts unless they stand in quotes.";
    VALUE = 207 "wrong value" "The value has the right type but cannot be used; the message says why.";
    CHOICE = 208 "exactly one is needed" "Exactly one of several fields must be there, such as `branch`, `tag`, `semver` or `commit` in a ref.";
    DUPLICATE = 209 "declared twice" "Two documents of one kind have the same name. Only one could count, so neither does. Both places are named.";
    UNKNOWN_SOURCE = 210 "unknown source" "An application names a Source that no document declares.";
    UNKNOWN_APPLICATION = 211 "unknown application" "A group names an Application that no document declares.";
    TOO_MANY = 212 "out of bounds" "A list, a mapping, a file or the fleet repository holds more than is read, or less than is needed. The message names the bound.";
    UNREADABLE = 213 "cannot be read" "The fleet repository could not be read at this path, or the path does not exist at this commit.";
    EMPTY = 214 "no fleet documents" "The configured path holds no document. An empty fleet would remove everything from every cluster, so it is taken for a mistake: check the path in the hub's configuration.";
    LINK = 216 "not followed" "Symbolic links and submodules in the fleet repository are not followed. Put the file itself there.";
    BUG = 219 "a mistake in Skerry" "The document passed every check and still could not be turned into its typed form. Nothing is published from it. Please report it.";
}

//! Options that `kustomize build` has: those that mean the same here, and those that are refused.

use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches, ValueEnum};

/// What a build may do besides reading its files.
#[derive(Debug, Clone, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line, off unless given")]
pub struct Permissions {
    /// Which files a kustomization may load: those in its folder and below, or any below the root.
    #[arg(long, value_enum, value_name = "WHICH", default_value = "LoadRestrictionsRootOnly")]
    #[arg(help_heading = "Options of kustomize", conflicts_with_all = ["as_hub", "namespace", "variables", "labels"])]
    pub load_restrictor: LoadRestrictor,
    /// Read bases in other repositories, fetched with `git` as it is set up on this machine; those at a commit are kept
    /// in `~/.cache/skerry`.
    #[arg(long, help_heading = "Options of kustomize")]
    pub enable_remote: bool,
    /// Render Helm charts with the `helm` program. Charts that the files do not hold are fetched, never into them; those
    /// at an exact version are kept in `~/.cache/skerry`.
    #[arg(long, help_heading = "Options of kustomize")]
    pub enable_helm: bool,
    /// The `helm` program: a path, or a name that is looked up in `PATH`.
    #[arg(long, value_name = "PROGRAM", default_value = "helm", help_heading = "Options of kustomize")]
    pub helm_command: PathBuf,
    /// Version of Kubernetes that templates of charts see, for charts that name none.
    #[arg(long, value_name = "VERSION", help_heading = "Options of kustomize")]
    pub helm_kube_version: Option<String>,
    /// API version that templates of charts see, for charts that name none; several times for several.
    #[arg(long, value_name = "VERSION", help_heading = "Options of kustomize")]
    pub helm_api_versions: Vec<String>,
    /// Have helm say more.
    #[arg(long, help_heading = "Options of kustomize")]
    pub helm_debug: bool,
    /// Nothing: these are told apart only to say why they are refused.
    #[command(flatten)]
    pub refused: Refused,
}

/// Which files a kustomization may load.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "PascalCase")]
pub enum LoadRestrictor {
    /// Those in its folder and below.
    LoadRestrictionsRootOnly,
    /// Any below the root.
    LoadRestrictionsNone,
}

/// An option of kustomize that is not taken.
struct Refusal {
    name: &'static str,
    short: Option<char>,
    takes_value: bool,
    why: &'static str,
}

const FUNCTIONS: &str = "functions in containers and programs are never run: run them when you commit, and list what \
                         they give in `resources`";

const REFUSED: &[Refusal] = &[
    Refusal {
        name: "enable-alpha-plugins",
        short: None,
        takes_value: false,
        why: "plugins are never run; builtin ones need no option, and charts have `--enable-helm`",
    },
    Refusal { name: "enable-exec", short: None, takes_value: false, why: FUNCTIONS },
    Refusal { name: "network", short: None, takes_value: false, why: FUNCTIONS },
    Refusal { name: "network-name", short: None, takes_value: true, why: FUNCTIONS },
    Refusal { name: "mount", short: None, takes_value: true, why: FUNCTIONS },
    Refusal { name: "env", short: Some('e'), takes_value: true, why: FUNCTIONS },
    Refusal { name: "as-current-user", short: None, takes_value: false, why: FUNCTIONS },
    Refusal {
        name: "reorder",
        short: None,
        takes_value: true,
        why: "the order belongs to the kustomization: write `sortOptions: {order: legacy}` or `{order: fifo}` there",
    },
    Refusal {
        name: "enable-managedby-label",
        short: None,
        takes_value: false,
        why: "the label belongs to the kustomization: write `buildMetadata: [managedByLabel]` there",
    },
];

/// Options of kustomize that are refused, each with a reason.
#[derive(Debug, Clone, Copy)]
pub struct Refused;

impl Args for Refused {
    fn augment_args(command: Command) -> Command {
        let option = |refusal: &Refusal| {
            let option = Arg::new(refusal.name).long(refusal.name).short(refusal.short).hide(true);
            // `Append` and `Count`: given twice, the reason is still what is told.
            if refusal.takes_value { option.action(ArgAction::Append) } else { option.action(ArgAction::Count) }
        };
        REFUSED.iter().fold(command, |command, refusal| command.arg(option(refusal)))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Refused {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let is_given = |refusal: &&Refusal| matches.value_source(refusal.name) == Some(ValueSource::CommandLine);
        match REFUSED.iter().find(is_given) {
            None => Ok(Self),
            Some(Refusal { name, why, .. }) => {
                let message = format!("`--{name}` of kustomize is refused\n  help: {why}\n");
                Err(clap::Error::raw(ErrorKind::UnknownArgument, message))
            }
        }
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

use clap::CommandFactory as _;
use clap::error::ErrorKind;

use super::target::ResourceKind;
use super::*;

fn parse(line: &str) -> Result<Cli, clap::Error> {
    Cli::try_parse_from(std::iter::once("skerry").chain(line.split_whitespace()))
}

#[test]
fn the_definition_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn kinds_are_known_by_every_name_that_people_use() {
    let check = |line: &str, kind: ResourceKind, names: &[&str]| {
        let Command::Get(args) = parse(line).expect(line).command else { panic!("{line}") };
        assert_eq!(
            (args.target.kind, target::names(&args.target, &args.names)),
            (kind, names.iter().map(|n| (*n).to_owned()).collect()),
            "{line}"
        );
    };
    check("get clusters", ResourceKind::Clusters, &[]);
    check("get Cluster edge-01", ResourceKind::Clusters, &["edge-01"]);
    check("get cl/edge-01 edge-02", ResourceKind::Clusters, &["edge-01", "edge-02"]);
    check("get applications", ResourceKind::Apps, &[]);
    check("get app web", ResourceKind::Apps, &["web"]);
    check("get cg", ResourceKind::Groups, &[]);
    check("get ev", ResourceKind::Events, &[]);
    check("get drift", ResourceKind::Drift, &[]);
    check("get src/", ResourceKind::Sources, &[]);
    check("get object/Deployment.apps/shop/web", ResourceKind::Objects, &["Deployment.apps/shop/web"]);
}

#[test]
fn what_is_wrong_is_named() {
    let check = |line: &str, kind: ErrorKind| assert_eq!(parse(line).expect_err(line).kind(), kind, "{line}");
    check("get", ErrorKind::MissingRequiredArgument);
    check("get pods", ErrorKind::InvalidValue);
    check("get clusters -o xml", ErrorKind::InvalidValue);
    check("wait cluster a", ErrorKind::MissingRequiredArgument);
    check("wait cluster a --for=drift=0", ErrorKind::ValueValidation);
    check("cluster register a --request r", ErrorKind::MissingRequiredArgument);
    check("cluster register a --request r --reply s --expires 1h", ErrorKind::ArgumentConflict);
    check("bundle verify f --pin a --trust-root b", ErrorKind::ArgumentConflict);
    check("frobnicate", ErrorKind::InvalidSubcommand);
}

#[test]
fn global_options_stand_anywhere() {
    let cli = parse("get clusters --server https://a --context c --request-timeout 5s").expect("fine");
    assert_eq!(cli.global.server.as_deref(), Some("https://a"));
    assert_eq!(cli.global.request_timeout, Duration::from_secs(5));
    assert_eq!(parse("--context d status").expect("fine").global.context.as_deref(), Some("d"));
}

#[test]
fn several_conditions_may_be_waited_for() {
    let Command::Wait(args) =
        parse("wait cluster a --for=sync=current,health=healthy --for generation=3").expect("fine").command
    else {
        panic!("wait")
    };
    let shown: Vec<String> = args.conditions.iter().map(ToString::to_string).collect();
    assert_eq!(shown, ["sync=current", "health=healthy", "generation=3"]);
}

//! The references in `docs` are those of the definitions.

fn check(name: &str, expected: &str, command: &str) {
    let path = format!("{}/../../docs/{name}", env!("CARGO_MANIFEST_DIR"));
    let found = std::fs::read_to_string(&path).expect("the reference");
    assert!(found == expected, "docs/{name} is stale: cargo run -p skerry --example {command} > docs/{name}");
}

#[test]
#[cfg_attr(not(feature = "demo"), ignore = "the reference is that of all features; owner: the command line")]
fn the_reference_is_not_stale() {
    check("cli.md", &skerry_cli::reference::markdown(), "reference");
}

#[test]
fn the_list_of_errors_is_not_stale() {
    check("errors.md", &skerry_cli::reference::errors(), "reference errors");
}

//! The reference in `docs` is that of this definition.

#[test]
#[cfg_attr(not(feature = "demo"), ignore = "the reference is that of all features; owner: the command line")]
fn the_reference_is_not_stale() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/cli.md");
    let found = std::fs::read_to_string(path).expect("docs/cli.md");
    let expected = skerry_cli::reference::markdown();
    assert!(found == expected, "docs/cli.md is stale: cargo run -p skerry --example reference > docs/cli.md");
}

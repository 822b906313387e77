//! Every command that the documentation tells people to type is understood by the program that it names.

use std::path::Path;

use clap::{Command, CommandFactory as _};
use skerry_agent::cli::AgentCommandLine;
use skerry_hub::command_line::HubCommandLine;

/// Fewer would mean that commands are no longer found.
const COMMANDS_MIN: usize = 40;

/// The command lines in the shell blocks of a page: joined where they go on, without comments.
fn lines(page: &str) -> Vec<String> {
    let mut found = Vec::new();
    for block in page.split("```sh\n").skip(1) {
        let block = block.split("```").next().unwrap_or_default().replace("\\\n", " ");
        let code = block.lines().map(|line| line.split(" #").next().unwrap_or_default().trim().to_owned());
        found.extend(code.filter(|line| !line.is_empty() && !line.starts_with('#')));
    }
    found
}

/// The commands in a line, whatever runs them: each from the name of a program to the end of what it takes.
fn commands(line: &str) -> Vec<Vec<String>> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let ends = |word: &&str| ["|", "&&", ";", ">", "<"].contains(word);
    let starts = words.iter().enumerate().filter(|(at, word)| {
        // First, or behind what runs it (`sudo -u skerry-hub` ends in a name too); not as an option's value.
        let runner = at.checked_sub(1).and_then(|before| words.get(before)).copied().unwrap_or_default();
        ["skerry", "skerry-hub", "skerry-agent"].contains(word)
            && ["", "&&", "|", ";", "--", "in_pod", "skerry-hub", "skerry-agent"].contains(&runner)
    });
    let of = |(at, _): (usize, &&str)| {
        let command = words.iter().skip(at).take_while(|word| !ends(word));
        // What stands for a digest must look like one.
        command.map(|word| word.replace("sha256:…", &format!("sha256:{:064x}", 1)).replace('"', "")).collect()
    };
    starts.map(of).collect()
}

fn parses(words: &[String]) -> Result<(), String> {
    let definition: Command = match words.first().map(String::as_str) {
        Some("skerry-hub") => HubCommandLine::command(),
        Some("skerry-agent") => AgentCommandLine::command(),
        _ => skerry_cli::command_line(false),
    };
    definition.try_get_matches_from(words).map(drop).map_err(|error| error.to_string())
}

#[test]
fn commands_in_readme_and_docs_are_known() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut seen = 0;
    for page in ["README.md", "docs/install.md", "docs/operate.md", "docs/hub.toml.md", "docs/agent.md"] {
        let text = std::fs::read_to_string(root.join(page)).expect("a page");
        for line in lines(&text) {
            for command in commands(&line) {
                seen += 1;
                if let Err(error) = parses(&command) {
                    panic!("{page}: `{line}` is not understood: {error}");
                }
            }
        }
    }
    assert!(seen >= COMMANDS_MIN, "{seen} commands were found");
    let wrong = ["skerry", "get", "clusters", "--colour"].map(str::to_owned);
    assert!(parses(&wrong).is_err(), "what is wrong is noticed");
}

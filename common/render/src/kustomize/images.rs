//! `images`.

use regex::Regex;
use skerry_yaml::Node;

use super::field_path::{Place, at, at_mut, field_index};
use super::field_spec::{self, Misfit, Specs, set_text};
use super::file::ImageRule;
use super::go_regex;
use super::resource::Resource;
use crate::codes::Fallible;

/// Renames, retags or pins images.
///
/// As in Kustomize, containers are looked for at any depth and any kind but CRDs, and then once
/// more at the usual places: a rule whose result matches its own name is applied twice there.
pub(crate) fn apply(resources: &mut [Resource], rule: &ImageRule, specs: &Specs) -> Fallible<()> {
    let pattern = pattern(&rule.name);
    for resource in resources {
        if resource.kind() == "CustomResourceDefinition" {
            continue;
        }
        if let Err(Misfit(message)) = containers(&mut resource.node, rule, &pattern) {
            return field_spec::misfit(&resource.location(), "image", message);
        }
        let is_meant = |node: &Node| !matches!(renamed(node, rule, &pattern), Ok(None));
        let mut change = |node: &mut Node| update(node, rule, &pattern);
        for spec in specs.iter() {
            field_spec::visit_meant(resource, spec, &is_meant, &mut change)?;
        }
    }
    Ok(())
}

/// Which images a rule means.
enum Pattern<'a> {
    /// Letters as they are, but for the dot, which stands for any.
    Letters(&'a str),
    Regex(Regex),
    /// No image at all.
    Nothing,
}

/// What may follow a name: tag and digest.
const TAIL: &str = "(:[a-zA-Z0-9_.{}-]*)?(@[a-zA-Z0-9]+([.+_-][a-zA-Z0-9]+)*:[a-zA-Z0-9_.{}-]*)?$";

/// The name of a rule is a regular expression; one that is none matches nothing.
fn pattern(name: &str) -> Pattern<'_> {
    // To make an expression takes longer than all the rest.
    if name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"./:_-".contains(&byte)) {
        return Pattern::Letters(name);
    }
    go_regex::compile(&format!("^{name}{TAIL}")).map_or(Pattern::Nothing, Pattern::Regex)
}

impl Pattern<'_> {
    fn is_match(&self, image: &str) -> bool {
        let name = match self {
            Pattern::Nothing => return false,
            Pattern::Regex(regex) => return regex.is_match(image),
            Pattern::Letters(name) => name,
        };
        let mut rest = image.chars();
        let fits = |letter: char, found: char| letter == found || (letter == '.' && found != '\n');
        if !name.chars().all(|letter| rest.next().is_some_and(|found| fits(letter, found))) {
            return false;
        }
        is_tail(rest.as_str())
    }
}

/// What [`TAIL`] means, for all those who never need an expression.
fn is_tail(rest: &str) -> bool {
    let is_inside = |char: char| char.is_ascii_alphanumeric() || "_.{}-".contains(char);
    let rest = rest.strip_prefix(':').map_or(rest, |tag| tag.trim_start_matches(is_inside));
    let Some(digest) = rest.strip_prefix('@') else { return rest.is_empty() };
    let is_name = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
    digest.split_once(':').is_some_and(|(algorithm, value)| {
        algorithm.split(['.', '+', '_', '-']).all(is_name) && value.chars().all(is_inside)
    })
}

/// Changes the image of every entry of every `containers` and `initContainers`.
fn containers(node: &mut Node, rule: &ImageRule, pattern: &Pattern<'_>) -> Result<(), Misfit> {
    let mut images = Vec::new();
    find(node, &mut Place::new(), &mut images)?;
    for place in images {
        let Some(new) = at(node, &place).map(|image| renamed(image, rule, pattern)).transpose()?.flatten() else {
            continue;
        };
        if let Some(image) = at_mut(node, &place) {
            set_text(image, new)?;
        }
    }
    Ok(())
}

/// Finds the images, those furthest inside first.
fn find(node: &Node, place: &mut Place, images: &mut Vec<Place>) -> Result<(), Misfit> {
    let entries = node
        .entries()
        .iter()
        .map(|(key, value)| (matches!(key.as_str(), Some("containers" | "initContainers")), value));
    let below = node.items().iter().map(|item| (false, item)).chain(entries);
    for (index, (holds_containers, value)) in below.enumerate() {
        place.push(index);
        find(value, place, images)?;
        for (number, container) in value.items().iter().enumerate().filter(|_| holds_containers) {
            if !container.is_mapping() && !container.is_null() {
                return Err(Misfit("a container is a mapping".to_owned()));
            }
            if let Some(field) = field_index(container, "image") {
                images.push([place.as_slice(), &[number, field]].concat());
            }
        }
        place.pop();
    }
    Ok(())
}

fn update(node: &mut Node, rule: &ImageRule, pattern: &Pattern<'_>) -> Result<(), Misfit> {
    match renamed(node, rule, pattern)? {
        Some(new) => set_text(node, new),
        None => Ok(()),
    }
}

/// What an image becomes, when the rule means it.
fn renamed(node: &Node, rule: &ImageRule, pattern: &Pattern<'_>) -> Result<Option<String>, Misfit> {
    let Some(value) = node.as_str() else { return Err(Misfit("an image is a text".to_owned())) };
    if !pattern.is_match(value) {
        return Ok(None);
    }
    let (name, tag, digest) = split(value);
    let name = rule.new_name.as_deref().unwrap_or(name);
    let (tag, digest) = match (&rule.new_tag, &rule.digest, &rule.tag_suffix) {
        (Some(tag), Some(digest), _) => (tag.clone(), digest.clone()),
        (Some(tag), None, _) => (tag.clone(), String::new()),
        (None, Some(digest), _) => (String::new(), digest.clone()),
        (None, None, Some(suffix)) => (format!("{tag}{suffix}"), String::new()),
        (None, None, None) => (tag.to_owned(), digest.to_owned()),
    };
    let mut new = name.to_owned();
    for (sign, part) in [(':', tag), ('@', digest)] {
        if !part.is_empty() {
            new.push(sign);
            new.push_str(&part);
        }
    }
    Ok(Some(new))
}
/// Cuts an image into name, tag and digest; a `:` before the first `/` is that of a port.
fn split(image: &str) -> (&str, &str, &str) {
    let start = image.find('/').unwrap_or(0);
    let searched = &image[start..];
    let at = searched.find('@').map(|index| index + start);
    let colon = searched.find(':').map(|index| index + start);
    match (colon, at) {
        (None, None) => (image, "", ""),
        (Some(colon), Some(at)) if colon < at => (&image[..colon], &image[colon + 1..at], &image[at + 1..]),
        (_, Some(at)) => (&image[..at], "", &image[at + 1..]),
        (Some(colon), None) => (&image[..colon], &image[colon + 1..], ""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_rules_mean_what_their_expression_means() {
        for name in ["nginx", "a.b/c-d", "host:5000/x"] {
            let regex = Regex::new(&format!("^{name}{TAIL}")).expect("an expression");
            for image in [
                "nginx",
                "nginx:1",
                "nginx:",
                "nginx@sha256:ab",
                "nginx:1@sha256:ab",
                "nginx@x",
                "nginxx",
                "ngin",
                "a.b/c-d:1",
                "aéb/c-d",
                "a\nb/c-d",
                "host:5000/x:1+2",
                "nginx:1\n",
                "",
            ] {
                let letters = pattern(name);
                assert!(matches!(letters, Pattern::Letters(_)));
                assert_eq!(letters.is_match(image), regex.is_match(image), "{name} on {image}");
            }
        }
    }

    #[test]
    fn images_are_cut_at_the_right_colon() {
        let check = |image, expected| assert_eq!(split(image), expected, "{image}");
        check("nginx", ("nginx", "", ""));
        check("nginx:1.2", ("nginx", "1.2", ""));
        check("host:5000/a/b", ("host:5000/a/b", "", ""));
        check("host:5000/a/b:1@sha256:ab", ("host:5000/a/b", "1", "sha256:ab"));
        check("a/b@sha256:ab", ("a/b", "", "sha256:ab"));
    }
}

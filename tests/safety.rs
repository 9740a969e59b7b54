//! The numbered invariants of SAFETY.md: every citation exists, and every number is cited.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn sources(directory: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}

/// The invariants named in this text: `[MAP-1]` is three capitals, a hyphen, a number.
fn numbers(text: &str) -> BTreeSet<String> {
    text.split('[')
        .skip(1)
        .filter_map(|after| after.split_once(']').map(|(inside, _)| inside))
        .filter(|inside| {
            inside.split_once('-').is_some_and(|(letters, digits)| {
                letters.len() == 3
                    && letters.chars().all(|c| c.is_ascii_uppercase())
                    && !digits.is_empty()
                    && digits.chars().all(|c| c.is_ascii_digit())
            })
        })
        .map(str::to_owned)
        .collect()
}

/// Comment lines from `// SAFETY:` to the end of that comment.
fn safety_comments(text: &str) -> Vec<String> {
    let mut comments = Vec::new();
    let mut current: Option<String> = None;
    for line in text.lines().map(str::trim_start) {
        match (line.strip_prefix("// SAFETY:"), line.strip_prefix("//"), &mut current) {
            (Some(begin), ..) => comments.extend(current.replace(begin.to_owned())),
            (None, Some(more), Some(comment)) => comment.push_str(more),
            _ => comments.extend(current.take()),
        }
    }
    comments.extend(current);
    comments
}

#[test]
fn every_citation_exists_and_every_number_is_cited() {
    let defined: BTreeSet<String> = fs::read_to_string(root().join("SAFETY.md"))
        .unwrap()
        .lines()
        .filter(|line| line.starts_with("* **["))
        .flat_map(|line| numbers(line).into_iter().next())
        .collect();
    assert!(defined.len() > 5, "{defined:?}");
    let mut cited = BTreeSet::new();
    for file in sources(&root().join("src")) {
        for comment in safety_comments(&fs::read_to_string(&file).unwrap()) {
            let here = numbers(&comment);
            let unknown: Vec<_> = here.difference(&defined).collect();
            assert!(unknown.is_empty(), "{} cites {unknown:?}", file.display());
            cited.extend(here);
        }
    }
    let idle: Vec<_> = defined.difference(&cited).collect();
    assert!(idle.is_empty(), "never cited: {idle:?}");
}

#[test]
fn every_safety_comment_cites_a_number() {
    for file in sources(&root().join("src")) {
        for comment in safety_comments(&fs::read_to_string(&file).unwrap()) {
            assert!(!numbers(&comment).is_empty(), "{}: {comment}", file.display());
        }
    }
}

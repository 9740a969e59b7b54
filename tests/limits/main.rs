//! What runs out, and what is denied: each an error that says so, or a way round it; nothing is left, and
//! nothing hangs.

#[path = "../children/mod.rs"]
mod children;

mod addresses;
mod denied;
mod descriptors;
mod files;
mod full;
mod kinds;
mod participants;
mod signals;
mod threads;

use children::{directory, listed};
use commonhold::{Error, ErrorKind};
use std::collections::BTreeSet;

commonhold::test_support!();

/// Prints why something was not tried here.
fn skip(what: &str, why: impl std::fmt::Display) {
    println!("skipped: {what}: {why}");
}

/// This process's descriptors, and what they lead to.
fn descriptors() -> BTreeSet<String> {
    let own = std::fs::read_dir("/proc/self/fd").unwrap();
    own.map(|entry| entry.unwrap().path())
        .filter_map(|path| {
            let target = std::fs::read_link(&path).ok()?;
            Some(format!("{} {}", path.display(), target.display()))
        })
        .filter(|text| !text.contains("/proc/")) // the list itself
        .collect()
}

/// What this process has, and has left.
#[derive(PartialEq, Debug)]
struct Belongings {
    descriptors: BTreeSet<String>,
    names: Vec<String>,
    children: String,
}

fn belongings() -> Belongings {
    let children = std::fs::read_to_string("/proc/thread-self/children").unwrap_or_default();
    Belongings { descriptors: descriptors(), names: listed(&directory()), children }
}

/// Panics unless the error is of this kind, and its text says what was tried, on what, and why not.
fn assert_says(error: &Error, kind: ErrorKind, parts: &[&str]) {
    let text = error.to_string();
    assert_eq!(error.kind(), kind, "{text}");
    let (tried, why) = text.split_once(": ").expect("what was tried, and why not");
    assert!(!tried.is_empty() && !why.is_empty(), "{text}");
    assert!(parts.iter().all(|part| text.contains(part)), "{text}, expected {parts:?}");
}

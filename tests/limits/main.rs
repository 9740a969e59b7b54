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

use children::{directory, fork, listed, wait_until};
use commonhold::{Error, ErrorKind, Value};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::unistd::{Gid, Uid, setgid, setgroups, setuid};
use std::collections::BTreeSet;

commonhold::test_support!();

/// A user who has nothing else here: who it is, is counted.
const SOMEBODY: u32 = 61_234;

/// Becomes a user for whom limits count. False: this one may not.
fn become_somebody() -> bool {
    let became = setgroups(&[])
        .and_then(|()| setgid(Gid::from_raw(SOMEBODY)))
        .and_then(|()| setuid(Uid::from_raw(SOMEBODY)));
    became.map_err(|why| skip("being another user", why)).is_ok()
}

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
    let tasks = std::fs::read_dir("/proc/self/task").unwrap().flatten();
    let children = tasks.map(|task| std::fs::read_to_string(task.path().join("children")));
    let children = children.map(Result::unwrap_or_default).collect();
    Belongings { descriptors: descriptors(), names: listed(&directory()), children }
}

/// Sets how much of a resource this process may have.
fn limit(resource: Resource, most: u64) {
    let (_, hard) = getrlimit(resource).unwrap();
    setrlimit(resource, most.min(hard), hard).unwrap();
}

/// Tries what needs a resource with this much of it, each time in a new child, which afterwards has what
/// it had before, and is no longer refused anything. Stops after three that were given what they need; the
/// first of these is returned.
fn try_with_each(
    resource: Resource,
    amounts: impl IntoIterator<Item = u64>,
    what: &str,
    verb: fn() -> Result<(), Error>,
    refused: fn(&Error),
) -> u64 {
    let given = Value::<u32>::new(0).unwrap();
    let (mut refusals, mut first) = (0, None);
    for amount in amounts {
        given.set(0);
        fork(|| {
            let before = belongings();
            limit(resource, amount);
            let result = verb();
            limit(resource, u64::MAX);
            match &result {
                Ok(()) => given.set(1),
                Err(error) => refused(error),
            }
            wait_until(&format!("{what}, {amount}: nothing to be left"), || belongings() == before);
            verb().unwrap();
            wait_until(&format!("{what}, {amount}: nothing to be left"), || belongings() == before);
        })
        .succeed_or(|| format!("{what} with {amount}"));
        match (given.get(), first) {
            (0, None) => refusals += 1,
            (0, Some(first)) => panic!("{what}: {first} is enough, but {amount} is not"),
            _ if amount > first.unwrap_or(amount) + 2 => break,
            _ => _ = first.get_or_insert(amount),
        }
    }
    assert!(refusals > 0, "{what}: never refused");
    let first = first.unwrap_or_else(|| panic!("{what}: never enough"));
    println!("{what}: refused {refusals} times, {first} is enough");
    first
}

/// Panics unless the error is of this kind, and its text says what was tried, on what, and why not.
fn assert_says(error: &Error, kind: ErrorKind, parts: &[&str]) {
    let text = error.to_string();
    assert_eq!(error.kind(), kind, "{text}");
    let (tried, why) = text.split_once(": ").expect("what was tried, and why not");
    assert!(!tried.is_empty() && !why.is_empty(), "{text}");
    assert!(parts.iter().all(|part| text.contains(part)), "{text}, expected {parts:?}");
}

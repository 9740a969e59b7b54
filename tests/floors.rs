//! The floors: a module uses only the floors below its own, and unsafe code stays on the lower ones.

use std::fs;
use std::path::{Path, PathBuf};

/// Which floor the module at the crate's root stands on.
fn floor(module: &str) -> Option<u32> {
    Some(match module {
        // What has no floor: the words everybody uses.
        "error" | "shared" | "trace" | "bytemuck" => 0,
        "sys" => 0,
        "segment" => 1,
        "raw" => 2,
        "transfer" | "process" | "mailbox" | "wait_any" | "pool" => 4,
        "children" => return None,
        name if name.starts_with(char::is_uppercase) => return None,
        _ => 3,
    })
}

/// Every source file of the crate that is not a test, with the module at the root it belongs to.
fn sources() -> Vec<(String, PathBuf)> {
    fn walk(directory: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    walk(&root, &mut files);
    files.sort();
    files
        .into_iter()
        .filter(|file| !is_test(file.strip_prefix(&root).unwrap()))
        .map(|file| {
            let below = file.strip_prefix(&root).unwrap();
            let first = below.components().next().unwrap().as_os_str().to_str().unwrap();
            (first.trim_end_matches(".rs").to_owned(), file)
        })
        .collect()
}

fn is_test(file: &Path) -> bool {
    file.components().any(|part| {
        let part = part.as_os_str().to_str().unwrap().trim_end_matches(".rs");
        part == "tests" || part == "loom" || part.ends_with("tests") || part.ends_with("deaths")
    })
}

/// The modules at the root that a line names: `crate::sys::clock` names `sys`.
fn named(line: &str) -> impl Iterator<Item = &str> {
    line.split("crate::").skip(1).filter(|after| !after.starts_with('{')).map(|after| {
        let end = after.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(after.len());
        &after[..end]
    })
}

#[test]
fn no_floor_reaches_up() {
    let mut checked = 0;
    for (module, file) in sources().into_iter().filter(|(module, _)| module != "lib") {
        let own = floor(&module).unwrap();
        let text = fs::read_to_string(&file).unwrap();
        let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        for line in code.take_while(|line| *line != "mod tests {") {
            for name in named(line).filter(|name| !name.is_empty()) {
                let Some(used) = floor(name) else { continue };
                let fine = used <= own || name == module;
                assert!(fine, "{}: floor {own} uses {name} of floor {used}", file.display());
                checked += 1;
            }
        }
    }
    assert!(checked > 50, "only {checked} uses were found");
}

#[test]
fn the_upper_floors_forbid_unsafe_code() {
    for (module, file) in sources() {
        let text = fs::read_to_string(&file).unwrap();
        if module != "lib" && floor(&module) >= Some(3) {
            // A module forbids for those below it, where one of them declares an unsafe function.
            let exempt = ["process/fork_unchecked.rs", "process/mod.rs"];
            let forbids = text.contains("#![forbid(unsafe_code)]")
                || exempt.iter().any(|exempt| file.ends_with(exempt));
            assert!(forbids, "{} does not forbid unsafe code", file.display());
        }
    }
}

#[test]
fn every_file_says_its_job_in_its_first_line() {
    for (_, file) in sources() {
        let text = fs::read_to_string(&file).unwrap();
        assert!(text.starts_with("//! "), "{} has no first sentence", file.display());
    }
}

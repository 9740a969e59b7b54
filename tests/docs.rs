//! Every public function, type and trait has an example, which runs with the documentation's tests.

use std::fs;
use std::path::{Path, PathBuf};

/// The files that hold public items: those above the raw floor, and the segment's doors.
fn files(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() && !matches!(name.as_str(), "raw" | "sys" | "tests") {
            files(&path, found);
        } else if name.ends_with(".rs") && !name.ends_with("tests.rs") {
            found.push(path);
        }
    }
}

fn is_public_item(line: &str) -> bool {
    ["pub fn ", "pub const fn ", "pub unsafe fn ", "pub struct ", "pub enum ", "pub trait "]
        .iter()
        .any(|start| line.trim_start().starts_with(start))
        && !line.contains("trait Sealed")
}

#[test]
fn every_public_item_has_an_example() {
    let mut found = Vec::new();
    files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
    let mut checked = 0;
    let mut missing = Vec::new();
    for file in found {
        let text = fs::read_to_string(&file).unwrap();
        // What a sealed module declares is out of reach.
        let text = text.split("pub(super) mod sealed").next().unwrap();
        let text = text.split("pub(crate) mod sealed").next().unwrap();
        let lines: Vec<&str> = text.lines().collect();
        for (number, line) in lines.iter().enumerate().filter(|(_, line)| is_public_item(line)) {
            let above = lines[..number].iter().rev().map(|line| line.trim_start());
            // Documentation and attributes, up to what stands before.
            let docs = above.take_while(|line| {
                let is_comment = line.starts_with("//");
                is_comment || !(line.is_empty() || line.ends_with(['{', '}', ';']))
            });
            let docs: Vec<&str> = docs.collect();
            if docs.contains(&"#[doc(hidden)]") {
                continue;
            }
            checked += 1;
            if !docs.iter().any(|line| line.starts_with("/// ```")) {
                missing.push(format!("{}:{}: {}", file.display(), number + 1, line.trim()));
            }
        }
    }
    assert!(missing.is_empty(), "without an example:\n{}", missing.join("\n"));
    assert!(checked > 200, "only {checked} items were found");
}

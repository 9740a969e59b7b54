//! Tells the program of which versions of its peers it is made.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::{env, fs};

const PEERS: [&str; 13] = [
    "commonhold",
    "cloudtoid-interprocess",
    "crossbeam-channel",
    "crossbeam-queue",
    "iceoryx2",
    "ipc-channel",
    "kanal",
    "parking_lot",
    "procspawn",
    "raw_sync",
    "rayon",
    "rtrb",
    "shared_memory",
];

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=Cargo.lock");
    println!("cargo::rustc-env=COMPARE_VERSIONS={}", versions());
    println!("cargo::rustc-env=COMPARE_RUSTC={}", compiler());
}

fn compiler() -> String {
    let rustc = env::var_os("RUSTC").expect("cargo tells which");
    let output = Command::new(rustc).arg("--version").output().expect("the compiler");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// From what cargo decided; the newest, where there are several.
fn versions() -> String {
    let folder = env::var("CARGO_MANIFEST_DIR").expect("cargo tells where");
    let lock = fs::read_to_string(Path::new(&folder).join("Cargo.lock")).unwrap_or_default();
    let mut found = BTreeMap::new();
    let mut name = "";
    for line in lock.lines() {
        let value = |key: &str| line.strip_prefix(key)?.strip_suffix('"');
        if let Some(value) = value("name = \"") {
            name = value;
        } else if let Some(version) = value("version = \"") {
            found.insert(name, version);
        }
    }
    let pairs = PEERS.iter().filter_map(|peer| Some(format!("{peer}={}", found.get(peer)?)));
    pairs.collect::<Vec<_>>().join(",")
}

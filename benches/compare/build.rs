//! Compiles what is needed of Boost, if it is there, and tells the program of which versions of its peers it
//! is made.

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
    println!("cargo::rerun-if-changed=boost/boost.cc");
    println!("cargo::rustc-check-cfg=cfg(boost)");
    let boost = boost_version();
    if boost.is_some() && compile_boost() {
        println!("cargo::rustc-cfg=boost");
    }
    let boost = boost.map_or(String::new(), |version| format!(",Boost={version}"));
    println!("cargo::rustc-env=COMPARE_VERSIONS={}{boost}", versions());
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

/// Of the headers that the C++ compiler finds, if there is one, and if it finds any.
fn boost_version() -> Option<String> {
    let compiler = cc::Build::new().cpp(true).try_get_compiler().ok()?;
    let source = Path::new(&env::var_os("OUT_DIR")?).join("version.cc");
    fs::write(&source, "#include <boost/version.hpp>\nBOOST_LIB_VERSION\n").ok()?;
    let output = compiler.to_command().args(["-E", "-P"]).arg(&source).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let version = text.trim().trim_matches('"').replace('_', ".");
    (output.status.success() && !version.is_empty()).then_some(version)
}

fn compile_boost() -> bool {
    let mut build = cc::Build::new();
    let built = build.cpp(true).std("c++14").opt_level(2).warnings(false).file("boost/boost.cc");
    let built = built.try_compile("boost_shim");
    if let Err(error) = &built {
        println!("cargo::warning=Boost.Interprocess is left out: {error}");
    } else {
        // glibc before 2.34 has them in libraries of their own.
        println!("cargo::rustc-link-lib=rt");
        println!("cargo::rustc-link-lib=pthread");
    }
    built.is_ok()
}

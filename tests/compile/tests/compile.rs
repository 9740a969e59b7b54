//! What must not compile, with the words that people read then; and, beside it, what must.

use std::process::Command;

/// The compiler whose words the cases have: others say some of it differently.
const WORDS_OF: &str = "rustc 1.95.";

fn compiler() -> String {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let version = Command::new(rustc).arg("--version").output().expect("a compiler");
    String::from_utf8_lossy(&version.stdout).into_owned()
}

#[test]
fn what_cannot_cross_does_not_compile() {
    let cases = trybuild::TestCases::new();
    // Has all of them built, not only checked: a capture is found when code is made of a function.
    cases.pass("cases/crosses.rs");
    let compiler = compiler();
    if compiler.starts_with(WORDS_OF) {
        cases.compile_fail("cases/fail/*.rs");
    } else {
        println!("skipped: the words of {WORDS_OF}x are known, this is {compiler}");
    }
}

//! What must not compile, with the words that people read then; and, beside it, what must.

#[test]
fn what_cannot_cross_does_not_compile() {
    let cases = trybuild::TestCases::new();
    // Has all of them built, not only checked: a capture is found when code is made of a function.
    cases.pass("tests/compile/crosses.rs");
    cases.compile_fail("tests/compile/fail/*.rs");
}

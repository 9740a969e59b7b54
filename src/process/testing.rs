//! Starting processes from tests, whose `main` is the harness's.
#![forbid(unsafe_code)]

/// Lets tests start processes: said once, at the top level of a test binary (a file of `tests/`, a bench,
/// or `lib.rs` under `#[cfg(test)]`), where there is no `main` that could call [`init`](crate::init).
///
/// It has `init` called before `main`, by the loader. A child so never gets to the harness; what its
/// function prints is not captured. It runs before `main` as well, which matters to it only where the
/// program sets something up at the start of `main`.
///
/// The expansion has an `unsafe` attribute, for the place of a function pointer in the program: a test
/// binary that says `forbid(unsafe_code)` cannot use it.
///
/// # Examples
/// ```
/// commonhold::test_support!();
///
/// fn children_do_their_work() {
///     let child = commonhold::Process::spawn(|| (), ()).unwrap();
///     assert!(child.join().unwrap().success());
/// }
/// # fn main() { children_do_their_work() }
/// ```
#[macro_export]
macro_rules! test_support {
    () => {
        #[allow(unsafe_code)]
        const _: () = {
            #[used]
            #[unsafe(link_section = ".init_array")]
            static BEFORE_MAIN: extern "C" fn() = $crate::__before_main;
        };
    };
}

/// What [`test_support!`](crate::test_support) has called.
#[doc(hidden)]
pub extern "C" fn before_main() {
    super::init();
}

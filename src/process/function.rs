//! What can be run in another process: a function that is nothing but its type, and how it is called.
#![forbid(unsafe_code)]

use std::process::Termination;

/// How a function takes its arguments: as the one value they are.
#[doc(hidden)]
pub enum Whole {}

/// How a function takes its arguments: the members of a tuple one by one.
#[doc(hidden)]
pub enum Spread {}

/// A function that can run in another process, with arguments of type `A`.
///
/// These are function items, and closures that capture nothing: their type alone names them, so that
/// only a position in the program has to cross, not a value. The arguments are one value, or a tuple of
/// up to eight whose members the function takes one by one; `()` is for none. `M` says which of the
/// two, and is inferred.
///
/// A closure that captures something, or a pointer to a function, is refused when the program is
/// built: what the function needs is handed over as its arguments.
///
/// # Examples
/// ```
/// use commonhold::Function;
///
/// fn add(a: u32, b: u32) -> u32 { a + b }
/// fn run<F: Function<A, M>, A, M>(_: F, _: A) {}
///
/// run(add, (1, 2));
/// run(|pair: (u8, u8)| pair.0, (1, 2));
/// run(|| println!("no arguments"), ());
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot run in another process with arguments of type `{A}`",
    label = "not a function of these arguments",
    note = "it is to be a function, or a closure that captures nothing, whose parameters are the \
            members of the tuple of arguments: `fn f(queue: Queue<u64>, n: u64)` for \
            `(queue, 10)`; `()` for none"
)]
pub trait Function<A, M>: sealed::Sealed<A, M> + Copy + Send + 'static {
    /// What it returns.
    type Output;

    /// Runs it.
    #[doc(hidden)]
    fn call(self, args: A) -> Self::Output;
}

mod sealed {
    pub trait Sealed<A, M> {}
}

impl<F, A, R> sealed::Sealed<A, Whole> for F where F: Fn(A) -> R + Copy + Send + 'static {}

impl<F, A, R> Function<A, Whole> for F
where
    F: Fn(A) -> R + Copy + Send + 'static,
{
    type Output = R;

    #[inline]
    fn call(self, args: A) -> R {
        self(args)
    }
}

macro_rules! spread {
    ($(($($member:ident $index:tt),*))*) => {$(
        impl<F, R, $($member),*> sealed::Sealed<($($member,)*), Spread> for F
        where
            F: Fn($($member),*) -> R + Copy + Send + 'static,
        {
        }

        impl<F, R, $($member),*> Function<($($member,)*), Spread> for F
        where
            F: Fn($($member),*) -> R + Copy + Send + 'static,
        {
            type Output = R;

            #[inline]
            #[allow(unused_variables, reason = "where there are no arguments")]
            fn call(self, args: ($($member,)*)) -> R {
                self($(args.$index),*)
            }
        }
    )*};
}

spread! {
    ()
    (A 0)
    (A 0, B 1)
    (A 0, B 1, C 2)
    (A 0, B 1, C 2, D 3)
    (A 0, B 1, C 2, D 3, E 4)
    (A 0, B 1, C 2, D 3, E 4, G 5)
    (A 0, B 1, C 2, D 3, E 4, G 5, H 6)
    (A 0, B 1, C 2, D 3, E 4, G 5, H 6, I 7)
}

/// Refuses, when the program is built, a function that is more than its type.
pub(crate) const fn assert_captures_nothing<F>() {
    assert!(
        size_of::<F>() == 0,
        "a function that runs in another process captures nothing, and is no pointer: name the \
         function itself, or hand over what the closure captures as its arguments"
    );
}

/// The code a process ends with that returned this: 0 for success, 1 for an `Err`, which is printed.
pub(crate) fn exit_code(returned: impl Termination) -> i32 {
    // std shows the number of an exit code in no other way.
    let code = format!("{:?}", returned.report());
    if code == format!("{:?}", std::process::ExitCode::SUCCESS) {
        return 0;
    }
    code.trim_matches(|c: char| !c.is_ascii_digit()).parse().unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::exit_code;
    use std::process::ExitCode;

    #[test]
    fn exit_codes_are_told() {
        assert_eq!(exit_code(()), 0);
        assert_eq!(exit_code(Err::<(), _>("printed")), 1);
        for code in [0, 1, 7, 101, 255] {
            assert_eq!(exit_code(ExitCode::from(code)), i32::from(code));
        }
    }
}

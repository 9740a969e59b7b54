//! How threads pass a message on: a short one by value, a longer one in a box, as their users do.

/// What is passed.
pub trait Passed: Send + 'static {
    const WORDS: usize;
    fn of(words: &[u64]) -> Self;
    fn words(&self) -> &[u64];
}

impl<const N: usize> Passed for [u64; N] {
    const WORDS: usize = N;

    #[inline(always)]
    fn of(words: &[u64]) -> [u64; N] {
        words.try_into().expect("so many words")
    }

    #[inline(always)]
    fn words(&self) -> &[u64] {
        self
    }
}

/// A message of so many words, elsewhere.
pub struct Boxed<const N: usize>(Box<[u64]>);

impl<const N: usize> Passed for Boxed<N> {
    const WORDS: usize = N;

    #[inline(always)]
    fn of(words: &[u64]) -> Boxed<N> {
        Boxed(words.into())
    }

    #[inline(always)]
    fn words(&self) -> &[u64] {
        &self.0
    }
}

/// Calls a function that is generic over what is passed with that for so many bytes.
macro_rules! passed_by_size {
    ($bytes:expr, $P:ident => $then:expr) => {{
        use $crate::engines::thread_message::Boxed;
        match $bytes {
            8 => {
                type $P = [u64; 1];
                $then
            }
            64 => {
                type $P = [u64; 8];
                $then
            }
            1024 => {
                type $P = Boxed<128>;
                $then
            }
            8192 => {
                type $P = Boxed<1024>;
                $then
            }
            65536 => {
                type $P = Boxed<8192>;
                $then
            }
            1048576 => {
                type $P = Boxed<131072>;
                $then
            }
            bytes => panic!("no message of {bytes} bytes"),
        }
    }};
}
pub(crate) use passed_by_size;

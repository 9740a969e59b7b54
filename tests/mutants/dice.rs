//! Where the choices come from: a seed, or bytes that a fuzzer chose.

/// A source of choices.
pub enum Dice<'b> {
    /// SplitMix64.
    Seeded(u64),
    /// Zero once they are used up.
    #[allow(dead_code, reason = "for the fuzzer's targets")]
    Given(&'b [u8]),
}

impl<'b> Dice<'b> {
    /// The dice of one mutation: those of another tell nothing of them.
    pub fn of(seed: u64, index: u64) -> Dice<'static> {
        let mut first = Dice::Seeded(seed);
        let start = first.word();
        Dice::Seeded(start ^ index.wrapping_mul(0xD6E8_FEB8_6659_FD93))
    }

    #[allow(dead_code, reason = "for the fuzzer's targets")]
    pub fn given(bytes: &'b [u8]) -> Dice<'b> {
        Dice::Given(bytes)
    }

    pub fn word(&mut self) -> u64 {
        match self {
            Dice::Seeded(state) => {
                *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
                let word = (*state ^ (*state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
                let word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
                word ^ (word >> 31)
            }
            Dice::Given(bytes) => {
                let (now, rest) = bytes.split_at(bytes.len().min(8));
                *bytes = rest;
                now.iter().fold(0, |word, byte| word << 8 | u64::from(*byte))
            }
        }
    }

    /// A number below `bound`; 0 where that is 0.
    pub fn below(&mut self, bound: usize) -> usize {
        let bytes = match self {
            Dice::Seeded(_) => return (self.word() % bound.max(1) as u64) as usize,
            Dice::Given(bytes) => bytes,
        };
        // As few bytes as the number needs: a fuzzer changes them one by one.
        let width = if bound <= 1 << 8 { 1 } else { 3 };
        let (now, rest) = bytes.split_at(bytes.len().min(width));
        *bytes = rest;
        let number = now.iter().fold(0, |number, byte| number << 8 | usize::from(*byte));
        number % bound.max(1)
    }

    pub fn one_in(&mut self, bound: usize) -> bool {
        self.below(bound) == bound - 1
    }

    pub fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }
}

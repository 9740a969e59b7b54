//! Values to put into objects.

use commonhold::{Queue, Shared, Text};

use crate::uses::Uses;

/// A type of which there are values by number.
pub trait Sample: Shared {
    fn sample(number: u64) -> Self;

    /// What tells values apart.
    fn known_by(&self) -> u64;

    /// Builds messages in place, where the type is one that can be.
    fn reserve(_: &Queue<Self>, _: &Uses) {}
}

pub fn text<const N: usize>(text: &str) -> Text<N> {
    Text::try_from(text).expect("a short text")
}

macro_rules! numbers {
    ($($type:ty)*) => {$(
        impl Sample for $type {
            fn sample(number: u64) -> $type {
                number as $type
            }

            fn known_by(&self) -> u64 {
                u64::from(*self)
            }

            fn reserve(queue: &Queue<$type>, uses: &Uses) {
                super::queue::reserve(queue, uses, 3);
            }
        }
    )*};
}

numbers!(u16 u32 u64);

impl<const N: usize> Sample for [u64; N]
where
    [u64; N]: commonhold::bytemuck::Pod,
{
    fn sample(number: u64) -> Self {
        [number; N]
    }

    fn known_by(&self) -> u64 {
        self.iter().fold(0, |sum, word| sum.wrapping_mul(31).wrapping_add(*word))
    }

    fn reserve(queue: &Queue<Self>, uses: &Uses) {
        super::queue::reserve(queue, uses, [3; N]);
    }
}

impl Sample for char {
    fn sample(number: u64) -> char {
        char::from(b'a' + (number % 26) as u8)
    }

    fn known_by(&self) -> u64 {
        u64::from(u32::from(*self))
    }
}

impl Sample for bool {
    fn sample(number: u64) -> bool {
        number % 2 == 1
    }

    fn known_by(&self) -> u64 {
        // Of bytes that are no `bool` the two answers may differ.
        u64::from(*self)
    }
}

impl<const N: usize> Sample for Text<N> {
    fn sample(number: u64) -> Text<N> {
        text(&number.to_string())
    }

    fn known_by(&self) -> u64 {
        self.as_str().chars().fold(0, |sum, next| sum.wrapping_mul(31).wrapping_add(next as u64))
    }
}

//! What is sent: words, all of them or the first and the last being the message's number.

use std::fmt::Debug;

use bytemuck::Pod;
use commonhold::Shared;
use iceoryx2::prelude::ZeroCopySend;

/// Above this bit of a message's number is the number of its sender.
const SENDER_SHIFT: u32 = 48;
const MAX_SENDERS: usize = 16;

/// What all who carry it by type ask of it.
pub trait Message: Shared + Pod + Debug + ZeroCopySend {
    const WORDS: usize;
    const BYTES: usize = Self::WORDS * 8;
}

impl<const N: usize> Message for [u64; N] {
    const WORDS: usize = N;
}

/// Calls a function that is generic over the message with the one that has so many bytes.
macro_rules! by_size {
    ($bytes:expr, $M:ident => $then:expr) => {{
        match $bytes {
            8 => {
                type $M = [u64; 1];
                $then
            }
            64 => {
                type $M = [u64; 8];
                $then
            }
            1024 => {
                type $M = [u64; 128];
                $then
            }
            8192 => {
                type $M = [u64; 1024];
                $then
            }
            65536 => {
                type $M = [u64; 8192];
                $then
            }
            1048576 => {
                type $M = [u64; 131072];
                $then
            }
            bytes => panic!("no message of {bytes} bytes"),
        }
    }};
}
pub(crate) use by_size;

/// How much of a message is written and looked at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Content {
    /// While it is measured.
    Ends,
    /// Before.
    Whole,
}

impl Content {
    #[inline(always)]
    pub fn write(self, words: &mut [u64], number: u64) {
        if self == Content::Whole {
            words.fill(number);
        }
        let last = words.len() - 1;
        (words[0], words[last]) = (number, number);
    }

    #[inline(always)]
    pub fn read(self, words: &[u64]) -> u64 {
        let number = words[0];
        assert_eq!(number, words[words.len() - 1], "a torn message");
        if self == Content::Whole {
            assert!(words.iter().all(|word| *word == number), "a torn message");
        }
        number
    }
}

/// A message in memory of its own.
pub struct Buffer(pub Vec<u64>);

impl Buffer {
    pub fn of<M: Message>() -> Buffer {
        Buffer(vec![0; M::WORDS])
    }

    #[inline(always)]
    pub fn write(&mut self, number: u64, content: Content) -> &[u8] {
        content.write(&mut self.0, number);
        bytemuck::cast_slice(&self.0)
    }

    #[inline(always)]
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        bytemuck::cast_slice_mut(&mut self.0)
    }

    #[inline(always)]
    pub fn read(&self, content: Content) -> u64 {
        content.read(&self.0)
    }
}

/// The number in bytes that lie anywhere.
#[inline(always)]
pub fn read_bytes<M: Message>(bytes: &[u8], content: Content) -> u64 {
    assert_eq!(bytes.len(), M::BYTES, "a message of another length");
    let word = |at: usize| bytemuck::pod_read_unaligned::<u64>(&bytes[at * 8..at * 8 + 8]);
    let number = word(0);
    assert_eq!(number, word(M::WORDS - 1), "a torn message");
    if content == Content::Whole {
        assert!((0..M::WORDS).all(|at| word(at) == number), "a torn message");
    }
    number
}

/// The numbers of a sender's messages.
pub fn numbers(sender: usize, count: u64) -> impl Iterator<Item = u64> {
    let first = (sender as u64) << SENDER_SHIFT;
    (1..=count).map(move |number| first | number)
}

/// Sees to it that each sender's messages come in their order.
#[derive(Default)]
pub struct Checker {
    last: [u64; MAX_SENDERS],
    pub sum: u64,
}

impl Checker {
    #[inline(always)]
    pub fn check(&mut self, number: u64) {
        let last = &mut self.last[(number >> SENDER_SHIFT) as usize % MAX_SENDERS];
        assert!(number > *last, "out of order: {number:x} after {last:x}");
        *last = number;
        self.sum = self.sum.wrapping_add(number);
    }
}

//! What is done to the bytes of a segment.

use std::ops::Range;

use crate::dice::Dice;

/// The places of a segment that are hit more often than others.
#[derive(Clone, Default)]
pub struct Map {
    /// Words of the header, the participants, and the descriptions of objects.
    pub described: Vec<usize>,
    /// Words that operations changed: claims, positions, counts.
    pub busy: Vec<usize>,
    /// What may be hit at all.
    pub within: Range<usize>,
}

/// Numbers that break what is not checked.
const NUMBERS: [u64; 14] = [
    0,
    1,
    2,
    7,
    0x7F,
    0xFF,
    0xFFFF,
    0x7FFF_FFFF,
    0x8000_0000,
    u32::MAX as u64,
    1 << 32,
    1 << 47,
    i64::MAX as u64,
    u64::MAX,
];

/// Mutates these bytes, mostly once; tells which were written to.
pub fn mutate(bytes: &mut [u8], map: &Map, dice: &mut Dice<'_>) -> Vec<Range<usize>> {
    let times = if dice.one_in(6) { 2 + dice.below(7) } else { 1 };
    (0..times).map(|_| mutate_once(bytes, map, dice)).collect()
}

fn mutate_once(bytes: &mut [u8], map: &Map, dice: &mut Dice<'_>) -> Range<usize> {
    let at = place(bytes, map, dice);
    match dice.below(16) {
        0..=2 => put(bytes, at, &[bytes[at] ^ 1 << dice.below(8)]),
        3 => put(bytes, at, &[dice.pick(&[0, 1, 0x7F, 0x80, 0xFF])]),
        4 => put(bytes, at, &[bytes[at].wrapping_add(dice.pick(&[1, 2, 0xFF, 0xFE]))]),
        5..=13 => {
            let width = dice.pick(&[4, 8]);
            let at = at - at % width;
            let word = number(bytes, at, width, map, dice).to_le_bytes();
            put(bytes, at, &word[..width])
        }
        14 => {
            let (len, from) = (8 << dice.below(5), place(bytes, map, dice));
            let block: Vec<u8> = bytes[from..].iter().take(len).copied().collect();
            put(bytes, at, &block)
        }
        _ => {
            let noise: Vec<u8> = (0..1 + dice.below(64)).map(|_| dice.word() as u8).collect();
            put(bytes, at, &noise)
        }
    }
}

fn place(bytes: &[u8], map: &Map, dice: &mut Dice<'_>) -> usize {
    let words = match dice.below(3) {
        0 => &map.described,
        1 => &map.busy,
        _ => &Vec::new(),
    };
    let at = match words.is_empty() {
        true => map.within.start + dice.below(map.within.len()),
        false => dice.pick(words) + dice.below(4),
    };
    at.min(bytes.len() - 1)
}

/// What a word becomes: near what it was, at an extreme, or what another one is.
fn number(bytes: &[u8], at: usize, width: usize, map: &Map, dice: &mut Dice<'_>) -> u64 {
    let now = read(bytes, at, width);
    match dice.below(8) {
        0 => now.wrapping_add(dice.pick(&[1, 2, 8, 64, 128, 4096])),
        1 => now.wrapping_sub(dice.pick(&[1, 2, 8, 64, 128, 4096])),
        2 => now ^ 1 << dice.below(64),
        3 => now.rotate_left(8 * dice.below(8) as u32),
        4..=5 => dice.pick(&NUMBERS),
        6 => dice.word() >> dice.below(64),
        _ => {
            let other = place(bytes, map, dice);
            read(bytes, other - other % width, width)
        }
    }
}

fn read(bytes: &[u8], at: usize, width: usize) -> u64 {
    let mut word = [0; 8];
    let there = &bytes[at.min(bytes.len())..(at + width).min(bytes.len())];
    word[..there.len()].copy_from_slice(there);
    u64::from_le_bytes(word)
}

fn put(bytes: &mut [u8], at: usize, what: &[u8]) -> Range<usize> {
    let end = (at + what.len()).min(bytes.len());
    bytes[at..end].copy_from_slice(&what[..end - at]);
    at..end
}

//! The colours of the plots: all of them show on white and on black.

use plotters::style::RGBColor;

use crate::contestant::Kind;

const OURS: [RGBColor; 4] = [
    RGBColor(0xe0, 0x3c, 0x31),
    RGBColor(0xf2, 0x8c, 0x28),
    RGBColor(0xd6, 0x5c, 0xa8),
    RGBColor(0xb8, 0x86, 0x0b),
];
const LIMIT: RGBColor = RGBColor(0x8a, 0x8f, 0x98);
const OTHERS: [RGBColor; 9] = [
    RGBColor(0x2f, 0x81, 0xf7),
    RGBColor(0x2d, 0xa4, 0x4e),
    RGBColor(0x8e, 0x6d, 0xd8),
    RGBColor(0x1b, 0x9a, 0xaa),
    RGBColor(0x9a, 0x6e, 0x3a),
    RGBColor(0x6f, 0x9c, 0x1f),
    RGBColor(0x5b, 0x7f, 0xb5),
    RGBColor(0xb0, 0x5c, 0xc8),
    RGBColor(0x4f, 0x8f, 0x7a),
];

/// For the so manieth of its kind.
pub fn colour(kind: Kind, at: usize) -> RGBColor {
    match kind {
        Kind::Commonhold => OURS[at % OURS.len()],
        Kind::Limit => LIMIT,
        Kind::Processes | Kind::Threads => OTHERS[at % OTHERS.len()],
    }
}

//! How results lie in their room: values without a head as long as all are of one length, then records.
//!
//! ```text
//!   value | value | value …    all of the length that is told beside the room
//!   head | value               from the first on that is something else; the head tells what and how long
//! ```

/// Up to this, the first byte of a head is the length of a value. Others have theirs after it, in four
/// bytes.
pub(crate) const LONGEST: u8 = 239;
/// A longer value.
pub(crate) const VALUE: u8 = 240;
/// A panic's message and location.
pub(crate) const PANICKED: u8 = 241;
/// Why the arguments or the result could not cross.
pub(crate) const REFUSED: u8 = 242;
/// There was no memory for the result. It has no length.
pub(crate) const NO_ROOM: u8 = 243;

/// The values without a head: how long each is, and how many there are at most.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Dense {
    pub(crate) each: u32,
    pub(crate) most: u32,
}

impl Dense {
    /// More may come.
    pub(super) const OPEN: u32 = u32::MAX;

    pub(super) fn from_bits(bits: u64) -> Dense {
        Dense { each: bits as u32, most: (bits >> 32) as u32 }
    }

    pub(super) fn bits(self) -> u64 {
        u64::from(self.most) << 32 | u64::from(self.each)
    }
}

/// How many bytes the first `count` results take. `None`: they are none.
pub(super) fn length(room: &[u8], dense: Dense, count: u32) -> Option<usize> {
    let plain = count.min(dense.most);
    let mut at = (plain as usize).checked_mul(dense.each as usize)?;
    for _ in plain..count {
        let kind = *room.get(at)?;
        at += 1;
        at += match kind {
            0..=LONGEST => usize::from(kind),
            NO_ROOM => 0,
            _ => 4 + u32::from_ne_bytes(room.get(at..at + 4)?.try_into().ok()?) as usize,
        };
    }
    (at <= room.len()).then_some(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_measured() {
        let room = [1, 1, 2, 2, 1, 9, NO_ROOM, VALUE, 2, 0, 0, 0, 7, 7];
        let dense = Dense { each: 2, most: 2 };
        let lengths: Vec<_> = (0..=6).map(|count| length(&room, dense, count)).collect();
        assert_eq!(lengths, [Some(0), Some(2), Some(4), Some(6), Some(7), Some(14), None]);
        let open = Dense { each: 2, most: Dense::OPEN };
        assert_eq!(length(&room, open, 7), Some(14));
        assert_eq!(length(&room, open, 8), None);
        assert_eq!(Dense::from_bits(open.bits()), open);
    }
}

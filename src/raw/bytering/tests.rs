//! What tests of what stands on the ring need to see of it, and to do to it.

use super::layout::{Carried, RawBytes};
use super::words::{Extent, Record};
use crate::raw::sync::{AtomicU64, Ordering};

impl<C: Carried> RawBytes<C> {
    /// Pages of memory that messages take in the annex.
    pub(crate) fn annex_pages(&self) -> u64 {
        self.ring.store.annex.pages_held()
    }

    /// Whether a message of so many bytes can never be sent.
    pub(crate) fn could_never_send(&self, length: u64) -> bool {
        self.ring.store.annex.could_never_hold(length)
    }
}

#[test]
fn a_ring_counts_its_units_over_the_wrap() {
    for units in [2, 3, 7, 1 << 30] {
        let extent = Extent::new(units).unwrap();
        let units = extent.units();
        for position in [0, 1, units - 1, units, 2 * units - 1] {
            for more in [0, 1, units - 1, units] {
                let after = extent.after(position, more);
                assert_eq!(extent.used(position, after), Some(more));
                assert!(extent.index(after) < units);
            }
        }
        assert_eq!(extent.used(0, units + 1), None, "more than there is");
        assert_eq!(extent.used(0, 2 * units), None, "no position");
        assert_eq!(extent.index(u32::MAX), 0);
    }
    assert_eq!((Extent::new(1), Extent::new((1 << 30) + 1)), (None, None));
}

#[test]
fn a_header_says_what_it_was_told() {
    for length in [0, 1, 8, 9, (1 << 48) - 1] {
        for (annexed, refers) in [(false, false), (true, false), (false, true), (true, true)] {
            let record = Record { length, annexed, refers };
            assert_eq!(Record::of(record.word()), record);
        }
    }
    let whole = |length| Record { length, annexed: false, refers: false }.units();
    assert_eq!([whole(0), whole(1), whole(8), whole(9)], [1, 2, 2, 3]);
    assert_eq!(whole((1 << 48) - 1), u32::MAX);
}

#[test]
fn places_are_read_back() {
    use super::annex::Place;
    let place = Place::at(5, 1 << 40);
    assert_eq!(Place::from_bytes(&place.to_bytes()), Some(place));
    assert_eq!(Place::from_bytes(&[0; 15]), None);
}

impl<C: Carried> RawBytes<C> {
    /// Writes over the payload of what is in the ring, as this crate never does.
    pub(crate) fn overwrite_payload(&self, with: u8) {
        self.ring.store.overwrite_payload(with);
    }

    /// Writes over one of the ring's words, or of its units.
    pub(crate) fn overwrite_words(&self, which: usize, with: u64) {
        let word: &AtomicU64 = self.ring.store.any_word(which);
        word.store(with, Ordering::SeqCst);
    }
}

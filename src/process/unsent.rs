//! What is still to be written to a new process: its letter, and the descriptors that go with it.
//!
//! ```text
//!   parcel: a byte n, and with it n descriptors; behind one of PARCEL comes another
//!   how many bytes | letter, arguments
//! ```
#![forbid(unsafe_code)]

use std::collections::VecDeque;
use std::os::fd::{OwnedFd, RawFd};

use crate::error::Failure;
use crate::sys::line::{Line, Moved, PARCEL};

/// What is still to be written. Its descriptors are kept open by whoever has it.
#[derive(Default)]
pub(super) struct Unsent(VecDeque<Part>);

struct Part {
    /// They go with the first byte.
    descriptors: Vec<RawFd>,
    bytes: VecDeque<u8>,
}

impl Unsent {
    /// All of a letter.
    pub(super) fn new(mut descriptors: &[RawFd], letter: &[u8]) -> Unsent {
        let mut parts = VecDeque::new();
        while let Some((parcel, rest)) = descriptors.split_at_checked(PARCEL) {
            parts.push_back(Part { descriptors: parcel.to_vec(), bytes: [PARCEL as u8].into() });
            descriptors = rest;
        }
        let head = (letter.len() as u64).to_ne_bytes();
        let mut bytes = VecDeque::with_capacity(1 + head.len() + letter.len());
        bytes.extend([descriptors.len() as u8].iter().chain(&head).chain(letter));
        parts.push_back(Part { descriptors: descriptors.to_vec(), bytes });
        Unsent(parts)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Writes what there is room for.
    pub(super) fn write_some(&mut self, line: &Line) -> Result<(), Failure> {
        while let Some(part) = self.0.front_mut() {
            match line.send_with_now(part.bytes.as_slices().0, &part.descriptors) {
                Ok(Moved::Bytes(sent)) => {
                    part.descriptors.clear();
                    part.bytes.drain(..sent);
                    if part.bytes.is_empty() {
                        self.0.pop_front();
                    }
                }
                Ok(Moved::Nothing) => break,
                Ok(Moved::Closed) => self.0.clear(),
                Err(error) => return Err(Failure::system("writing to the new process", error)),
            }
        }
        Ok(())
    }
}

/// Receives the parcels, as long as somebody `is_there` to send them. `None`: nobody is.
pub(super) fn receive_parcels(
    line: &Line,
    is_there: impl Fn() -> bool,
) -> Option<Result<Vec<OwnedFd>, Lost>> {
    let (mut all, mut expected) = (Vec::new(), 0);
    loop {
        let (count, parcel) = line.recv_parcel(&is_there)?;
        all.extend(parcel);
        expected += usize::from(count);
        if usize::from(count) != PARCEL {
            let came = all.len();
            return Some(if came == expected { Ok(all) } else { Err(Lost { came, expected }) });
        }
    }
}

/// Not all descriptors came.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lost {
    pub(super) came: usize,
    pub(super) expected: usize,
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::{AsFd, AsRawFd};

    #[test]
    fn descriptors_go_with_the_letter_in_parcels() {
        for count in [0, 1, PARCEL - 1, PARCEL, PARCEL + 1, 2 * PARCEL] {
            let (here, there) = Line::pair().unwrap();
            let files: Vec<OwnedFd> = (0..count).map(|_| memory_file()).collect();
            let numbers: Vec<RawFd> = files.iter().map(AsRawFd::as_raw_fd).collect();
            let mut unsent = Unsent::new(&numbers, b"letter");
            unsent.write_some(&here).unwrap();
            assert!(unsent.is_empty());
            let came = receive_parcels(&there, || true).unwrap().unwrap();
            assert!(came.iter().map(inode).eq(files.iter().map(inode)), "{count} descriptors");
            let mut rest = [0; 14];
            assert!(there.recv_all(&mut rest, || true));
            assert_eq!((&rest[..8], &rest[8..]), (&6_u64.to_ne_bytes()[..], &b"letter"[..]));
        }
    }

    #[test]
    fn a_sender_that_is_gone_is_not_waited_for() {
        let (here, there) = Line::pair().unwrap();
        assert!(receive_parcels(&there, || false).is_none(), "nobody, and nothing was sent");
        Unsent::new(&[], b"letter").write_some(&here).unwrap();
        assert!(receive_parcels(&there, || false).is_some(), "nobody, but it was sent before");
        here.hang_up();
        assert!(!there.recv_all(&mut [0; 15], || true), "the end comes after 14 bytes");
    }

    fn memory_file() -> OwnedFd {
        crate::sys::memory::memfd().unwrap()
    }

    fn inode(file: &OwnedFd) -> u64 {
        crate::sys::memory::facts(file.as_fd()).unwrap().id.inode
    }
}

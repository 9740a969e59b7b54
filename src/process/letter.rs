//! What passes between a process and its new child: what to run, and what became of it.
//!
//! ```text
//! parent ── descriptors; how many bytes, letter: program, entry, who, their numbers; arguments ──▶ child
//!        ◀── records: a kind, how many bytes, a text ──
//! ```
//! The letter is written as far as there is room for it, so that a small one is waiting when the child
//! looks. A record is small, and is sent at once: it fits, or is cut.
#![forbid(unsafe_code)]

use std::os::fd::OwnedFd;

use super::unsent::{Lost, Unsent, receive_parcels};
use crate::sys::line::{Line, Moved};
use crate::transfer::{Packer, Refused, Transfer, Unpacker};

/// What a child is to know before its arguments.
#[derive(PartialEq, Debug)]
pub(super) struct Letter {
    /// Of the program that the offset is one of.
    pub(super) program: Vec<u8>,
    pub(super) entry: u64,
    pub(super) parent: u32,
    pub(super) parent_name: String,
    pub(super) name: String,
    pub(super) lives_on: bool,
    /// Those of the child for numbers and for times; 0: it is to look itself.
    pub(super) namespaces: (u64, u64),
    /// What the parent calls the descriptors that come with it.
    pub(super) descriptors: Vec<i32>,
}

/// A letter that arrived.
pub(super) struct Received {
    pub(super) letter: Letter,
    pub(super) arguments: Vec<u8>,
    /// With the parent's number of each.
    pub(super) descriptors: Vec<(i32, OwnedFd)>,
}

crate::transfer!(Letter {
    program,
    entry,
    parent,
    parent_name,
    name,
    lives_on,
    namespaces,
    descriptors
});

impl Letter {
    /// What is to be sent: the descriptors, the letter, the arguments.
    pub(super) fn with_arguments(&self, arguments: &[u8]) -> Result<Unsent, Refused> {
        let mut packer = Packer::new();
        self.pack(&mut packer)?;
        packer.push(arguments);
        Ok(Unsent::new(&self.descriptors, packer.bytes()))
    }

    /// Waits for a letter, as long as somebody `is_there` to send it. `None`: nobody is.
    pub(super) fn receive(
        line: &Line,
        is_there: impl Fn() -> bool,
    ) -> Option<Result<Received, Refused>> {
        let descriptors = match receive_parcels(line, &is_there)? {
            Ok(descriptors) => descriptors,
            Err(Lost { came, expected }) => {
                return Some(Err(Refused::new(format!(
                    "{came} of {expected} descriptors arrived: more cannot be open here"
                ))));
            }
        };
        let mut len = [0; 8];
        if !line.recv_all(&mut len, &is_there) {
            return None;
        }
        let mut bytes = Vec::new();
        let mut left = usize::try_from(u64::from_ne_bytes(len)).ok()?;
        while left > 0 {
            // In parts, so that a number that is none allocates no more than arrives.
            let (done, part) = (bytes.len(), left.min(1 << 20));
            bytes.resize(done + part, 0);
            if !line.recv_all(&mut bytes[done..], &is_there) {
                return None;
            }
            left -= part;
        }
        let mut from = Unpacker::new(&bytes);
        let letter = Letter::unpack(&mut from);
        let arguments = from.left();
        Some(letter.map(|letter| Received {
            descriptors: letter.descriptors.iter().copied().zip(descriptors).collect(),
            letter,
            arguments: bytes.split_off(bytes.len() - arguments),
        }))
    }
}

/// What a child says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Record {
    /// It has its arguments, and runs the function.
    Ready,
    /// It cannot.
    Refused(String),
    /// The function panicked.
    Panicked(String),
}

const READY: u8 = 1;
const REFUSED: u8 = 2;
const PANICKED: u8 = 3;
const HEAD: usize = 5;

impl Record {
    /// Sends it, without waiting for anybody to receive.
    pub(super) fn send(&self, line: &Line) {
        let (kind, text) = match self {
            Record::Ready => (READY, ""),
            Record::Refused(text) => (REFUSED, text.as_str()),
            Record::Panicked(text) => (PANICKED, text.as_str()),
        };
        let mut bytes = vec![kind];
        bytes.extend((text.len() as u32).to_ne_bytes());
        bytes.extend(text.as_bytes());
        let _ = line.send_now(&bytes); // nobody may be there any more
    }
}

/// What a child has said so far.
#[derive(Default)]
pub(super) struct Heard {
    /// The part of a record that has arrived.
    bytes: Vec<u8>,
    pub(super) ready: bool,
    pub(super) refused: Option<String>,
    pub(super) panicked: Option<String>,
    /// It says nothing more.
    pub(super) closed: bool,
}

impl Heard {
    /// Listens to what has arrived.
    pub(super) fn listen(&mut self, line: &Line) {
        loop {
            while let Some(record) = self.parse() {
                match record {
                    Record::Ready => self.ready = true,
                    Record::Refused(why) => self.refused = Some(why),
                    Record::Panicked(text) => self.panicked = Some(text),
                }
            }
            let mut part = [0; 4096];
            match line.recv_now(&mut part) {
                Ok(Moved::Bytes(received)) => self.bytes.extend(&part[..received]),
                Ok(Moved::Nothing) => return,
                Ok(Moved::Closed) | Err(_) => {
                    self.closed = true;
                    return;
                }
            }
        }
    }

    fn parse(&mut self) -> Option<Record> {
        let kind = *self.bytes.first()?;
        let len = u32::from_ne_bytes(self.bytes.get(1..HEAD)?.try_into().ok()?) as usize;
        let text = self.bytes.get(HEAD..HEAD.checked_add(len)?)?;
        let text = String::from_utf8_lossy(text).into_owned();
        self.bytes.drain(..HEAD + len);
        Some(match kind {
            READY => Record::Ready,
            PANICKED => Record::Panicked(text),
            _ => Record::Refused(text),
        })
    }
}

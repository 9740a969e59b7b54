//! What came of a chunk of items: values, and errors in the places of those that have none.
#![forbid(unsafe_code)]

use super::error::{TaskError, overwritten};
use crate::raw::pool::answer::InPlace;
use crate::raw::pool::owner::Blocks;
use crate::raw::pool::record::{self, Dense};
use crate::transfer::{Refused, Transfer, Unpacker, unpack_whole};

/// The cell of a job whose results are still looked at.
pub(super) struct Hold {
    pub(super) cell: usize,
    pub(super) blocks: Blocks,
}

/// Where the results of a chunk are.
pub(super) enum Results {
    /// Nowhere: every item failed.
    None,
    /// The value of the only item.
    Small([u8; 8], usize),
    /// Records, in the memory of their job.
    InPlace(Box<(InPlace, Hold)>),
    /// Likewise; their worker keeps alive what they refer to, until the cell is taken.
    WithHandles(Box<(InPlace, Hold)>),
    /// Records.
    Copied(Vec<u8>, Dense),
}

impl Results {
    fn into_hold(self) -> Option<Hold> {
        match self {
            Results::InPlace(place) | Results::WithHandles(place) => Some(place.1),
            Results::None | Results::Small(..) | Results::Copied(..) => None,
        }
    }
}

/// A chunk that is done.
pub(super) struct Finished {
    /// Which item of its call is the first.
    pub(super) first: usize,
    pub(super) items: u32,
    /// The items that have no record, in order.
    pub(super) lost: Vec<(u32, TaskError)>,
    pub(super) results: Results,
}

impl Finished {
    /// A chunk all of whose items failed.
    pub(super) fn failed(first: usize, items: u32, error: &TaskError) -> Finished {
        let lost = (0..items).map(|item| (item, error.clone())).collect();
        Finished { first, items, lost, results: Results::None }
    }

    /// Copies results that lie in their job's memory, so that its cell is free.
    pub(super) fn copy(&mut self) -> Option<Hold> {
        if !matches!(self.results, Results::InPlace(_)) {
            return None;
        }
        let Results::InPlace(place) = std::mem::replace(&mut self.results, Results::None) else {
            return None;
        };
        let (records, hold) = *place;
        let count = self.items - self.lost.len() as u32;
        self.results = Results::Copied(records.bytes(count).to_vec(), records.dense);
        Some(hold)
    }

    /// Adds the values of all items to `values`, in order, but for those that have none: their numbers are
    /// told, and why. What is to be given back of the chunk's job is returned.
    #[inline]
    pub(super) fn read_onto<R: Transfer>(
        self,
        values: &mut Vec<R>,
        mut failed: impl FnMut(usize, TaskError),
    ) -> Option<Hold> {
        let before = values.len();
        if let Some(bytes) = self.row::<R>() {
            if R::unpack_onto(values, self.items as usize, bytes).is_ok() {
                return self.results.into_hold();
            }
            values.truncate(before);
        }
        let mut item = 0;
        self.read(|result| {
            match result {
                Ok(value) => values.push(value),
                Err(error) => failed(item, error),
            }
            item += 1;
        })
    }

    /// All of the results, if there is one of each item and they lie one behind another.
    fn row<R: Transfer>(&self) -> Option<&[u8]> {
        let (room, dense) = match &self.results {
            Results::InPlace(place) => (place.0.room(), place.0.dense),
            Results::Copied(bytes, dense) => (&bytes[..], *dense),
            Results::None | Results::Small(..) | Results::WithHandles(_) => return None,
        };
        let is_row = R::SIZE == Some(dense.each as usize)
            && self.lost.is_empty()
            && dense.most >= self.items;
        room.get(..(self.items as usize).checked_mul(dense.each as usize)?).filter(|_| is_row)
    }

    /// The results of all items, in order. What is to be given back of the chunk's job is returned.
    #[inline]
    pub(super) fn read<R: Transfer>(
        self,
        mut each: impl FnMut(Result<R, TaskError>),
    ) -> Option<Hold> {
        let Finished { items, lost, results, .. } = self;
        match results {
            Results::None => lost.into_iter().for_each(|(_, error)| each(Err(error))),
            Results::Small(bytes, len) => each(value(&bytes[..len])),
            Results::Copied(bytes, dense) => read_records(&bytes, dense, items, lost, each),
            Results::InPlace(place) | Results::WithHandles(place) => {
                let (records, hold) = *place;
                read_records(records.room(), records.dense, items, lost, each);
                return Some(hold);
            }
        }
        None
    }
}

fn read_records<R: Transfer>(
    room: &[u8],
    dense: Dense,
    items: u32,
    lost: Vec<(u32, TaskError)>,
    mut each: impl FnMut(Result<R, TaskError>),
) {
    let plain = (items - lost.len() as u32).min(dense.most) as usize;
    let (plain, rest) = match plain.checked_mul(dense.each as usize) {
        Some(len) if len <= room.len() => (Plain::new(&room[..len], plain, dense), &room[len..]),
        _ => (Plain::new(&[], 0, dense), &[][..]),
    };
    if lost.is_empty() && plain.left == items as usize {
        return plain.read_all(each);
    }
    let mut plain = plain;
    let mut rest = Unpacker::new(rest);
    let mut lost = lost.into_iter().peekable();
    for item in 0..items {
        match lost.next_if(|(number, _)| *number == item) {
            Some((_, error)) => each(Err(error)),
            None => each(plain.next().unwrap_or_else(|| read_record(&mut rest))),
        }
    }
}

/// Values without a head.
struct Plain<'a> {
    bytes: &'a [u8],
    left: usize,
    each: usize,
}

impl<'a> Plain<'a> {
    fn new(bytes: &'a [u8], left: usize, dense: Dense) -> Plain<'a> {
        Plain { bytes, left, each: dense.each as usize }
    }

    #[inline]
    fn next<R: Transfer>(&mut self) -> Option<Result<R, TaskError>> {
        self.left = self.left.checked_sub(1)?;
        let (next, rest) = self.bytes.split_at_checked(self.each)?;
        self.bytes = rest;
        Some(value(next))
    }

    #[inline]
    fn read_all<R: Transfer>(mut self, mut each: impl FnMut(Result<R, TaskError>)) {
        // Plain bytes are read at once. What may hold on to something is read one by one, so that one
        // that cannot be read fails alone.
        if !std::mem::needs_drop::<R>() && size_of::<R>() > 0 {
            let mut from = Unpacker::new(self.bytes);
            if let Ok(values) = R::unpack_vec(self.left, &mut from)
                && from.finish().is_ok()
                && values.len() == self.left
            {
                return values.into_iter().for_each(|value| each(Ok(value)));
            }
        }
        while let Some(result) = self.next() {
            each(result);
        }
    }
}

#[inline]
fn read_record<R: Transfer>(from: &mut Unpacker<'_>) -> Result<R, TaskError> {
    let kind = from.take(1).map_err(refused)?[0];
    if kind <= record::LONGEST {
        return value(from.take(usize::from(kind)).map_err(refused)?);
    }
    read_other(kind, from)
}

fn read_other<R: Transfer>(kind: u8, from: &mut Unpacker<'_>) -> Result<R, TaskError> {
    if kind == record::NO_ROOM {
        return Err(TaskError::refused("there is no room for the result in shared memory"));
    }
    let len = u32::from_ne_bytes(from.take_array().map_err(refused)?);
    let bytes = from.take(len as usize).map_err(refused)?;
    let mut inner = Unpacker::new(bytes);
    match kind {
        record::VALUE => value(bytes),
        record::PANICKED => {
            let (message, location) = Transfer::unpack(&mut inner).map_err(refused)?;
            Err(TaskError::Panicked { message, location })
        }
        record::REFUSED => {
            Err(TaskError::Refused { reason: Transfer::unpack(&mut inner).map_err(refused)? })
        }
        _ => Err(overwritten()),
    }
}

#[inline]
fn value<R: Transfer>(bytes: &[u8]) -> Result<R, TaskError> {
    unpack_whole(bytes).map_err(refused)
}

fn refused(why: Refused) -> TaskError {
    TaskError::refused(why.reason())
}

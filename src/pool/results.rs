//! What came of a chunk of items: values, and errors in the places of those that have none.
#![forbid(unsafe_code)]

use super::error::TaskError;
use crate::raw::pool::owner::{Blocks, InPlace};
use crate::raw::pool::worker::record;
use crate::transfer::{Refused, Transfer, Unpacker};

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
    /// Records.
    Copied(Vec<u8>),
}

/// A chunk that is done.
pub(super) struct Finished {
    /// Which one of its batch.
    pub(super) number: usize,
    pub(super) items: u32,
    /// The items that have no record, in order.
    pub(super) lost: Vec<(u32, TaskError)>,
    pub(super) results: Results,
}

impl Finished {
    /// A chunk all of whose items failed.
    pub(super) fn failed(number: usize, items: u32, error: &TaskError) -> Finished {
        let lost = (0..items).map(|item| (item, error.clone())).collect();
        Finished { number, items, lost, results: Results::None }
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
            Results::Copied(bytes) => read_records(&bytes, items, lost, each),
            Results::InPlace(place) => {
                let (records, hold) = *place;
                read_records(records.bytes(), items, lost, each);
                return Some(hold);
            }
        }
        None
    }
}

fn read_records<R: Transfer>(
    bytes: &[u8],
    items: u32,
    lost: Vec<(u32, TaskError)>,
    mut each: impl FnMut(Result<R, TaskError>),
) {
    let mut from = Unpacker::new(bytes);
    let mut lost = lost.into_iter().peekable();
    for item in 0..items {
        match lost.next_if(|(number, _)| *number == item) {
            Some((_, error)) => each(Err(error)),
            None => each(read_record(&mut from)),
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
        _ => Err(TaskError::refused("the pool's memory was overwritten")),
    }
}

#[inline]
fn value<R: Transfer>(bytes: &[u8]) -> Result<R, TaskError> {
    let mut from = Unpacker::new(bytes);
    let value = R::unpack(&mut from).map_err(refused)?;
    from.finish().map_err(refused)?;
    Ok(value)
}

fn refused(why: Refused) -> TaskError {
    TaskError::refused(why.reason())
}

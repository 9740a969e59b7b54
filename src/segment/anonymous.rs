//! Anonymous objects: blocks of arenas, so that any number of them needs few descriptors.
//!
//! An arena is a sealed memfd. A block of it is never used twice: the arena goes when the last object
//! in it has no handle left, its memory with the last mapping. Memory is reserved block by block. A
//! forked child starts an arena of its own.

use std::sync::Arc;

use super::attachment::{Attachment, size_with};
use super::header::flags;
use super::layout::{Layout, TooLarge};
use super::lifecycle::{lock, new_facts, no_memory};
use super::mapped::Block;
use super::object::Signature;
use super::participants::Identity;
use super::{directory, process};
use crate::error::{ErrorKind, Failure};
use crate::sys::memory::{self, MapAdvice};

use std::os::fd::AsFd;

/// Address space of an arena; memory is taken as objects are made.
const ARENA: usize = 16 << 20;
/// An object that needs more than this has a memfd of its own.
const LARGEST: usize = 4 << 20;
/// Participants of an arena: there is nobody to ask.
pub(super) const ROWS: u32 = 256;

/// Makes an anonymous object.
pub(super) fn create(
    signature: &Signature,
    layout: &Layout,
    init: impl FnOnce(&Block) -> Result<(), Failure>,
) -> Result<Block, Failure> {
    let room = directory::room_for("", layout).map_err(|TooLarge| too_large(layout))?;
    if room > LARGEST {
        let own = new_arena(room)?;
        return directory::add(&own, "", signature, layout, init);
    }
    loop {
        let arena = match current() {
            Some(arena) => arena,
            None => replace(None)?,
        };
        let _alone = process::lock()?;
        let used = arena.header().used.load(std::sync::atomic::Ordering::Relaxed) as usize;
        if used.saturating_add(room) <= arena.len() {
            let _lock = lock(arena.file())?;
            return directory::add(&arena, "", signature, layout, init);
        }
        drop(_alone);
        replace(Some(&arena))?;
    }
}

fn current() -> Option<Arc<Attachment>> {
    process::lock().ok()?.arena.upgrade()
}

/// Makes an arena the current one, unless another thread replaced `full` already.
fn replace(full: Option<&Arc<Attachment>>) -> Result<Arc<Attachment>, Failure> {
    let fresh = new_arena(ARENA)?;
    let mut state = process::lock()?;
    let now = state.arena.upgrade();
    match (now, full) {
        (Some(now), Some(full)) if !Arc::ptr_eq(&now, full) => {
            drop(state); // before `fresh` goes
            Ok(now)
        }
        (Some(now), None) => {
            drop(state);
            Ok(now)
        }
        _ => {
            state.arena = Arc::downgrade(&fresh);
            drop(state);
            Ok(fresh)
        }
    }
}

fn new_arena(blocks: usize) -> Result<Arc<Attachment>, Failure> {
    let too_large = || Failure::new(ErrorKind::InvalidSize, "larger than the address space");
    let size = size_with(ROWS, blocks).ok_or_else(too_large)? as u64;
    let file = memory::memfd().map_err(|error| Failure::system("making a file", error))?;
    memory::set_least_size(file.as_fd(), size).map_err(|error| no_memory(size, error))?;
    let found = memory::facts(file.as_fd())
        .map_err(|error| Failure::system("looking at its file", error))?;
    let header = size_with(ROWS, 0).ok_or_else(too_large)? as u64;
    memory::reserve(file.as_fd(), 0, header).map_err(|error| no_memory(header, error))?;
    let facts = new_facts(flags::SINGLE, size, ROWS);
    let at = (file, found.id);
    let mut arena =
        Attachment::new(at, Identity::of_this_process()?, facts, MapAdvice::default(), None, true)?;
    arena.reserve_blocks = true;
    let arena = Arc::new(arena);
    process::lock()?.add(&arena);
    Ok(arena)
}

fn too_large(layout: &Layout) -> Failure {
    Failure::new(
        ErrorKind::InvalidSize,
        format!("an object of {} bytes exceeds the address space", layout.size),
    )
}

//! Memory that processes share, and nothing else: a file in shared memory, mapped.

use std::fs::OpenOptions;

use memmap2::{MmapOptions, MmapRaw};

use crate::contestant::Keeper;
use crate::engines::rendezvous::{Files, path};

/// Maps the file of that name, which is made so long if it is not there.
pub fn map(place: &str, bytes: usize) -> Result<MmapRaw, String> {
    let mut options = OpenOptions::new();
    let file = options.read(true).write(true).create(true).truncate(false).open(path(place));
    let file = file.map_err(|error| error.to_string())?;
    file.set_len(bytes as u64).map_err(|error| error.to_string())?;
    MmapOptions::new().len(bytes).map_raw(&file).map_err(|error| error.to_string())
}

/// Makes it, all zero and in memory, and removes it when the keeper goes.
pub fn keep(place: &str, bytes: usize) -> Result<Keeper, String> {
    let files = Files(vec![path(place)]);
    let map = map(place, bytes)?;
    for page in (0..bytes).step_by(4096) {
        // SAFETY: within the mapping, and nobody else knows it yet.
        unsafe { map.as_mut_ptr().add(page).write_volatile(0) };
    }
    Ok(Box::new((map, files)))
}

/// What a lock or a word needs.
pub const PAGE: usize = 4096;

/// A page in which something is made.
pub fn keep_page(place: &str, make: impl FnOnce(*mut u8)) -> Result<Keeper, String> {
    let keeper = keep(place, PAGE)?;
    make(map(place, PAGE)?.as_mut_ptr());
    Ok(keeper)
}

/// For children: it is there.
pub fn open(place: &str, bytes: usize) -> MmapRaw {
    map(place, bytes).expect("the shared file")
}

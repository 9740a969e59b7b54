//! The running program: which one it is, and where its functions lie, whatever address it was loaded at.

use std::fs;
use std::ops::Range;
use std::os::unix::fs::MetadataExt;
use std::sync::OnceLock;

use nix::libc::{self, c_int, c_void, dl_phdr_info, size_t};

/// The executable itself, without the libraries it uses.
struct Program {
    /// Where it was loaded; what its own addresses are relative to.
    base: usize,
    code: Vec<Range<usize>>,
    build_id: Option<Vec<u8>>,
}

/// Found at the first call, which [`identity`] makes before there are other threads.
fn program() -> &'static Program {
    static PROGRAM: OnceLock<Program> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let mut found = Program { base: 0, code: Vec::new(), build_id: None };
        // SAFETY: [PRG-2] `look` is given a pointer to `found`, which outlives the call, as its data.
        unsafe { libc::dl_iterate_phdr(Some(look), (&raw mut found).cast()) };
        found
    })
}

/// Looks at the first object the loader names, which is the executable.
unsafe extern "C" fn look(info: *mut dl_phdr_info, _: size_t, found: *mut c_void) -> c_int {
    // SAFETY: [PRG-2] the loader hands over a description that is valid during the call.
    let info = unsafe { &*info };
    // SAFETY: [PRG-2] `program` passed a pointer to its Program.
    let found = unsafe { &mut *found.cast::<Program>() };
    found.base = info.dlpi_addr as usize;
    if info.dlpi_phdr.is_null() {
        return 1;
    }
    // SAFETY: [PRG-2] the loader's own count and address of the program's headers.
    let headers = unsafe { std::slice::from_raw_parts(info.dlpi_phdr, info.dlpi_phnum.into()) };
    for header in headers {
        let start = found.base.wrapping_add(header.p_vaddr as usize);
        let size = header.p_memsz as usize;
        match header.p_type {
            libc::PT_LOAD if header.p_flags & libc::PF_X != 0 => {
                found.code.push(start..start.wrapping_add(size));
            }
            libc::PT_NOTE => {
                // SAFETY: [PRG-2] notes are loaded with the program, readable, for its whole life.
                let notes = unsafe { std::slice::from_raw_parts(start as *const u8, size) };
                found.build_id = found.build_id.take().or_else(|| build_id(notes));
            }
            _ => {}
        }
    }
    1
}

/// The build id among ELF notes: sizes of name and content, a type, then both, padded to words.
fn build_id(mut notes: &[u8]) -> Option<Vec<u8>> {
    const GNU_BUILD_ID: u32 = 3;
    loop {
        let word = |at: usize| Some(u32::from_ne_bytes(notes.get(at..at + 4)?.try_into().ok()?));
        let (name_len, len, kind) = (word(0)? as usize, word(4)? as usize, word(8)?);
        let content = 12 + name_len.next_multiple_of(4);
        if kind == GNU_BUILD_ID && notes.get(12..12 + name_len)? == b"GNU\0" {
            return notes.get(content..content + len).map(<[u8]>::to_vec);
        }
        notes = notes.get(content + len.next_multiple_of(4)..)?;
    }
}

/// What tells this program from every other, and from another build of itself: its build id; where
/// the linker gave it none, the file.
pub(crate) fn identity() -> Vec<u8> {
    match &program().build_id {
        Some(id) => id.clone(),
        None => fs::metadata("/proc/self/exe").map_or_else(
            |_| Vec::new(),
            |file| {
                [file.dev(), file.ino(), file.size(), file.mtime() as u64, file.mtime_nsec() as u64]
                    .iter()
                    .flat_map(|number| number.to_ne_bytes())
                    .collect()
            },
        ),
    }
}

/// Where a function lies in the executable; `None` for one of a library.
fn offset_of(address: usize) -> Option<u64> {
    let program = program();
    let inside = program.code.iter().any(|code| code.contains(&address));
    inside.then(|| address.wrapping_sub(program.base) as u64)
}

fn address_at(offset: u64) -> Option<usize> {
    let program = program();
    let address = program.base.wrapping_add(usize::try_from(offset).ok()?);
    program.code.iter().any(|code| code.contains(&address)).then_some(address)
}

/// Where an entry lies in the executable; `None` for one of a library.
pub(crate) fn offset_of_entry<A, R>(entry: fn(A) -> R) -> Option<u64> {
    offset_of(entry as usize)
}

/// The entry that another process of this very program has at this offset: `offset_of_entry` of the
/// same `A` and `R` said so there, and [`identity`] was compared.
pub(crate) fn entry_at<A, R>(offset: u64) -> Option<fn(A) -> R> {
    let address = address_at(offset)?;
    // SAFETY: [PRG-1] the offset came from a function of this type, in the same program.
    Some(unsafe { std::mem::transmute::<*const (), fn(A) -> R>(address as *const ()) })
}

/// As [`offset_of_entry`], of a function without arguments.
pub(crate) fn offset_of_plain(function: fn()) -> Option<u64> {
    offset_of(function as usize)
}

/// As [`entry_at`], of a function without arguments.
pub(crate) fn plain_at(offset: u64) -> Option<fn()> {
    let address = address_at(offset)?;
    // SAFETY: [PRG-1] the offset came from a function of this type, in the same program.
    Some(unsafe { std::mem::transmute::<*const (), fn()>(address as *const ()) })
}

/// The value of a function's own type, which is nothing but its type: a function item, or a closure
/// that captures nothing. One was handed over in the process that this one was told by.
pub(crate) fn value_of<F: Copy + Send + 'static>() -> F {
    assert!(size_of::<F>() == 0, "a function that is more than its type"); // refused when built
    // SAFETY: [ZST-1] a value without bytes is read from any aligned address, and F has a value, as
    // one was handed over.
    unsafe { std::ptr::NonNull::<F>::dangling().read() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_found_again_and_libraries_are_told_apart() {
        fn twice(n: u32) -> u32 {
            n * 2
        }
        let offset = offset_of_entry(twice as fn(u32) -> u32).unwrap();
        assert_eq!(entry_at::<u32, u32>(offset).unwrap()(21), 42);
        assert_eq!(
            offset_of(libc::getpid as *const () as usize),
            None,
            "a function of the C library"
        );
        assert!(entry_at::<u32, u32>(u64::MAX).is_none());
        assert!(entry_at::<u32, u32>(1 << 40).is_none());
    }

    #[test]
    fn a_program_has_an_identity_that_stays() {
        assert!(!identity().is_empty());
        assert_eq!(identity(), identity());
    }

    #[test]
    fn notes_that_are_cut_short_hold_no_build_id() {
        let mut notes = Vec::new();
        for (name, kind, content) in [("ABC\0", 1_u32, &[9_u8; 5][..]), ("GNU\0", 3, &[7; 20])] {
            notes.extend(4_u32.to_ne_bytes());
            notes.extend((content.len() as u32).to_ne_bytes());
            notes.extend(kind.to_ne_bytes());
            notes.extend(name.as_bytes());
            notes.extend(content);
            notes.resize(notes.len().next_multiple_of(4), 0);
        }
        assert_eq!(build_id(&notes), Some(vec![7; 20]));
        for len in 0..notes.len() {
            assert_eq!(build_id(&notes[..len]), None);
        }
    }
}

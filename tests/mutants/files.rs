//! What others do to a segment's file while it is used: cut it off, lengthen it, put another in its place.
//!
//! A file that a peer cuts off is the one exception: whoever touches what is gone ends by `SIGBUS`. All
//! else costs the users nothing, and anonymous segments cannot be cut off.

use std::fs::{self, File};
use std::os::fd::AsRawFd;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use commonhold::{Buffer, Mailbox, Queue, Value};

use crate::children::directory;
use crate::judge::judge;
use crate::page::Page;
use crate::subjects::{self, Kind};
use crate::uses::{Came, Uses};

/// What is done to a file in use.
type Deed = (&'static str, fn(&Path, &File));

/// After these, users find all as it was.
const HARMLESS: [Deed; 7] = [
    ("lengthened by a byte", |_, file| lengthen(file, 1)),
    ("lengthened by a page", |_, file| lengthen(file, 4096)),
    ("lengthened by a megabyte", |_, file| lengthen(file, 1 << 20)),
    ("removed", |path, _| fs::remove_file(path).unwrap()),
    ("replaced by an empty file", |path, _| replace(path, |new| drop(File::create(new).unwrap()))),
    ("replaced by a link", |path, _| replace(path, |new| symlink("/dev/zero", new).unwrap())),
    ("replaced by another object's", |path, _| {
        let other = Value::create("other", 1_u64).unwrap();
        fs::rename(directory().join("other"), path).unwrap();
        std::mem::forget(other);
    }),
];

/// How much is left, of so much.
const CUTS: [fn(u64) -> u64; 4] = [|_| 0, |_| 1, |_| 4096, |size| size / 2];

fn lengthen(file: &File, by: u64) {
    file.set_len(file.metadata().unwrap().len() + by).unwrap();
}

fn replace(path: &Path, make: impl FnOnce(&Path)) {
    let new = path.with_extension("new");
    make(&new);
    fs::rename(new, path).unwrap();
}

/// Tries all of that. Returns how many cases there were, and how many went wrong.
pub fn try_all(page: &'static Page) -> (usize, usize) {
    let (mut cases, mut wrong, mut ended_by_sigbus) = (0, 0, 0);
    let mut judged = |what: String, case: &dyn Fn(), may_fault: bool| {
        cases += 1;
        match judge(page, case) {
            Ok(()) => {}
            Err(how) if may_fault && how.ends_with(": SIGBUS") => ended_by_sigbus += 1,
            Err(how) => {
                wrong += 1;
                println!("FAILED {what}: {how}");
            }
        }
    };
    for kind in subjects::all() {
        for deed in HARMLESS {
            judged(format!("{}, {}", kind.name, deed.0), &|| harmless(kind, deed, page), false);
        }
        for (number, cut) in CUTS.iter().enumerate() {
            judged(format!("{}, cut {number}", kind.name), &|| cut_off(kind, *cut, page), true);
        }
    }
    judged("anonymous ones, cut off".to_owned(), &|| anonymous(page), false);
    println!("{cases} cases of files in use, {ended_by_sigbus} ended by SIGBUS, {wrong} failures");
    // Else nothing was touched that is gone.
    (cases, wrong + usize::from(ended_by_sigbus == 0))
}

struct InUse {
    uses: Uses,
    path: PathBuf,
    file: File,
}

fn in_use(page: &'static Page) -> InUse {
    crate::panics::keep();
    crate::limits::set(crate::limits::MORE);
    let path = directory().join(format!("file-{}", std::process::id()));
    let uses = Uses::new(page, 0);
    InUse { uses, file: File::open("/dev/null").unwrap(), path }
}

impl InUse {
    fn name(&self) -> &str {
        self.path.file_name().and_then(|name| name.to_str()).unwrap()
    }

    fn create(&mut self, kind: Kind) -> Box<dyn subjects::Subject> {
        let object = (kind.create)(self.name()).expect("a new object");
        object.warm();
        self.file = File::options().read(true).write(true).open(&self.path).expect("its file");
        object
    }
}

/// The same uses of two objects come to the same, whatever was done to the second one's file.
fn harmless(kind: Kind, (what, deed): Deed, page: &'static Page) {
    let mut user = in_use(page);
    let undisturbed = user.create(kind);
    undisturbed.each(&user.uses);
    drop(undisturbed);
    let expected = user.uses.take();

    user.uses = Uses::new(page, 0);
    let object = user.create(kind);
    deed(&user.path, &user.file);
    object.each(&user.uses);
    if user.uses.take() != expected && kind.name != "Segment" {
        user.uses.fail("it came to something else");
    }
    // Opening finds what is there now, or says what it found.
    let _ = (kind.open)(user.name());
    drop(object);
    // Who leaves removes its own name only.
    let is_there = user.path.symlink_metadata().is_ok();
    if is_there == (what == "removed") && !what.starts_with("lengthened") {
        user.uses.fail("the name is not as it was left");
    }
    let _ = fs::remove_file(&user.path);
}

fn cut_off(kind: Kind, left: fn(u64) -> u64, page: &'static Page) {
    let mut user = in_use(page);
    let object = user.create(kind);
    let size = user.file.metadata().unwrap().len();
    // What ends by a signal leaves its name.
    fs::remove_file(&user.path).unwrap();
    user.file.set_len(left(size)).unwrap();
    object.each(&user.uses);
}

fn anonymous(page: &'static Page) {
    let user = in_use(page);
    let small = Value::new([7_u64; 9]).unwrap();
    let large = Buffer::<u8>::new(5 << 20).unwrap();
    let queue = Queue::<u64>::new(8).unwrap();
    let mailbox = Mailbox::<String>::new(100).unwrap();
    let mut tried = 0;
    for entry in fs::read_dir("/proc/self/fd").unwrap().map(Result::unwrap) {
        let is_ours = |link: PathBuf| link.to_string_lossy().starts_with("/memfd:commonhold");
        if !fs::read_link(entry.path()).is_ok_and(is_ours) {
            continue;
        }
        let file = File::options().read(true).write(true).open(entry.path()).unwrap();
        let size = file.metadata().unwrap().len();
        for less in [0, 4096, size - 1] {
            if file.set_len(less).is_ok() {
                user.uses.fail(&format!("memory {} was cut off", file.as_raw_fd()));
            }
            tried += 1;
        }
    }
    assert!(tried >= 6, "two of them at least");
    user.uses.op("uses", || {
        queue.send(1).unwrap();
        mailbox.send("long".repeat(1000)).unwrap();
        large.write().unwrap().fill(1);
        Came::to((small.get(), queue.recv().unwrap(), mailbox.recv().unwrap().len()))
    });
}

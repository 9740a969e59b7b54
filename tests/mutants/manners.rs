//! The ways in which bytes are mutated: before an object is opened, and while it is used.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::atomic::Ordering::SeqCst;

use nix::fcntl::{Flock, FlockArg};

use crate::children::{self, die_here, fork};
use crate::dice::Dice;
use crate::memory::{self, Memory};
use crate::mutation::{self, Map};
use crate::page::{Ending, Page};
use crate::subjects::{Kind, Subject};
use crate::uses::{Came, Uses, ending};

/// When, and beside whom.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Manner {
    /// Before it is opened.
    Opened,
    /// Between two uses.
    Used,
    /// While this process holds what can be held.
    Held,
    /// After a process died that held something, before that is recovered.
    Orphaned,
    /// While another process uses it, too.
    Beside,
}

impl Manner {
    pub const ALL: [Manner; 5] =
        [Manner::Opened, Manner::Used, Manner::Held, Manner::Orphaned, Manner::Beside];

    pub fn name(self) -> &'static str {
        match self {
            Manner::Opened => "opened",
            Manner::Used => "used",
            Manner::Held => "held",
            Manner::Orphaned => "orphaned",
            Manner::Beside => "beside",
        }
    }
}

/// Some mutations of one kind of object, to be tried one after another in one process.
#[derive(Clone, Copy)]
pub struct Batch {
    pub kind: Kind,
    pub manner: Manner,
    pub seed: u64,
    pub first: u64,
    pub count: u64,
}

/// An object, and its bytes; with another process that died, or goes on.
pub struct Stage {
    name: String,
    object: Option<Box<dyn Subject>>,
    pub memory: Memory,
    pub map: Map,
    without: Vec<Came>,
    others: Vec<Vec<u8>>,
}

fn path(name: &str) -> PathBuf {
    children::directory().join(name)
}

impl Stage {
    /// Sets the object up. What a mutation can change at all is learnt by using it.
    pub fn set(kind: Kind, manner: Manner, uses: &Uses) -> Stage {
        let name = format!("mutant-{}", std::process::id());
        let sample = (kind.create)(&name).expect("a new object");
        let size = Memory::of(&path(&name)).image.len();
        drop(sample);
        memory::fence_in(size);
        let object = (kind.create)(&name).expect("a new object");
        let mut memory = Memory::of(&path(&name));
        let fresh = memory.image.clone();
        object.warm();
        if manner == Manner::Orphaned {
            fork(|| {
                let mine = (kind.open)(&name).expect("the object");
                mine.take_to_the_grave();
                die_here();
            })
            .was_killed();
        }
        memory.snapshot();
        let map = memory.map(&fresh);
        let mut stage = Stage {
            name,
            object: Some(object),
            memory,
            map,
            without: Vec::new(),
            others: Vec::new(),
        };
        stage.learn(manner, uses);
        stage
    }

    /// Uses the object once without a mutation, to know what that comes to, and what it changes.
    fn learn(&mut self, manner: Manner, uses: &Uses) {
        let before = self.memory.image.clone();
        self.use_it(manner, uses, &mut |_| ());
        self.without = uses.take();
        let after = self.memory.now().clone();
        let words = (self.map.within.start..self.map.within.end.min(before.len() - 4)).step_by(4);
        let changed = words.filter(|at| before[*at..at + 4] != after[*at..at + 4]);
        self.map.busy.extend(changed);
        self.memory.put_back();
        if manner == Manner::Used {
            self.others.push(after);
        }
    }

    fn use_it(&mut self, manner: Manner, uses: &Uses, mutate: &mut dyn FnMut(&mut Memory)) {
        let Stage { object, memory, .. } = self;
        let Some(object) = object else { return };
        if manner == Manner::Held {
            object.hold(uses, &mut || mutate(memory));
        } else {
            mutate(memory);
        }
        object.each(uses);
    }

    /// Tries one mutation on an object that is in use.
    pub fn try_in_use(&mut self, manner: Manner, uses: &Uses, dice: &mut Dice<'_>) -> Ending {
        let (map, other) = (self.map.clone(), self.others.last().cloned());
        let put_back = uses.put_back();
        let mut before = Vec::new();
        let mut mutated = false;
        self.use_it(manner, uses, &mut |memory| {
            if std::mem::replace(&mut mutated, true) {
                return;
            }
            match other.as_ref().filter(|_| dice.one_in(64)) {
                // As it was a while ago.
                Some(other) => memory.file.write_all_at(other, 0).expect("bytes of a segment"),
                None => memory.change(|bytes| mutation::mutate(bytes, &map, dice)),
            }
            if manner == Manner::Used {
                before = memory.now().clone();
            }
        });
        let came = uses.take();
        // Unless all bytes were put back meanwhile.
        if !before.is_empty() && self.is_single() && uses.put_back() == put_back {
            let now = self.memory.now().clone();
            if let Some(at) = self.memory.written_outside(&before, &now) {
                uses.fail(&format!("byte {at}, outside of the object, was written to"));
            }
        }
        self.memory.put_back();
        ending(&came, &self.without)
    }

    fn is_single(&self) -> bool {
        // Bit 1 of the flags: one object without a name.
        self.memory.image[12] & 2 != 0
    }

    /// Tries one mutation of a file, which is opened then.
    pub fn try_opening(&mut self, kind: Kind, uses: &Uses, dice: &mut Dice<'_>) -> Ending {
        let mut bytes = self.memory.image.clone();
        mutation::mutate(&mut bytes, &self.map, dice);
        match dice.below(32) {
            0 => bytes.truncate(dice.below(bytes.len())),
            1 => bytes.extend(std::iter::repeat_n(dice.word() as u8, dice.below(10_000))),
            2 => bytes.truncate(4096),
            3 if !self.others.is_empty() => {
                let other = &self.others[dice.below(self.others.len())];
                bytes.clone_from(other);
                mutation::mutate(&mut bytes, &self.map, dice);
            }
            _ => {}
        }
        self.try_opening_bytes(kind, uses, &bytes)
    }

    /// Opens a file of these bytes.
    pub fn try_opening_bytes(&mut self, kind: Kind, uses: &Uses, bytes: &[u8]) -> Ending {
        self.memory.replace_by(bytes);
        self.open_and_use(kind, uses)
    }

    fn open_and_use(&mut self, kind: Kind, uses: &Uses) -> Ending {
        let mut opened = None;
        uses.op("open", || match (kind.open)(&self.name) {
            Ok(object) => {
                opened = Some(object);
                Came::to(())
            }
            Err(error) => {
                // What an error says is read by people.
                let text = error.to_string();
                Came::of(Err::<(), _>((error.kind(), text.len() > 2000)))
            }
        });
        let Some(object) = opened else {
            return match uses.take()[..] {
                [Came::Panic] => uses.fail("open: a panic"),
                _ => Ending::Refused,
            };
        };
        object.each(uses);
        uses.op("drop", || {
            drop(object);
            Came::to(())
        });
        ending(&uses.take(), &self.without)
    }

    /// Nobody uses the object any more; its file stays, as if somebody did.
    pub fn close(&mut self, kind: Kind, uses: &Uses) {
        let bytes = self.memory.image.clone();
        self.object = None;
        // A file of its own, to begin with.
        let _ = commonhold::unlink(&self.name);
        let mut options = File::options();
        let file = options.create(true).truncate(true).read(true).write(true);
        self.memory.file = file.open(path(&self.name)).expect("a file");
        // Marked before it is a segment's: others collect what is stale.
        let mark = self.memory.file.try_clone().expect("a descriptor");
        std::mem::forget(Flock::lock(mark, FlockArg::LockSharedNonblock).expect("a mark"));
        self.memory.replace_by(&bytes);
        self.open_and_use(kind, uses);
        self.without.clear();
        self.memory.put_back();
        self.learn_opened(kind, uses);
    }

    fn learn_opened(&mut self, kind: Kind, uses: &Uses) {
        uses.take();
        let object = (kind.open)(&self.name).expect("the object");
        uses.op("open", || Came::to(()));
        object.each(uses);
        drop(object);
        uses.op("drop", || Came::to(()));
        self.without = uses.take();
        self.memory.put_back();
    }

    fn is_fenced_in(&self) -> bool {
        memory::is_fenced_in(&self.memory.file)
    }
}

impl Batch {
    /// Tries them all, in this process, which ends badly at the first that must not be.
    pub fn run(&self, page: &'static Page) {
        page.told_to_end.store(0, SeqCst);
        crate::panics::keep();
        crate::limits::set(crate::limits::MORE);
        let uses = Uses::new(page, 0);
        let Batch { kind, manner, .. } = *self;
        let mut stage = Stage::set(kind, manner, &uses);
        if stage.is_fenced_in() {
            page.fenced.fetch_add(1, SeqCst);
        }
        if manner == Manner::Opened {
            stage.close(kind, &uses);
        }
        memory::put_back_by_signal(&stage.memory, page);
        let beside = (manner == Manner::Beside).then(|| beside(kind, page, &stage.name));
        for index in self.first..self.first + self.count {
            page.index.store(index, SeqCst);
            let put_back = page.put_back.load(SeqCst);
            let mut dice = Dice::of(self.seed, index);
            let ending = match manner {
                Manner::Opened => stage.try_opening(kind, &uses, &mut dice),
                _ => stage.try_in_use(manner, &uses, &mut dice),
            };
            let waited = page.put_back.load(SeqCst) != put_back;
            page.count(if waited { ending.min(Ending::Waited) } else { ending });
        }
        if let Some(beside) = beside {
            page.told_to_end.store(1, SeqCst);
            stage.memory.put_back();
            beside.succeed();
        }
        memory::put_back_no_more();
        stage.memory.put_back();
        drop(stage.object.take());
        let _ = std::fs::remove_file(path(&stage.name));
    }
}

/// Another process that uses the object all the time.
fn beside(kind: Kind, page: &'static Page, name: &str) -> children::Child {
    let before = page.lanes[1].count();
    let child = fork(|| {
        crate::limits::end_with_parent();
        let uses = Uses::new(page, 1);
        let object = (kind.open)(name).expect("the object");
        while !crate::judge::is_told_to_end(page) {
            object.each(&uses);
            object.hold(&uses, &mut || ());
            uses.take();
        }
        // SAFETY: ends this process at once; what it has is not given back, as if it was killed.
        unsafe { nix::libc::_exit(0) }
    });
    children::wait_until("the process beside", || page.lanes[1].count() > before + 2);
    child
}

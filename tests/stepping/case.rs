//! What is stepped: an operation on a path, what comes after it, and what must be true then.

use commonhold::{Lock, Segment};
use nix::unistd::Pid;
use std::path::PathBuf;

use crate::log::Page;
use crate::victim::Mark;

/// What is run of a case in the short form.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Short {
    Nothing,
    /// One death, or a pause.
    Once,
    /// Two deaths as well.
    Twice,
}

/// One operation on one path.
pub struct Case {
    pub operation: &'static str,
    pub path: &'static str,
    pub build: fn(&Ground) -> Trial,
    /// Whether it is one that must fail.
    pub control: bool,
    /// So long that only deaths between which something changed are of use.
    pub long: bool,
    /// How much of it there is in the short form.
    pub short: Short,
}

impl Case {
    pub const fn new(
        operation: &'static str,
        path: &'static str,
        build: fn(&Ground) -> Trial,
    ) -> Case {
        Case { operation, path, build, control: false, long: false, short: Short::Once }
    }

    /// It is in the long forms alone: another case goes nearly the same way.
    pub const fn left_out(mut self) -> Case {
        self.short = Short::Nothing;
        self
    }

    pub const fn control(mut self) -> Case {
        self.control = true;
        self
    }

    pub const fn long(mut self) -> Case {
        self.long = true;
        self
    }
}

pub type Operation = Box<dyn Fn(&Mark)>;

/// Who is stepped.
pub enum Subject {
    /// A child that does this.
    Child(Operation),
    /// The same, with other threads beside it.
    WithThreads(Operation),
    /// Somebody else's, which this finds.
    Stranger(Box<dyn FnMut() -> Pid>),
}

/// One life and death of a victim.
pub struct Trial {
    pub subject: Subject,
    /// What another may do after its death, and dies at as well; or stands still in beside it.
    pub seconds: Vec<Operation>,
    /// What this process does while the victim stands still, alive.
    pub meanwhile: Option<Box<dyn FnOnce()>>,
    /// It waits for what is done meanwhile: traced until it falls asleep, and not to sleep after it.
    pub waits: bool,
    /// What happens once the victim stands before its first instruction.
    pub once_it_stands: Option<Box<dyn FnOnce()>>,
    /// Goes on using the object, and looks at all of it.
    pub check: Box<dyn FnOnce(&Fates)>,
}

impl Trial {
    pub fn new(victim: impl Fn(&Mark) + 'static, check: impl FnOnce(&Fates) + 'static) -> Trial {
        Trial::of(Subject::Child(Box::new(victim)), check)
    }

    pub fn of(subject: Subject, check: impl FnOnce(&Fates) + 'static) -> Trial {
        Trial {
            subject,
            seconds: Vec::new(),
            meanwhile: None,
            waits: false,
            once_it_stands: None,
            check: Box::new(check),
        }
    }

    pub fn then(mut self, second: impl Fn(&Mark) + 'static) -> Trial {
        self.seconds.push(Box::new(second));
        self
    }

    pub fn once_it_stands(mut self, f: impl FnOnce() + 'static) -> Trial {
        self.once_it_stands = Some(Box::new(f));
        self
    }

    pub fn meanwhile(mut self, f: impl FnOnce() + 'static) -> Trial {
        self.meanwhile = Some(Box::new(f));
        self
    }

    /// The victim waits for what `f` does.
    pub fn waits_for(mut self, f: impl FnOnce() + 'static) -> Trial {
        self.waits = true;
        self.meanwhile(f)
    }
}

/// How far the victims came.
#[derive(Clone, Debug)]
pub struct Fates {
    /// What the first said at its end; nothing if it was cut off.
    pub first: Option<Vec<u64>>,
    /// Which one was the second, if there was one, and what it said.
    pub second: Option<(usize, Option<Vec<u64>>)>,
    /// They were at it at the same time.
    pub beside: bool,
}

impl Fates {
    /// Whether the second came to its end.
    pub fn second_ended(&self) -> bool {
        matches!(self.second, Some((_, Some(_))))
    }
}

/// A fresh segment for one trial.
pub struct Ground {
    pub page: Page,
    pub segment: Segment,
    door: Lock,
    pub name: String,
}

/// Of a ground.
pub const PARTICIPANTS: u32 = 24;
const SIZE: usize = 56 << 10;

impl Ground {
    pub fn new(page: Page, number: u64) -> Ground {
        page.clear();
        let name = format!("ground-{}-{number}", std::process::id());
        let segment =
            Segment::options().participants(PARTICIPANTS).create(&name, SIZE).expect("a segment");
        let door = Lock::create(segment.at("door")).expect("a lock");
        Ground { page, segment, door, name }
    }

    /// Something every victim does first: so it is a participant, and knows what one learns once.
    pub fn entrance(&self) -> impl Fn() + Clone + 'static {
        let door = self.door.clone();
        move || drop(door.lock().expect("nobody dies here"))
    }
}

/// Where the names are.
pub fn directory() -> PathBuf {
    std::env::var_os("COMMONHOLD_DIR").expect("a directory of its own").into()
}

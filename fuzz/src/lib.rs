//! Mutations of segments that a fuzzer chooses: what `tests/mutants` does, in one process, until something goes
//! wrong.
#![allow(dead_code, reason = "the tests use the rest")]

#[path = "../../tests/children/mod.rs"]
mod children;
#[path = "../../tests/mutants/dice.rs"]
mod dice;
#[path = "../../tests/mutants/judge.rs"]
mod judge;
#[path = "../../tests/mutants/limits.rs"]
mod limits;
#[path = "../../tests/mutants/manners.rs"]
mod manners;
#[path = "../../tests/mutants/memory.rs"]
mod memory;
#[path = "../../tests/mutants/mutation.rs"]
mod mutation;
#[path = "../../tests/mutants/page.rs"]
mod page;
#[path = "../../tests/mutants/panics.rs"]
mod panics;
#[path = "../../tests/mutants/subjects/mod.rs"]
mod subjects;
#[path = "../../tests/mutants/uses.rs"]
mod uses;

use std::cell::RefCell;
use std::collections::HashMap;

use dice::Dice;
use manners::{Manner, Stage};
use page::Page;
use subjects::Kind;
use uses::Uses;

/// What one process needs for its mutations.
struct Bench {
    page: &'static Page,
    uses: Uses,
    kinds: Vec<Kind>,
    stages: HashMap<(usize, usize), Stage>,
    /// Gone with the process, as far as that gets to it.
    _names: children::PrivateNames,
}

thread_local! {
    static BENCH: RefCell<Bench> = RefCell::new(Bench::new());
}

impl Bench {
    fn new() -> Bench {
        let names = children::PrivateNames::new();
        // SAFETY: the fuzzer has one thread that looks at the environment.
        unsafe { std::env::set_var("COMMONHOLD_DIR", names.path()) };
        let page = Page::new();
        page.speak_up();
        panics::keep();
        memory::expect_signal();
        let uses = Uses::new(page, 0);
        Bench { page, uses, kinds: subjects::all(), stages: HashMap::new(), _names: names }
    }

    /// The stage for a kind of object, which is set up the first time.
    fn try_one(&mut self, manners: &[Manner], data: &[u8]) {
        let mut dice = Dice::given(data);
        let (number, which) = (dice.below(self.kinds.len()), dice.below(manners.len()));
        let (kind, manner) = (self.kinds[number], manners[which]);
        let Bench { uses, stages, page, .. } = self;
        let stage = stages.entry((number, which)).or_insert_with(|| {
            let mut stage = Stage::set(kind, manner, uses);
            if manner == Manner::Opened {
                stage.close(kind, uses);
            }
            stage
        });
        memory::put_back_by_signal(&stage.memory, page);
        match manner {
            Manner::Opened if dice.one_in(4) => stage.try_opening_bytes(kind, uses, data),
            Manner::Opened => stage.try_opening(kind, uses, &mut dice),
            _ => stage.try_in_use(manner, uses, &mut dice),
        };
        memory::put_back_no_more();
    }
}

/// Opens a file that was mutated, or is made of these bytes.
pub fn opened(data: &[u8]) {
    run(&[Manner::Opened], data);
}

/// Mutates an object that is used, held, or left by the dead.
pub fn in_use(data: &[u8]) {
    run(&[Manner::Used, Manner::Held, Manner::Orphaned], data);
}

fn run(manners: &[Manner], data: &[u8]) {
    BENCH.with_borrow_mut(|bench| {
        judge::ending_waits(bench.page, || bench.try_one(manners, data));
    });
}

//! What a worker's process does: it takes jobs and runs their items, until it is to end.
//!
//! A job names its function by where it lies in the program ([`Runner`]), as a process that is started
//! does. Each item's result is committed by itself, so that a death costs the item it happened in.
#![forbid(unsafe_code)]

use std::cell::RefCell;
use std::time::Duration;

use crate::process::Function;
use crate::process::panics;
use crate::raw::pool::board::Job;
use crate::raw::pool::input::Arguments;
use crate::raw::pool::layout::RawPool;
use crate::raw::pool::output::Output;
use crate::raw::pool::record;
use crate::raw::pool::slab::RawSlab;
use crate::raw::pool::words::WorkerId;
use crate::raw::pool::worker::{Running, Worker};
use crate::segment::handle::Handle;
use crate::sys::clock::sleep;
use crate::sys::program;
use crate::transfer::{Carried, Packer, Refused, Transfer, Unpacker, handles, unpack_whole};

/// Runs the items of a job, and tells how many there were.
pub(super) type Runner = fn(Running) -> u32;

/// What a worker is started with.
pub(super) struct Member {
    pub(super) pool: Handle<RawPool>,
    pub(super) id: WorkerId,
    /// It ends after so many tasks; 0: never.
    pub(super) max_tasks: u32,
}

impl Transfer for Member {
    fn pack(&self, to: &mut Packer) -> Result<(), Refused> {
        handles::pack(&self.pool, to)?;
        (self.id.bits(), self.max_tasks).pack(to)
    }

    fn unpack(from: &mut Unpacker<'_>) -> Result<Member, Refused> {
        let pool = handles::unpack(from)?;
        let (id, max_tasks) = Transfer::unpack(from)?;
        Ok(Member { pool, id: WorkerId::from_bits(id), max_tasks })
    }
}

/// How workers are told where a slab is.
pub(super) fn name_of(slab: &Handle<RawSlab>) -> Result<Vec<u8>, String> {
    let mut packer = Packer::new();
    handles::pack(slab, &mut packer).map_err(|why| why.reason().to_owned())?;
    Ok(packer.bytes().to_vec())
}

fn find(name: &[u8]) -> Option<Handle<RawSlab>> {
    handles::unpack(&mut Unpacker::new(name)).ok()
}

thread_local! {
    /// Where results are packed.
    static PACKER: RefCell<Packer> = RefCell::default();
    /// What results refer to, until the pool has read them.
    static KEPT: RefCell<Vec<(Job, Carried)>> = const { RefCell::new(Vec::new()) };
}

/// The worker's function: runs jobs until it is to end.
pub(super) fn work(member: Member) {
    let Member { pool, id, max_tasks } = member;
    let mut worker = Worker::new(pool, id, find);
    worker.begin();
    let (mut tasks, mut known) = (0_u32, None);
    while let Some(running) = worker.next() {
        let function = running.input.function;
        let runner = match known {
            Some((known, runner)) if known == function => runner,
            _ => program::entry_at::<Running, u32>(u64::from(function))
                .expect("a job of this pool names a function of this program"),
        };
        known = Some((function, runner));
        tasks = tasks.saturating_add(runner(running));
        drop_what_was_read(&worker);
        if max_tasks != 0 && tasks >= max_tasks {
            break;
        }
    }
    worker.retire();
    while KEPT.with_borrow(|kept| !kept.is_empty()) {
        sleep(Duration::from_millis(1));
        drop_what_was_read(&worker);
    }
}

fn drop_what_was_read(worker: &Worker) {
    KEPT.with_borrow_mut(|kept| {
        if !kept.is_empty() {
            kept.retain(|(job, _)| worker.is_kept(*job));
        }
    });
}

/// An initializer's arguments, which every worker gets.
pub(super) struct Lent<A>(pub(super) std::sync::Arc<std::sync::Mutex<A>>);

impl<A: Transfer> Transfer for Lent<A> {
    fn pack(&self, to: &mut Packer) -> Result<(), Refused> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).pack(to)
    }

    fn unpack(from: &mut Unpacker<'_>) -> Result<Lent<A>, Refused> {
        A::unpack(from).map(|args| Lent(std::sync::Arc::new(std::sync::Mutex::new(args))))
    }
}

/// The function of a worker that has an initializer.
pub(super) fn initialize_and_work<F, A, M>(member: Member, lent: Lent<A>)
where
    F: Function<A, M>,
    A: Transfer,
{
    let args = std::sync::Arc::into_inner(lent.0).expect("the only reference, just unpacked");
    let args = args.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    drop(program::value_of::<F>().call(args));
    work(member);
}

/// Runs the items of a job of this function: the [`Runner`] that stands for it.
pub(super) fn run<F, A, M>(running: Running) -> u32
where
    F: Function<A, M>,
    A: Transfer,
    F::Output: Transfer,
{
    let Running { input, mut output } = running;
    let args = input.arguments();
    let mut packer = PACKER.take();
    let first = output.done();
    while output.item().is_some() {
        let ran = panics::catch_silently(|| {
            loop {
                run_row::<F, A, M>(&args, &mut output);
                let Some(item) = output.item() else { break };
                run_item::<F, A, M>(&args, item, &mut packer, &mut output);
            }
        });
        if let Err(panic) = ran {
            packer.clear();
            // Two strings can always cross.
            let _ = (panic.message, panic.location).pack(&mut packer);
            output.commit(record::PANICKED, packer.bytes());
        }
    }
    PACKER.set(packer);
    let count = output.done() - first;
    output.finish();
    count
}

/// Runs items in a row, if their results are all of one size.
#[inline]
fn run_row<F, A, M>(args: &Arguments<'_>, output: &mut Output)
where
    F: Function<A, M>,
    A: Transfer,
    F::Output: Transfer,
{
    let Some(each) = F::Output::SIZE else { return };
    let row = A::SIZE.and_then(|size| args.row(size));
    output.run_row(each, |item, result| {
        let args = match (row, A::SIZE) {
            (Some(row), Some(size)) => {
                row.get(item as usize * size..(item as usize + 1) * size).and_then(A::get)
            }
            _ => args.of(item).and_then(|bytes| unpack_whole(bytes).ok()),
        };
        let Some(args) = args else { return false };
        program::value_of::<F>().call(args).put(result);
        true
    });
}

#[inline]
fn run_item<F, A, M>(args: &Arguments<'_>, item: u32, packer: &mut Packer, output: &mut Output)
where
    F: Function<A, M>,
    A: Transfer,
    F::Output: Transfer,
{
    let args = match args.of(item).ok_or_else(Refused::not_a::<A>).and_then(unpack_whole::<A>) {
        Ok(args) => args,
        Err(why) => return refuse(&why, packer, output),
    };
    let value = program::value_of::<F>().call(args);
    packer.clear();
    if let Err(why) = value.pack(packer) {
        return refuse(&why, packer, output);
    }
    if packer.carries() {
        output.keep_handles();
        let carried = packer.take_carried();
        KEPT.with_borrow_mut(|kept| kept.push((output.job, carried)));
    }
    output.commit_value(packer.bytes());
    value.sent();
}

#[cold]
fn refuse(why: &Refused, packer: &mut Packer, output: &mut Output) {
    packer.clear();
    let _ = why.reason().to_owned().pack(packer);
    output.commit(record::REFUSED, packer.bytes());
}

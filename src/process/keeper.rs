//! The thread that starts this process's children, and learns of their ends.
//!
//! *Why a thread starts them.* The kernel kills a child with its parent when it is asked to
//! (`PR_SET_PDEATHSIG`), but takes for the parent the *thread* that started it. This one lives as long
//! as the process, so that a child dies with the process, whichever thread asked for it.
//!
//! *Why it watches them.* A child that nobody joins is reaped all the same, and its death is made known
//! to the segments at once: its rows are marked as dead, and who sleeps there is woken to take
//! over what it held.
//!
//! ```text
//!   orders? ──▶ carry them out; else
//!   children? ── no: sleep on the word `rung`          ── yes: poll { bell, every child's pidfd }
//!   ended ones: bury in the segments, while the number is theirs; reap, close, announce
//! ```
//! The bell is an eventfd that exists while there are children: a process without any has no
//! descriptor of this module's.
//!
//! *Dying here*: the kernel kills the children with it, but for those that are to live on. *Fork*: the
//! keeper is one process's own (`PerProcess`), a forked child finds none, and starts one when it needs
//! it. *Paused*: nothing is lost, the ends wait in the kernel. *Signals* are held back on this thread;
//! a new process gets the mask of the thread that asked for it.
#![forbid(unsafe_code)]

use std::collections::VecDeque;
use std::os::fd::{AsFd, OwnedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::child::{Child, Kept};
use super::{at_exit, threads};
use crate::error::Failure;
use crate::segment::ended;
use crate::sys::bell::Bell;
use crate::sys::child as system;
use crate::sys::clock::{Deadline, LONGEST_NAP, sleep};
use crate::sys::futex;
use crate::sys::hook::point;
use crate::sys::per_process::PerProcess;
use crate::sys::process::{Namespaces, namespaces_of_children};
use crate::sys::spawn::SignalMask;
use crate::trace::event;
use rustix::io::Errno;

// Ordering:
// [KP1] rung: fetch_add(AcqRel) ↔ load(Acquire)   the order is in the queue

/// Something to do for the keeper: what it makes of a start is its own business.
pub(super) type Order = Box<dyn FnOnce(&'static Keeper) + Send>;

/// The keeper of this process's children, as other threads see it.
pub(super) struct Keeper {
    orders: Mutex<VecDeque<Order>>,
    /// What is to be done once all orders are carried out.
    afterwards: Mutex<Vec<Order>>,
    rung: AtomicU32,
    bell: Mutex<Option<Arc<Bell>>>,
    watched: Mutex<Vec<(Arc<Child>, Arc<OwnedFd>)>>,
    /// In which its children are; none before it was started.
    namespaces: Mutex<Option<Namespaces>>,
}

static KEEPER: PerProcess<Keeper> = PerProcess::new();

/// What holds no invariant over a panic is fine after one.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The children of this process that were not found to have ended.
pub(super) fn children() -> Vec<Arc<Child>> {
    let watched = KEEPER.get().map(|keeper| lock(&keeper.watched));
    watched.map_or_else(Vec::new, |watched| {
        watched.iter().map(|(child, _)| Arc::clone(child)).collect()
    })
}

/// Gives the keeper an order, which it carries out when it is told to [carry on](carry_on).
pub(super) fn order(order: Order) -> Result<(), Failure> {
    let keeper = started()?;
    lock(&keeper.orders).push_back(order);
    Ok(())
}

/// The keeper, started where there is none yet.
fn started() -> Result<&'static Keeper, Failure> {
    let keeper = KEEPER
        .get_or(|| {
            Ok(Keeper {
                orders: Mutex::default(),
                afterwards: Mutex::default(),
                rung: AtomicU32::new(0),
                bell: Mutex::default(),
                watched: Mutex::default(),
                namespaces: Mutex::default(),
            })
        })
        .map_err(|error| Failure::system("mapping a page for this process", error))?;
    let mut namespaces = lock(&keeper.namespaces);
    if namespaces.is_none() {
        at_exit::register();
        let mask = SignalMask::here();
        SignalMask::all().apply(); // inherited by the new thread
        let thread = threads::start("commonhold", || keeper.run());
        mask.apply();
        thread.map_err(|error| Failure::system("starting a thread", error))?;
        *namespaces = Some(namespaces_of_children()); // as this thread's: it started the keeper
    }
    drop(namespaces);
    Ok(keeper)
}

/// In which namespaces a child is that was ordered.
pub(super) fn namespaces() -> Namespaces {
    let known = KEEPER.get().and_then(|keeper| *lock(&keeper.namespaces));
    known.unwrap_or(Namespaces { pid: 0, time: 0 })
}

/// Has the keeper carry out what it was ordered. Told once for several, as it may run in place of the
/// caller from then on, and the children that it starts.
pub(crate) fn carry_on() {
    if let Some(keeper) = KEEPER.get().filter(|keeper| !lock(&keeper.orders).is_empty()) {
        keeper.ring();
        // The kernel may have put it behind this thread, while another CPU is idle.
        std::thread::yield_now();
    }
}

impl Keeper {
    fn ring(&self) {
        self.rung.fetch_add(1, Ordering::AcqRel); // [KP1]
        futex::wake(&self.rung, 1);
        if let Some(bell) = &*lock(&self.bell) {
            bell.ring();
        }
    }

    fn run(&'static self) {
        loop {
            let rung = self.rung.load(Ordering::Acquire); // [KP1]
            let orders = std::mem::take(&mut *lock(&self.orders));
            orders.into_iter().for_each(|order| self.carry_out(order));
            let afterwards = std::mem::take(&mut *lock(&self.afterwards));
            afterwards.into_iter().for_each(|order| self.carry_out(order));
            let bell = lock(&self.bell).clone();
            match bell {
                None => futex::wait(&self.rung, rung, LONGEST_NAP.saturating_mul(1000)),
                // An order that came while there was no bell yet has rung none.
                Some(_) if self.rung.load(Ordering::Acquire) != rung => {}
                Some(bell) => {
                    self.watch(bell);
                    self.see_to_the_ended();
                }
            }
        }
    }

    fn carry_out(&'static self, order: Order) {
        let carried_out = AssertUnwindSafe(|| order(self));
        let _ = catch_unwind(carried_out); // who gave it finds the answer missing
    }

    /// Puts something off, so that children that are started together come up together.
    pub(super) fn after_orders(&self, order: Order) {
        lock(&self.afterwards).push(order);
    }

    /// Has a child watched from now on. On the keeper's own thread.
    pub(super) fn add(&self, child: Arc<Child>, pidfd: Arc<OwnedFd>) -> Result<(), Errno> {
        let mut bell = lock(&self.bell);
        if bell.is_none() {
            *bell = Some(Arc::new(Bell::new()?));
        }
        drop(bell);
        lock(&self.watched).push((child, pidfd));
        Ok(())
    }

    /// Waits until the bell rings or a child ends. Holds no descriptor when it returns.
    fn watch(&self, bell: Arc<Bell>) {
        let pidfds: Vec<Arc<OwnedFd>> =
            lock(&self.watched).iter().map(|(_, pidfd)| Arc::clone(pidfd)).collect();
        let bell_and_all: Vec<_> = std::iter::once((bell.as_fd(), false))
            .chain(pidfds.iter().map(|pidfd| (pidfd.as_fd(), false)))
            .collect();
        if system::wait_for(&bell_and_all, Deadline::Never).is_err() {
            sleep(LONGEST_NAP / 64); // out of memory: there is nothing else to do
        }
        bell.silence();
    }

    fn see_to_the_ended(&self) {
        let mut over = Vec::new();
        lock(&self.watched).retain(|(child, pidfd)| {
            let ending = match system::ending_of(pidfd.as_fd()) {
                Ok(None) => return true,
                Ok(Some(ending)) => Some(ending),
                // Another part of the program waited for it, or the kernel was told to reap.
                Err(_) if system::has_ended(pidfd.as_fd()) => None,
                Err(_) => return true,
            };
            over.push((Arc::clone(child), Arc::clone(pidfd), ending));
            false
        });
        let done: Vec<(Arc<Child>, Option<Kept>)> = over
            .into_iter()
            .map(|(child, pidfd, ending)| {
                point!("keeper.learned");
                let make_known = AssertUnwindSafe(|| {
                    event!(DEBUG, pid = child.pid, name = child.name, ?ending, "a child has ended");
                    // Its number is nobody else's before it is reaped.
                    let start = if ending.is_some() { None } else { Some(child.start()) };
                    ended::make_known(child.pid, start);
                });
                let _ = catch_unwind(make_known); // who listens to events may panic
                let _ = system::reap(pidfd.as_fd()); // fails where that was done by others
                point!("keeper.known");
                let kept = child.finish(ending);
                (child, kept)
            })
            .collect();
        if lock(&self.watched).is_empty() {
            *lock(&self.bell) = None;
        }
        for (child, kept) in done {
            match kept {
                None => child.announce(),
                Some(kept) => drop_then_announce(child, kept),
            }
        }
    }
}

/// Drops what was kept on a thread of its own: its drop may wait for anything.
fn drop_then_announce(child: Arc<Child>, kept: Kept) {
    let both = Arc::new(Mutex::new(Some((child, kept))));
    let finish = {
        let both = Arc::clone(&both);
        move || {
            if let Some((child, kept)) = lock(&both).take() {
                let _ = catch_unwind(AssertUnwindSafe(|| drop(kept)));
                child.announce();
            }
        }
    };
    if threads::start("commonhold drop", finish.clone()).is_err() {
        finish();
    }
}

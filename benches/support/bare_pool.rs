//! A pool with nothing but what no pool can do without: two threads that share a counter of what is to be done,
//! memory for arguments and results, and a place to sleep.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, RwLock};
use std::thread::{self, JoinHandle, Thread};

use super::cpu;

pub const WORKERS: usize = 2;

pub struct BarePool {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    round: AtomicUsize,
    count: AtomicUsize,
    chunk: AtomicUsize,
    next: AtomicUsize,
    busy: AtomicUsize,
    caller: Mutex<Option<Thread>>,
    /// Arguments and results; it grows, and is used again.
    memory: RwLock<Vec<(AtomicU64, AtomicU64)>>,
    over: AtomicBool,
}

impl BarePool {
    pub fn new(task: impl Fn(u64) -> u64 + Copy + Send + 'static) -> BarePool {
        cpu::unpin(); // threads inherit it
        let shared = Arc::new(Shared::default());
        let start = |shared: Arc<Shared>| thread::spawn(move || shared.work(task));
        let threads = (0..WORKERS).map(|_| start(shared.clone())).collect();
        BarePool { shared, threads }
    }

    /// So many at a time; 0: a fourth of each worker's part.
    pub fn map(&self, items: impl ExactSizeIterator<Item = u64>, chunk: usize) -> Vec<u64> {
        let shared = &self.shared;
        let count = items.len();
        let chunk = if chunk == 0 { count / (4 * WORKERS) + 1 } else { chunk };
        shared.put(items);
        *shared.caller.lock().expect("no panic") = Some(thread::current());
        shared.count.store(count, Ordering::Relaxed);
        shared.chunk.store(chunk, Ordering::Relaxed);
        shared.next.store(0, Ordering::Relaxed);
        shared.busy.store(WORKERS, Ordering::Relaxed);
        shared.round.fetch_add(1, Ordering::Release);
        self.threads.iter().for_each(|thread| thread.thread().unpark());
        while shared.busy.load(Ordering::Acquire) > 0 {
            thread::park();
        }
        let memory = shared.memory.read().expect("no panic");
        memory[..count].iter().map(|(_, result)| result.load(Ordering::Relaxed)).collect()
    }
}

impl Shared {
    fn put(&self, items: impl ExactSizeIterator<Item = u64>) {
        let mut memory = self.memory.write().expect("no panic");
        let len = items.len().max(memory.len());
        memory.resize_with(len, Default::default);
        for ((argument, _), item) in memory.iter().zip(items) {
            argument.store(item, Ordering::Relaxed);
        }
    }

    fn work(&self, task: impl Fn(u64) -> u64) {
        let mut round = 0;
        while !self.over.load(Ordering::Relaxed) {
            if self.round.load(Ordering::Acquire) == round {
                thread::park();
                continue;
            }
            round += 1;
            self.work_on_round(&task);
            if self.busy.fetch_sub(1, Ordering::AcqRel) == 1 {
                self.caller.lock().expect("no panic").as_ref().expect("a caller").unpark();
            }
        }
    }

    fn work_on_round(&self, task: &impl Fn(u64) -> u64) {
        let count = self.count.load(Ordering::Relaxed);
        let chunk = self.chunk.load(Ordering::Relaxed);
        let memory = self.memory.read().expect("no panic");
        loop {
            let from = self.next.fetch_add(chunk, Ordering::Relaxed);
            if from >= count {
                return;
            }
            for (argument, result) in &memory[from..(from + chunk).min(count)] {
                result.store(task(argument.load(Ordering::Relaxed)), Ordering::Relaxed);
            }
        }
    }
}

impl Drop for BarePool {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            thread.thread().unpark();
            let _ = thread.join();
        }
    }
}

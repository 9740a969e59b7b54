//! The pool under fire: workers killed and stopped all the time, and deaths at the edges.

mod children;

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use children::{HANG, LONG, alone, wait_until};
use commonhold::{ErrorKind, Event, MapOptions, Pool, Process, Queue, Task, TaskError, Value};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

commonhold::test_support!();

const WORKERS: usize = 4;

fn send(pid: u32, signal: Signal) {
    let _ = kill(Pid::from_raw(pid as i32), signal);
}

/// Descriptors of this process.
fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

/// Children of this process, by any of its threads; zombies included.
fn children_here() -> Vec<u32> {
    let mut found = Vec::new();
    for task in std::fs::read_dir("/proc/self/task").unwrap().flatten() {
        let text = std::fs::read_to_string(task.path().join("children")).unwrap_or_default();
        found.extend(text.split_whitespace().map(|pid| pid.parse::<u32>().unwrap()));
    }
    found
}

fn is_zombie(pid: u32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| stat.contains(") Z "))
}

/// A few microseconds of work, so that deaths come in the middle of tasks.
fn work(n: u64) -> u64 {
    let start = Instant::now();
    while start.elapsed() < Duration::from_micros(5) {
        std::hint::spin_loop();
    }
    n * 3
}

/// What it costs to be shot at.
struct Fire {
    killed: u32,
    stopped: u32,
}

/// Runs `f` while workers are killed and stopped, at the moments that chance has it.
fn under_fire<R>(
    kill_every: Duration,
    stop_every: Option<Duration>,
    f: impl FnOnce() -> R,
) -> (R, Fire) {
    let over = AtomicBool::new(false);
    // A generator of Marsaglia's: what it hits is to differ, nothing more.
    let mut seed = std::process::id() | 1;
    let mut pick = move |count: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 17;
        seed ^= seed << 5;
        seed as usize % count
    };
    std::thread::scope(|scope| {
        let over = &over;
        let fire = scope.spawn(move || {
            let mut fire = Fire { killed: 0, stopped: 0 };
            let mut last_stop = Instant::now();
            while !over.load(Ordering::Relaxed) {
                std::thread::sleep(kill_every);
                let workers = children_here();
                let Some(victim) = (!workers.is_empty()).then(|| workers[pick(workers.len())])
                else {
                    continue;
                };
                if stop_every.is_some_and(|every| last_stop.elapsed() >= every) {
                    last_stop = Instant::now();
                    send(victim, Signal::SIGSTOP);
                    fire.stopped += 1;
                    scope.spawn(move || {
                        std::thread::sleep(Duration::from_secs(1));
                        send(victim, Signal::SIGCONT);
                    });
                } else {
                    send(victim, Signal::SIGKILL);
                    fire.killed += 1;
                }
            }
            fire
        });
        // Also where `f` panics.
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(f));
        over.store(true, Ordering::Relaxed);
        let result = result.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        (result, fire.join().unwrap())
    })
}

/// So many tasks, each of which ends once: as a result or, where nothing is tried again, by a death.
fn storm(tasks: u64, retries: u32, chunk: usize, stop_every: Option<Duration>) {
    let pool = Pool::options().workers(WORKERS).retries(retries).build().unwrap();
    pool.map(work, 0..100).unwrap();
    let before = descriptors();
    let start = Instant::now();
    let every = Duration::from_millis(20);
    let ((done, died), fire) = under_fire(every, stop_every, || {
        let (mut done, mut died) = (0, 0);
        let options = MapOptions::new().chunk(chunk);
        for (n, result) in pool.imap_with(work, 0..tasks, options).enumerate() {
            match result {
                Ok(value) => {
                    assert_eq!(value, 3 * n as u64);
                    done += 1;
                }
                Err(TaskError::WorkerDied { .. }) => died += 1,
                Err(error) => panic!("task {n}: {error}"),
            }
        }
        (done, died)
    });
    let took = start.elapsed();
    println!(
        "{tasks} tasks, chunk {chunk}, {retries} retries: {done} done, {died} died with one of the {} \
         killed workers, {} stopped, in {took:?}",
        fire.killed, fire.stopped
    );
    assert_eq!(done + died, tasks);
    assert!(died <= u64::from(fire.killed), "a death costs one task");
    if retries > 10 {
        assert_eq!(died, 0);
    }
    all_is_well(&pool, before);
}

/// The pool has all its workers, no zombies, and as many descriptors as before.
fn all_is_well(pool: &Pool, descriptors_before: usize) {
    wait_until("all workers", || {
        let workers = children_here();
        workers.len() == WORKERS && !workers.iter().any(|pid| is_zombie(*pid))
    });
    let sleepy = |_: u32| {
        std::thread::sleep(Duration::from_millis(2));
        std::process::id()
    };
    wait_until("all of them to work", || {
        let who = pool.map_with(sleepy, 0..40, MapOptions::new().chunk(1)).unwrap();
        who.into_iter().collect::<HashSet<u32>>().len() == WORKERS
    });
    wait_until("no descriptor more", || descriptors() <= descriptors_before);
}

alone! {
    fn every_task_ends_once_while_workers_are_killed() {
        storm(20_000, 0, 1, None);
    }

    fn every_task_has_a_result_where_it_is_tried_again() {
        storm(20_000, 1000, 7, Some(Duration::from_millis(100)));
    }

    #[ignore = "takes a minute"]
    fn two_hundred_thousand_tasks_under_fire() {
        for (retries, chunk) in [(0, 1), (1000, 1), (0, 50), (1000, 50)] {
            storm(200_000, retries, chunk, Some(Duration::from_secs(2)));
        }
    }

    fn tasks_handed_over_at_once_end_once_as_well() {
        let pool = Pool::options().workers(WORKERS).build().unwrap();
        pool.map(work, 0..100).unwrap();
        let before = descriptors();
        let ((done, died), fire) = under_fire(Duration::from_millis(10), None, || {
            let tasks: Vec<Task<u64>> =
                (0..20_000).map(|n| pool.apply_async(work, n).unwrap()).collect();
            let (mut done, mut died) = (0_u32, 0_u32);
            for (n, task) in tasks.iter().enumerate() {
                match task.get_timeout(LONG) {
                    Ok(value) => {
                        assert_eq!(value, 3 * n as u64);
                        done += 1;
                    }
                    Err(TaskError::WorkerDied { .. }) => died += 1,
                    Err(error) => panic!("task {n}: {error}"),
                }
            }
            (done, died)
        });
        println!("{done} done, {died} died with one of the {} killed workers", fire.killed);
        assert_eq!(done + died, 20_000);
        assert!(died <= fire.killed);
        all_is_well(&pool, before);
    }

    fn large_arguments_and_results_under_fire() {
        // What the process keeps for all its children, and for all anonymous objects.
        let keeps = (Pool::new(1).unwrap(), Value::<u32>::new(0).unwrap()).1;
        let at_first = descriptors();
        let pool = Pool::options().workers(WORKERS).retries(1000).build().unwrap();
        let grow = |bytes: Vec<u8>| [bytes.as_slice(), &bytes].concat();
        let (sizes, fire) = under_fire(Duration::from_millis(10), None, || {
            let mut sizes = Vec::new();
            for size in (0..100_usize).map(|n| n * n * 160) {
                let bytes = vec![size as u8; size];
                let result = pool.apply(grow, bytes).unwrap();
                assert!(result.len() == 2 * size && result.iter().all(|byte| *byte == size as u8));
                sizes.push(size);
            }
            sizes
        });
        println!("{} sizes, {} killed", sizes.len(), fire.killed);
        all_is_well(&pool, usize::MAX);
        drop((pool, keeps));
        assert!(descriptors() <= at_first, "{} descriptors, {at_first} at first", descriptors());
    }

    fn two_hundred_workers_at_once_leave_nothing() {
        drop(Pool::new(1).unwrap());
        let before = descriptors();
        let start = Instant::now();
        let pool = Pool::new(200).unwrap();
        let squares = pool.map_with(work, 0..2_000, MapOptions::new().chunk(1)).unwrap();
        assert!(squares.iter().enumerate().all(|(n, square)| *square == 3 * n as u64));
        wait_until("200 workers", || children_here().len() == 200);
        println!("200 workers, 2,000 tasks: {:?}", start.elapsed());
        pool.join().unwrap();
        drop(pool);
        assert_eq!(children_here(), Vec::<u32>::new());
        assert!(descriptors() <= before, "{} descriptors, {before} before", descriptors());
    }

    fn nothing_is_left_of_a_pool() {
        // What the process keeps for all its children is there before.
        drop(Pool::new(1).unwrap());
        let before = descriptors();
        for ending in 0..6 {
            let pool = Pool::new(3).unwrap();
            pool.map(work, 0..100).unwrap();
            pool.apply(|bytes: Vec<u8>| bytes, vec![7; 10 << 20]).unwrap();
            match ending % 3 {
                0 => pool.join().unwrap(),
                1 => pool.terminate(),
                _ => {}
            }
            drop(pool);
            assert_eq!(children_here(), Vec::<u32>::new());
            assert!(descriptors() <= before, "{} descriptors, {before} before", descriptors());
        }
    }

    fn a_worker_killed_at_the_end_delays_nobody() {
        let victims = Queue::<u32>::new(8).unwrap();
        let begin = |victims: Queue<u32>| {
            victims.send(std::process::id()).unwrap();
            std::thread::sleep(Duration::from_millis(100));
        };
        // While the pool is closed and waits for its last task.
        let pool = Pool::new(2).unwrap();
        let task = pool.apply_async(begin, victims.clone()).unwrap();
        let victim = victims.recv().unwrap();
        pool.close();
        send(victim, Signal::SIGKILL);
        let start = Instant::now();
        pool.join().unwrap();
        println!("joined after {:?}", start.elapsed());
        assert!(matches!(task.get(), Err(TaskError::WorkerDied { .. })));
        // All of them, while the pool is terminated.
        let pool = Pool::new(2).unwrap();
        pool.map(work, 0..10).unwrap();
        children_here().into_iter().for_each(|pid| send(pid, Signal::SIGKILL));
        let start = Instant::now();
        pool.terminate();
        assert!(start.elapsed() < HANG);
        assert_eq!(children_here(), Vec::<u32>::new());
        // Stopped, while the pool is terminated.
        let pool = Pool::new(2).unwrap();
        children_here().into_iter().for_each(|pid| send(pid, Signal::SIGSTOP));
        let start = Instant::now();
        pool.terminate();
        assert!(start.elapsed() < HANG);
    }

    fn workers_are_gone_when_their_pools_process_is_killed() {
        let workers = Queue::<u32>::new(8).unwrap();
        let ready = Event::new().unwrap();
        let parent = Process::spawn(make_a_pool_and_hang, (workers.clone(), ready.clone())).unwrap();
        assert!(ready.wait_timeout(LONG));
        let workers: Vec<u32> = std::iter::from_fn(|| workers.try_recv().ok()).collect();
        assert_eq!(workers.len(), 3);
        let start = Instant::now();
        parent.kill().unwrap();
        wait_until("the workers to be gone", || {
            workers.iter().all(|pid| {
                is_zombie(*pid) || !std::path::Path::new(&format!("/proc/{pid}")).exists()
            })
        });
        println!("the workers were gone {:?} after their parent was killed", start.elapsed());
        assert!(start.elapsed() < HANG);
    }

    fn a_pool_in_a_forked_child_refuses_and_leaves_the_parents_alone() {
        let pool = Pool::new(1).unwrap();
        let seen = Value::<u32>::new(0).unwrap();
        // SAFETY: the child does what needs no lock of another thread, and ends by _exit.
        match unsafe { nix::unistd::fork() }.unwrap() {
            nix::unistd::ForkResult::Child => {
                let refused = matches!(pool.apply(work, 1), Err(TaskError::Refused { .. }))
                    && pool.resize(2).is_err_and(|e| e.kind() == ErrorKind::Unsupported);
                drop(pool);
                seen.set(1 + u32::from(refused));
                // SAFETY: ends this process at once.
                unsafe { nix::libc::_exit(0) }
            }
            nix::unistd::ForkResult::Parent { child } => {
                nix::sys::wait::waitpid(child, None).unwrap();
            }
        }
        assert_eq!(seen.get(), 2);
        assert_eq!(pool.apply(work, 2).unwrap(), 6);
    }
}

fn make_a_pool_and_hang(workers: Queue<u32>, ready: Event) {
    let pool = Pool::new(3).unwrap();
    pool.map(work, 0..10).unwrap();
    for pid in children_here() {
        workers.send(pid).unwrap();
    }
    ready.set();
    let _ = pool.map(|_: u32| std::thread::sleep(LONG), 0..3);
}

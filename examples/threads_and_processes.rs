//! Input and output on threads, which mostly wait, beside computation on processes.
//!
//! Python: `concurrent.futures.ThreadPoolExecutor` beside `ProcessPoolExecutor`;
//! `asyncio.loop.run_in_executor`.
//!
//! Four threads get the sources of this project, from a store that takes 5 ms for each, and hand the texts
//! to a pool, which all threads use at once. Of each text a process computes a checksum, the slow way.
use commonhold::{Pool, cpu_count};
use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use std::{fs, io, thread};

const THREADS: usize = 4;
const LATENCY: Duration = Duration::from_millis(5);

fn main() -> Result<(), Box<dyn Error>> {
    commonhold::init();
    let mut paths = Vec::new();
    files(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/examples")), &mut paths)?;

    let start = Instant::now();
    let one_by_one = paths.iter().map(|path| Ok(checksum(read(path)?)));
    let one_by_one = one_by_one.collect::<io::Result<Vec<u64>>>()?;
    let sequential = start.elapsed();
    println!("{} files, one after another: {sequential:?}", paths.len());

    let pool = Pool::new(cpu_count())?;
    let start = Instant::now();
    let left = Mutex::new(paths.iter().enumerate());
    let (results, received) = mpsc::channel();
    thread::scope(|scope| {
        for _ in 0..THREADS {
            let (pool, left, results) = (&pool, &left, results.clone());
            scope.spawn(move || {
                let next = || left.lock().unwrap_or_else(PoisonError::into_inner).next();
                while let Some((index, path)) = next() {
                    // The thread goes on reading while a process computes.
                    let task = read(path).map(|text| pool.apply_async(checksum, text));
                    let _ = results.send((index, task)); // or the reader has given up
                }
            });
        }
        drop(results); // the threads have their own
        let mut checksums = vec![0; paths.len()];
        for (index, task) in received {
            checksums[index] = task??.get()?;
        }
        let parallel = start.elapsed();
        let speed_up = sequential.as_secs_f64() / parallel.as_secs_f64();
        println!("{THREADS} threads and {} processes: {parallel:?}, {speed_up:.1} ×", cpu_count());
        if checksums != one_by_one {
            return Err("the checksums differ".into());
        }
        println!("all {} checksums are equal", checksums.len());
        Ok(())
    })
}

fn files(directory: &Path, found: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() { files(&path, found)? } else { found.push(path) }
    }
    Ok(())
}

fn read(path: &Path) -> io::Result<String> {
    thread::sleep(LATENCY);
    fs::read_to_string(path)
}

/// FNV-1a, many times over.
fn checksum(text: String) -> u64 {
    let step = |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    (0..50).fold(0xcbf2_9ce4_8422_2325, |hash, _| text.bytes().fold(hash, step))
}

//! Jobs through a queue: two workers take them, square them, and send the results back.
//!
//! A worker *leases* a job, and is done with it only when its result was sent. So the jobs of a worker
//! that is killed come back, to another one.
use commonhold::Queue;
use std::error::Error;
use std::process::{Child, Command};

const JOBS: u64 = 1000;

fn main() -> Result<(), Box<dyn Error>> {
    match std::env::args().nth(1) {
        Some(name) => worker(&name),
        None => parent(),
    }
}

fn parent() -> Result<(), Box<dyn Error>> {
    let name = format!("queue-{}", std::process::id());
    let jobs = Queue::<u64>::create(&name, 64)?;
    let results = Queue::<u64>::create(&format!("{name}-results"), JOBS as usize)?;

    let program = std::env::current_exe()?;
    let workers: Vec<Child> =
        (0..2).map(|_| Command::new(&program).arg(&name).spawn()).collect::<Result<_, _>>()?;
    for job in 0..JOBS {
        jobs.send(job)?; // waits while the queue is full
    }
    jobs.wait_done(); // every job was taken, and every lease is done
    jobs.close(); // the workers' loops end
    for mut worker in workers {
        assert!(worker.wait()?.success(), "a worker failed");
    }

    results.close();
    let mut squares: Vec<u64> = results.iter().collect();
    squares.sort();
    println!("{} results, the largest is {}", squares.len(), squares[squares.len() - 1]);
    assert!(squares.into_iter().eq((0..JOBS).map(|n| n * n)));
    Ok(())
}

fn worker(name: &str) -> Result<(), Box<dyn Error>> {
    let jobs = Queue::<u64>::open(name)?;
    let results = Queue::<u64>::open(&format!("{name}-results"))?;
    let mut done = 0;
    while let Ok(job) = jobs.lease() {
        results.send(*job * *job)?;
        job.done();
        done += 1;
    }
    println!("worker {}: {done} jobs", std::process::id());
    Ok(())
}

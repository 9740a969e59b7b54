//! Does the jobs that come through a named queue, from producers in other terminals.
//!
//! ```text
//! terminal 1: cargo run --example producer -- jobs
//! terminal 2: cargo run --example consumer -- jobs
//! ```
//! Either may be started first, and any number of them. A consumer *leases* a job: one that is killed
//! in the middle (try it, with `--work 5000`) gives its job to the next. The consumer ends when all
//! jobs are done and all producers are gone.
use bytemuck::{CheckedBitPattern, NoUninit};
use clap::Parser;
use commonhold::{Queue, Text};
use std::error::Error;
use std::time::Duration;

/// Does the jobs that come through a named queue, until all producers are gone
#[derive(Parser)]
struct Args {
    /// The queue's name
    name: String,
    /// Milliseconds that a job takes
    #[arg(long, default_value_t = 0)]
    work: u64,
}

/// The same as in the producer.
#[derive(Clone, Copy, NoUninit, CheckedBitPattern)]
#[repr(C)]
struct Job {
    number: u64,
    text: Text<54>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let args = Args::parse();
    let queue = Queue::<Job>::open_or_create(&args.name, 64)?;
    let mut done = 0;
    // The queue is closed to a consumer when there were senders, and all of them are gone.
    while let Ok(job) = queue.lease() {
        let again = if job.deliveries() > 1 { ", delivered again" } else { "" };
        println!("{}: {}{again}", job.number, job.text);
        std::thread::sleep(Duration::from_millis(args.work));
        job.done();
        done += 1;
    }
    println!("no more jobs; {done} done here");
    Ok(())
}

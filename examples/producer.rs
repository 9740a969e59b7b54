//! Sends jobs through a named queue, to consumers in other terminals.
//!
//! ```text
//! terminal 1: cargo run --example producer -- jobs
//! terminal 2: cargo run --example consumer -- jobs
//! ```
//! Either may be started first: whoever comes first makes the queue. The producer stays until
//! all jobs are done. A name that is left by Ctrl-C or `kill -9` is stale: the next one replaces it.
use bytemuck::{CheckedBitPattern, NoUninit};
use clap::Parser;
use commonhold::{Queue, Text};
use std::error::Error;
use std::time::Duration;

/// Sends jobs through a named queue and waits until all of them are done
#[derive(Parser)]
struct Args {
    /// The queue's name
    name: String,
    /// How many jobs to send
    #[arg(long, default_value_t = 10)]
    count: u64,
    /// Milliseconds between two jobs
    #[arg(long, default_value_t = 0)]
    interval: u64,
}

/// What crosses: plain bytes, without padding. The consumer defines the same type again; size,
/// alignment and name are checked when it opens the queue.
#[derive(Clone, Copy, NoUninit, CheckedBitPattern)]
#[repr(C)]
struct Job {
    number: u64,
    text: Text<54>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let args = Args::parse();
    let queue = Queue::<Job>::open_or_create(&args.name, 64)?;
    // Senders are counted: when the last one is dropped, or dead, consumers get what is left, then
    // `Closed`.
    let sender = queue.sender();
    for number in 1..=args.count {
        let text = format!("job {number} of process {}", std::process::id());
        sender.send(Job { number, text: text.as_str().try_into()? })?;
        std::thread::sleep(Duration::from_millis(args.interval));
    }
    println!("sent {} jobs, waiting until they are done", args.count);
    queue.wait_done();
    println!("all {} jobs are done", args.count);
    Ok(())
}

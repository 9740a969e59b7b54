//! Counts the words of text files with several processes, exactly, also when they are killed.
//!
//! ```text
//! cargo run --release --example producer_consumer
//! cargo run --release --example producer_consumer -- --kill --consumers 3 PATH…
//! ```
//!
//! Producers take files from a queue of jobs, cut them into records of fixed size, and send those
//! through a second queue to consumers, which count the words. Both lease what they take, so the file
//! or the record of a process that is killed is delivered again. *Again* must not mean *twice*:
//!
//! * Every record has a number from the start. A record that is delivered again is counted where it
//!   was not: a consumer's count of a word and the number of the record counted last lie in one
//!   element of 8 bytes, which is written as a whole. Each consumer has a column of its own, which
//!   nobody writes after its death; so its last marks tell which words of the record it had counted.
//! * A file that is delivered again is sent where it was not: the new producer first waits until all
//!   records on the way are done. Then the list of records that were seen tells which ones are missing.
//!
//! `--kill` kills a consumer in the middle of a record, and a producer in the middle of a file.
//!
//! | file | |
//! |---|---|
//! | `books.rs` | what is shared |
//! | `producer.rs`, `consumer.rs` | the two bodies |
//! | `crew.rs` | processes: started, killed, joined |
//! | `plan.rs`, `text.rs` | what to do, and the sequential count |
//! | `report.rs` | progress and result |

mod books;
mod consumer;
mod crew;
mod plan;
mod producer;
mod report;
mod text;

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use books::Books;
use clap::Parser;
use crew::{Crew, Role, WorkerArgs};
use plan::Plan;
use report::Progress;

/// Counts the words of text files with several processes
#[derive(Parser)]
struct Args {
    /// Files, and directories to search for files (default: this project's own)
    paths: Vec<PathBuf>,
    /// Processes that read files
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=50))]
    producers: u8,
    /// Processes that count words
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=50))]
    consumers: u8,
    /// Files that may be open at once, over all processes
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..))]
    open_files: u32,
    /// How often to count the files (default: until there are 20,000 records); totals are of once
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    repeat: Option<u32>,
    /// Kill a consumer and a producer in the middle
    #[arg(long)]
    kill: bool,
    /// How many of the most frequent words to print
    #[arg(long, default_value_t = 10)]
    top: usize,
    #[arg(long, hide = true)]
    worker: Option<WorkerArgs>,
}

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

fn interrupted() -> bool {
    INTERRUPTED.load(Ordering::Relaxed)
}

fn main() -> ExitCode {
    let args = Args::parse();
    let done = match &args.worker {
        Some(worker) => crew::work(worker).map(|()| ExitCode::SUCCESS),
        None => parent(&args),
    };
    done.unwrap_or_else(|error| {
        eprintln!("error: {error}");
        ExitCode::FAILURE
    })
}

fn parent(args: &Args) -> Result<ExitCode, Box<dyn Error>> {
    // Instead of ending at once, so that everything is dropped and no name is left.
    ctrlc::set_handler(|| INTERRUPTED.store(true, Ordering::Relaxed))?;
    remove_stale_names()?;

    let own = [PathBuf::from(env!("CARGO_MANIFEST_DIR"))];
    let paths = if args.paths.is_empty() { &own[..] } else { &args.paths };
    let plan = Plan::new(paths, args.repeat)?;
    let (files, bytes) = (plan.paths.len(), plan.bytes);
    println!("{files} files of {bytes} bytes, {} times: {} records", plan.repeat, plan.records());
    let rate = bytes as f64 / plan.took.as_secs_f64() / 1e6;
    println!("sequential, once: {} words, {rate:.0} MB per second", plan.words());

    let (done, books) = {
        let run = format!("producer_consumer-{}", std::process::id());
        // One consumer and one producer may be replaced.
        let workers = usize::from(args.producers) + usize::from(args.consumers) + 2;
        let books = Books::create(&run, &plan.sizes(workers, args.open_files))?;
        (run_all(args, &plan, &books, &run)?, books)
    };
    let Some(took) = done else {
        println!("interrupted");
        return Ok(ExitCode::from(130));
    };
    let right = report::result(&plan, &books, took, args.top);
    drop(books);
    remove_stale_names()?; // of a killed run whose workers were still ending
    Ok(if right { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Runs the workers until everything is counted. `None`: interrupted.
fn run_all(
    args: &Args,
    plan: &Plan,
    books: &Books,
    run: &str,
) -> Result<Option<Duration>, Box<dyn Error>> {
    let mut crew = Crew::new(run);
    for _ in 0..args.producers {
        crew.hire(Role::Producer)?;
    }
    for _ in 0..args.consumers {
        crew.hire(Role::Consumer)?;
    }
    for job in plan.jobs() {
        books.jobs.send(job).map_err(|_| "the jobs are closed")?;
    }
    let hired = u32::from(args.producers) + u32::from(args.consumers);
    while books.ready.get() < hired {
        if interrupted() {
            return Ok(None);
        }
        crew.check()?;
        std::thread::sleep(Duration::from_millis(1));
    }

    println!("started {hired} processes");
    books.start.set();
    let start = Instant::now();
    let mut progress = Progress::new(plan.records());
    let mut to_kill = if args.kill { vec![Role::Consumer, Role::Producer] } else { vec![] };
    while !books.all_done(Duration::from_millis(2)) {
        if interrupted() {
            return Ok(None);
        }
        crew.check()?;
        let counted = books.records_done.get();
        progress.show(counted);
        if counted as usize > plan.records() / 10 {
            for role in to_kill.drain(..) {
                progress.say(&crew.kill_one(role, books)?);
            }
        }
    }
    let took = start.elapsed();
    progress.end();
    if !to_kill.is_empty() {
        return Err("all was done before anybody was killed: try more --repeat".into());
    }
    books.jobs.close();
    books.records.close();
    crew.join()?;
    Ok(Some(took))
}

fn remove_stale_names() -> Result<(), commonhold::Error> {
    let removed = commonhold::gc()?;
    if !removed.is_empty() {
        println!("removed {} names that killed processes had left", removed.len());
    }
    Ok(())
}

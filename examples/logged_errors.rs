//! What goes wrong in other processes, logged with where it came from.
//!
//! Python: `multiprocessing.log_to_stderr`, `get_logger`, `logger.exception` around `get`.
//!
//! Lines of a log are parsed by a pool. A line may be refused by the function (its own `Err`), make it
//! panic (a bug: file and line are told), or kill its worker (which one, and how). The others are done
//! all the same. With `--features tracing`, the library tells what it does as well.
use commonhold::{Pool, TaskError};
use std::error::Error;

const LINES: [&str; 8] = [
    "200 1043 /index.html",
    "404 19 /favicon.ico",
    "200 many /news.html",
    "200 77120 /logo.png",
    "",
    "500 0 /abort",
    "304 0 /index.html",
    "200 5210 /contact.html",
];

fn main() -> Result<(), Box<dyn Error>> {
    commonhold::init();
    #[cfg(feature = "tracing")]
    tracing_subscriber::fmt()
        .with_max_level(tracing::Level::DEBUG)
        .with_writer(std::io::stderr)
        .init();

    let pool = Pool::new(2)?;
    let (mut bytes, mut refused, mut panicked, mut died) = (0, 0, 0, 0);
    let lines = LINES.map(str::to_owned);
    for (number, outcome) in (1..).zip(pool.imap(parse, lines)) {
        match outcome {
            Ok(Ok(size)) => bytes += size,
            Ok(Err(reason)) => {
                refused += 1;
                eprintln!("WARN  line {number}: {reason}");
            }
            Err(TaskError::Panicked { message, location }) => {
                panicked += 1;
                eprintln!("ERROR line {number}: {message}, at {location}");
            }
            Err(TaskError::WorkerDied { pid, status }) => {
                died += 1;
                eprintln!("ERROR line {number}: worker {pid} ended with {status}");
            }
            Err(other) => return Err(other.into()),
        }
    }

    println!("{bytes} bytes; {refused} line refused, {panicked} panic, {died} worker died");
    if (bytes, refused, panicked, died) != (83_392, 1, 1, 1) {
        return Err("it should be 83392 bytes, and one of each".into());
    }
    Ok(())
}

fn parse(line: String) -> Result<u64, String> {
    let mut words = line.split(' ');
    let _status: u16 = words.next().and_then(|word| word.parse().ok()).expect("a status");
    let size = words.next().ok_or("no size")?;
    if line.ends_with("/abort") {
        std::process::abort(); // as a fault in a C library would
    }
    size.parse().map_err(|error| format!("{size:?} is no size: {error}"))
}

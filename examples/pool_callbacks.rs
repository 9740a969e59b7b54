//! Calls that nobody waits for: a callback gets each result, another one each failure.
//!
//! Python: `multiprocessing.Pool().apply_async(f, args, callback=…, error_callback=…)`, `close`, `join`;
//! `concurrent.futures.Future.add_done_callback`.
//!
//! Ten tasks, of which number 3 fails. The others do not notice; its error says what and where.
use commonhold::{Pool, TaskError};
use std::collections::BTreeMap;
use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};

const TASKS: u64 = 10;

type Outcomes = Arc<Mutex<BTreeMap<u64, Result<u64, TaskError>>>>;

fn main() -> Result<(), Box<dyn Error>> {
    commonhold::init();
    let pool = Pool::new(3)?;
    let outcomes = Outcomes::default();
    for number in 0..TASKS {
        // The callbacks run in this process, on a thread of the pool: they may capture anything.
        let (succeeded, failed) = (Arc::clone(&outcomes), Arc::clone(&outcomes));
        pool.apply_async_with(
            cube,
            number,
            move |cube| note(&succeeded, number, Ok(cube)),
            move |error| note(&failed, number, Err(error)),
        )?;
    }
    pool.join()?; // no more calls; all that were made are done, callbacks included

    let outcomes = outcomes.lock().unwrap_or_else(PoisonError::into_inner);
    if outcomes.len() as u64 != TASKS {
        return Err(format!("{} callbacks instead of {TASKS}", outcomes.len()).into());
    }
    for (number, outcome) in outcomes.iter() {
        match (number, outcome) {
            (3, Err(TaskError::Panicked { message, location }))
                if message == "I do not like 3" && location.contains("pool_callbacks.rs") => {}
            (number, Ok(cube)) if *number != 3 && *cube == number.pow(3) => {}
            wrong => return Err(format!("unexpected: {wrong:?}").into()),
        }
    }
    println!("nine results and one failure, as it should be");
    Ok(())
}

fn note(outcomes: &Outcomes, number: u64, outcome: Result<u64, TaskError>) {
    match &outcome {
        Ok(cube) => println!("task {number}: {cube}"),
        Err(error) => println!("task {number} failed: {error}"),
    }
    outcomes.lock().unwrap_or_else(PoisonError::into_inner).insert(number, outcome);
}

fn cube(n: u64) -> u64 {
    assert!(n != 3, "I do not like 3");
    n.pow(3)
}

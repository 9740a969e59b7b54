//! A producer: reads files, and sends their pieces as records.

use std::error::Error;
use std::fs;

use crate::books::{Books, Record};
use crate::text::pieces;

pub fn run(books: &Books, me: usize) -> Result<(), Box<dyn Error>> {
    // The jobs are leased: the file of a producer that is killed comes back, to another one.
    while let Ok(job) = books.jobs.lease() {
        if job.deliveries() > 1 {
            books.jobs_again.fetch_add(1);
        }
        if books.begun.swap(job.number as usize, true)? {
            // What its producer had sent may still be on the way. Once all of that is done, `seen`
            // tells exactly what is missing.
            books.records.wait_done();
        }
        let path = books.paths.get(job.file as usize).ok_or("no such file")?;
        let text = {
            let _permit = books.open_files.acquire(); // given back also if this process dies here
            fs::read(path.as_str())?
        };
        let left = pieces(&text).count() as u32;
        for (index, piece) in (0..).zip(pieces(&text)) {
            let number = job.first_record + index;
            if books.seen.get(number as usize) == Some(false) {
                books.at_work.set(me, left - index)?;
                books.records.send(Record::new(number, piece)).map_err(|_| "records are closed")?;
            }
        }
        books.at_work.set(me, 0)?;
        job.done();
    }
    Ok(())
}

//! Everything that the processes share.

use std::time::Duration;

use bytemuck::{Pod, Zeroable};
use commonhold::{Array, Error, Event, Queue, Semaphore, Text, Value};

use crate::text::{PIECE, Word};

/// A path has room for this many bytes.
pub type PathText = Text<1022>;

/// A file to be read and sent, once.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
pub struct Job {
    pub number: u32,
    /// Which of the paths.
    pub file: u32,
    /// The number of its first record; the others follow it.
    pub first_record: u32,
}

/// A piece of a file.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
pub struct Record {
    pub number: u32,
    len: u32,
    text: [u8; PIECE],
}

impl Record {
    pub fn new(number: u32, piece: &[u8]) -> Record {
        let mut text = [0; PIECE];
        text[..piece.len()].copy_from_slice(piece);
        Record { number, len: piece.len() as u32, text }
    }

    pub fn text(&self) -> &[u8] {
        &self.text[..self.len as usize]
    }
}

/// How often one consumer found one word. 8 bytes: read and written as a whole, under any kill.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
pub struct Count {
    pub times: u32,
    /// The record that was counted last, plus 1.
    pub last: u32,
}

/// The shared objects, each under a name that begins with the run's.
pub struct Books {
    pub jobs: Queue<Job>,
    pub records: Queue<Record>,
    pub paths: Array<PathText>,
    /// Workers that are ready for the start.
    pub ready: Value<u32>,
    pub start: Event,
    pub open_files: Semaphore,
    /// Whether the job of this number was begun.
    pub begun: Array<bool>,
    /// Whether the record of this number reached a consumer.
    pub seen: Array<bool>,
    /// A hash table of the words; what is empty is free. A word's index stands for it.
    pub words: Array<Word>,
    /// One column per consumer, of a count per word.
    pub counts: Array<Count>,
    /// What each worker is at: a consumer the number of its record plus 1, a producer how many
    /// records of its file are left to send; 0 is nothing.
    pub at_work: Array<u32>,
    pub records_done: Value<u64>,
    pub longest_word: Value<Word>,
    /// Leases that were not the first of their message.
    pub records_again: Value<u32>,
    pub jobs_again: Value<u32>,
}

pub struct Sizes {
    pub paths: Vec<PathText>,
    pub jobs: usize,
    pub records: usize,
    pub distinct_words: usize,
    pub workers: usize,
    pub open_files: u32,
}

impl Books {
    pub fn create(run: &str, sizes: &Sizes) -> Result<Books, Error> {
        let name = |object| format!("{run}.{object}");
        let words = (2 * sizes.distinct_words).next_power_of_two();
        Ok(Books {
            jobs: Queue::create(&name("jobs"), sizes.jobs)?,
            // Short, so that producers wait for consumers: nobody runs far ahead.
            records: Queue::create(&name("records"), 256)?,
            paths: Array::create_from_slice(&name("paths"), &sizes.paths)?,
            ready: Value::create(&name("ready"), 0)?,
            start: Event::create(&name("start"))?,
            open_files: Semaphore::create(&name("open-files"), sizes.open_files)?,
            begun: Array::create(&name("begun"), sizes.jobs)?,
            seen: Array::create(&name("seen"), sizes.records)?,
            words: Array::create(&name("words"), words)?,
            counts: Array::create(&name("counts"), words * sizes.workers)?,
            at_work: Array::create(&name("at-work"), sizes.workers)?,
            records_done: Value::create(&name("records-done"), 0)?,
            longest_word: Value::create(&name("longest-word"), Word::default())?,
            records_again: Value::create(&name("records-again"), 0)?,
            jobs_again: Value::create(&name("jobs-again"), 0)?,
        })
    }

    pub fn open(run: &str) -> Result<Books, Error> {
        let name = |object| format!("{run}.{object}");
        Ok(Books {
            jobs: Queue::open(&name("jobs"))?,
            records: Queue::open(&name("records"))?,
            paths: Array::open(&name("paths"))?,
            ready: Value::open(&name("ready"))?,
            start: Event::open(&name("start"))?,
            open_files: Semaphore::open(&name("open-files"))?,
            begun: Array::open(&name("begun"))?,
            seen: Array::open(&name("seen"))?,
            words: Array::open(&name("words"))?,
            counts: Array::open(&name("counts"))?,
            at_work: Array::open(&name("at-work"))?,
            records_done: Value::open(&name("records-done"))?,
            longest_word: Value::open(&name("longest-word"))?,
            records_again: Value::open(&name("records-again"))?,
            jobs_again: Value::open(&name("jobs-again"))?,
        })
    }

    /// The columns of the word with this index, one per consumer.
    pub fn column(&self, worker: usize, word: usize) -> usize {
        worker * self.words.len() + word
    }

    /// Waits until all files were sent and all records counted.
    pub fn all_done(&self, patience: Duration) -> bool {
        self.jobs.wait_done_timeout(patience) && self.records.wait_done_timeout(patience)
    }

    pub fn workers(&self) -> usize {
        self.at_work.len()
    }
}

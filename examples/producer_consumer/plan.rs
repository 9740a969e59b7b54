//! What there is to do, and the sequential count that it is checked against.

use std::collections::HashMap;
use std::error::Error;
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::books::{Job, PathText, Sizes};
use crate::text::{Word, files, is_longer, pieces, words};

/// With so many records in all there is a middle to be killed in.
const ENOUGH_RECORDS: usize = 20_000;

pub struct Plan {
    pub paths: Vec<PathText>,
    /// How many records each file makes.
    pieces: Vec<usize>,
    /// How often each file is read.
    pub repeat: usize,
    pub bytes: usize,
    pub counts: HashMap<Word, u64>,
    pub longest_word: Word,
    pub took: Duration,
}

impl Plan {
    /// Finds the files and counts their words, one after another.
    pub fn new(paths: &[PathBuf], repeat: Option<u32>) -> Result<Plan, Box<dyn Error>> {
        let mut found = Vec::new();
        for path in paths {
            found.extend(files(path).map_err(|error| format!("{}: {error}", path.display()))?);
        }
        let mut plan = Plan {
            paths: Vec::new(),
            pieces: Vec::new(),
            repeat: 1,
            bytes: 0,
            counts: HashMap::new(),
            longest_word: Word::default(),
            took: Duration::ZERO,
        };
        let start = Instant::now();
        for path in found {
            if crate::interrupted() {
                return Err("interrupted".into());
            }
            plan.add(&path)?;
        }
        plan.took = start.elapsed();
        let once = plan.pieces.iter().sum::<usize>();
        if once == 0 {
            return Err("there is no text in these files".into());
        }
        plan.repeat = repeat.map_or(ENOUGH_RECORDS.div_ceil(once), |repeat| repeat as usize);
        Ok(plan)
    }

    fn add(&mut self, path: &std::path::Path) -> Result<(), Box<dyn Error>> {
        let text = fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
        if text.contains(&0) {
            return Ok(()); // not a text
        }
        self.paths.push(path.to_str().ok_or("a path that is not UTF-8")?.try_into()?);
        self.pieces.push(pieces(&text).count());
        self.bytes += text.len();
        for word in words(&text) {
            *self.counts.entry(word).or_default() += 1;
            if is_longer(&word, &self.longest_word) {
                self.longest_word = word;
            }
        }
        Ok(())
    }

    /// All files, as often as they are to be read. Every record has its number from the start.
    pub fn jobs(&self) -> impl Iterator<Item = Job> {
        let files = self.pieces.iter().enumerate();
        let rounds = (0..self.repeat).flat_map(move |_| files.clone());
        (0..).zip(rounds).scan(0, |next_record, (number, (file, &pieces))| {
            let first_record = *next_record;
            *next_record += pieces as u32;
            Some(Job { number, file: file as u32, first_record })
        })
    }

    pub fn records(&self) -> usize {
        self.repeat * self.pieces.iter().sum::<usize>()
    }

    pub fn words(&self) -> u64 {
        self.counts.values().sum()
    }

    pub fn sizes(&self, workers: usize, open_files: u32) -> Sizes {
        Sizes {
            paths: self.paths.clone(),
            jobs: self.repeat * self.paths.len(),
            records: self.records(),
            distinct_words: self.counts.len(),
            workers,
            open_files,
        }
    }
}

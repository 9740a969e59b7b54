//! Progress, totals, and whether they are right.

use std::collections::HashMap;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::books::Books;
use crate::plan::Plan;
use crate::text::Word;

/// A bar on a terminal; elsewhere a line for each quarter.
pub struct Progress {
    bar: ProgressBar,
    total: u64,
    quarter: u64,
}

impl Progress {
    pub fn new(total: usize) -> Progress {
        let total = total as u64;
        let bar = ProgressBar::new(total); // hidden where there is no terminal
        let style = "{bar:40} {human_pos} of {human_len} records, {per_sec}";
        bar.set_style(ProgressStyle::with_template(style).expect("a template"));
        Progress { bar, total, quarter: 0 }
    }

    pub fn show(&mut self, done: u64) {
        self.bar.set_position(done);
        let quarter = 4 * done / self.total;
        if self.bar.is_hidden() && quarter > self.quarter {
            println!("{done} of {} records", self.total);
            self.quarter = quarter;
        }
    }

    pub fn say(&self, line: &str) {
        self.bar.suspend(|| println!("{line}"));
    }

    pub fn end(self) {
        self.bar.finish_and_clear();
    }
}

/// Adds up the consumers' columns.
fn add_up(books: &Books) -> HashMap<Word, u64> {
    let mut counts = HashMap::new();
    for (index, word) in books.words.iter().enumerate().filter(|(_, word)| !word.is_empty()) {
        let times = |worker| books.counts.get(books.column(worker, index)).map_or(0, |c| c.times);
        counts.insert(word, (0..books.workers()).map(|worker| u64::from(times(worker))).sum());
    }
    counts
}

/// Prints the result, and returns whether it is what the sequential count says.
pub fn result(plan: &Plan, books: &Books, took: Duration, top: usize) -> bool {
    let repeat = plan.repeat as u64;
    let counts = add_up(books);
    let records = plan.records();
    println!(
        "delivered again: {} records, {} files",
        books.records_again.get(),
        books.jobs_again.get()
    );
    println!(
        "{records} records of {} bytes in {:.3} s: {:.0} messages per second",
        size_of::<crate::books::Record>(),
        took.as_secs_f64(),
        records as f64 / took.as_secs_f64(),
    );
    let words: u64 = counts.values().sum();
    println!(
        "{} words, {} different, the longest is {:?}",
        words / repeat,
        counts.len(),
        books.longest_word.get()
    );
    let mut ranked: Vec<(&Word, &u64)> = counts.iter().collect();
    ranked.sort_by(|a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
    for (word, times) in ranked.into_iter().take(top) {
        println!("{:>10}  {word}", times / repeat);
    }

    let mut expected = plan.counts.clone();
    expected.values_mut().for_each(|times| *times *= repeat);
    let right = counts == expected && books.longest_word.get() == plan.longest_word;
    if right {
        println!("check: every count is exactly {repeat} × the sequential one");
    } else {
        let wrong = expected.iter().filter(|(word, times)| counts.get(*word) != Some(times));
        println!("MISMATCH: {} words differ from the sequential count:", wrong.clone().count());
        for (word, times) in wrong.take(10) {
            println!("  {word}: {} counted, {times} expected", counts.get(word).unwrap_or(&0));
        }
    }
    right
}

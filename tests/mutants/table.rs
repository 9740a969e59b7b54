//! What the mutations led to.

use std::fmt;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use crate::manners::Batch;
use crate::page::{Ending, Page};

/// One kind of object in one manner, and what came of it so far.
pub struct Row {
    pub batch: Batch,
    pub page: &'static Page,
}

impl Row {
    pub fn new(batch: Batch) -> Row {
        Row { batch, page: Page::new() }
    }

    fn name(&self) -> String {
        format!("{}, {}", self.batch.kind.name, self.batch.manner.name())
    }

    /// Tells what went wrong at this mutation, and whether it does so alone.
    pub fn fail(&self, index: u64, what: &str, alone: Option<String>) {
        self.page.failures.fetch_add(1, SeqCst);
        let alone = match alone {
            Some(same) if same == what => "alone, too".to_owned(),
            Some(other) => format!("alone: {other}"),
            None => "not alone".to_owned(),
        };
        println!("FAILED {}, mutation {index}: {what} ({alone})", self.name());
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:32}", self.name())?;
        write_counts(f, &counts(self.page), self.page.fenced.load(SeqCst))
    }
}

type Counts = [u64; Ending::ALL.len()];

fn counts(page: &Page) -> Counts {
    Ending::ALL.map(|ending| page.endings[ending as usize].load(SeqCst))
}

fn write_counts(to: &mut impl fmt::Write, counts: &Counts, fenced: u64) -> fmt::Result {
    counts.iter().try_for_each(|count| write!(to, " {count:>10}"))?;
    write!(to, " {fenced:>8}")
}

pub fn print_head() {
    print!("{:32}", "");
    Ending::ALL.iter().for_each(|ending| print!(" {:>10}", ending.name()));
    println!(" {:>8}", "fenced");
}

/// Prints the sums; tells whether all is well.
pub fn print_sum(rows: &[Row], took: Duration) -> bool {
    let (mut sums, mut fenced, mut failures) = ([0; Ending::ALL.len()], 0, 0);
    for row in rows {
        sums.iter_mut().zip(counts(row.page)).for_each(|(sum, count)| *sum += count);
        fenced += row.page.fenced.load(SeqCst);
        failures += row.page.failures.load(SeqCst);
    }
    let mut text = format!("{:32}", "all");
    let _ = write_counts(&mut text, &sums, fenced);
    let all: u64 = sums.iter().sum();
    println!("{text}\n{all} mutations in {:.1} s, {failures} failures", took.as_secs_f64());
    failures == 0
}

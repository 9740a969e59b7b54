//! What the mutations led to.

use std::fmt;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use crate::manners::Batch;
use crate::page::{Ending, Page};

/// One kind of object in one manner.
#[derive(Clone, Default)]
pub struct Row {
    name: String,
    endings: [u64; Ending::ALL.len()],
    fenced: u64,
    pub failures: Vec<String>,
}

impl Row {
    pub fn new(batch: &Batch) -> Row {
        let name = format!("{}, {}", batch.kind.name, batch.manner.name());
        Row { name, ..Row::default() }
    }

    /// Keeps what went wrong at this mutation, and whether it does so alone.
    pub fn fail(&mut self, index: u64, what: String, alone: Option<String>) {
        let alone = match alone {
            Some(same) if same == what => "alone, too".to_owned(),
            Some(other) => format!("alone: {other}"),
            None => "not alone".to_owned(),
        };
        self.failures.push(format!("{}, mutation {index}: {what} ({alone})", self.name));
    }

    pub fn take(&mut self, page: &Page) {
        for (mine, there) in self.endings.iter_mut().zip(&page.endings) {
            *mine += there.swap(0, SeqCst);
        }
        self.fenced += page.fenced.swap(0, SeqCst);
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:34}", self.name)?;
        for ending in Ending::ALL {
            write!(f, " {:>9}", self.endings[ending as usize])?;
        }
        write!(f, " {:>7}", self.fenced)?;
        self.failures.iter().try_for_each(|failure| write!(f, "\n    FAILED {failure}"))
    }
}

pub struct Table {
    pub rows: Vec<Row>,
}

impl Table {
    pub fn new(rows: usize) -> Table {
        Table { rows: vec![Row::default(); rows] }
    }

    /// Prints the sums; tells whether all is well.
    pub fn print(&self, took: Duration) -> bool {
        let mut wrong = 0;
        let mut sum = Row { name: "all".to_owned(), ..Row::default() };
        for row in &self.rows {
            for (sum, count) in sum.endings.iter_mut().zip(row.endings) {
                *sum += count;
            }
            sum.fenced += row.fenced;
            wrong += row.failures.len();
        }
        print!("{:34}", "");
        Ending::ALL.iter().for_each(|ending| print!(" {:>9}", ending.name()));
        println!(" {:>7}", "fenced");
        println!("{sum}");
        let all: u64 = sum.endings.iter().sum();
        println!("{all} mutations in {:.1} s, {wrong} failures", took.as_secs_f64());
        wrong == 0
    }
}

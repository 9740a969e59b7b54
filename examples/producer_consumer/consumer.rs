//! A consumer: counts the words of records in its own column of the shared array.

use std::error::Error;

use commonhold::IndexError;

use crate::books::{Books, Count};
use crate::text::{Word, is_longer, words};

pub fn run(books: &Books, me: usize) -> Result<(), Box<dyn Error>> {
    let mut found = Vec::new();
    while let Ok(record) = books.records.lease() {
        if record.deliveries() > 1 {
            books.records_again.fetch_add(1);
        }
        let mark = record.number + 1;
        books.at_work.set(me, mark)?;
        let again = books.seen.swap(record.number as usize, true)?;

        found.clear();
        let mut longest = Word::default();
        for word in words(record.text()) {
            found.push(index_of(books, word)?);
            if is_longer(&word, &longest) {
                longest = word;
            }
        }
        // A maximum may be taken again: it stays the same.
        _ = books.longest_word.try_update(|old| is_longer(&longest, &old).then_some(longest));
        found.sort_unstable();
        for same in found.chunk_by(|a, b| a == b) {
            let word = same[0];
            if again && was_counted(books, word, mark) {
                continue;
            }
            // Nobody else writes here, and it is one store: the word is counted, and marked as
            // counted, or neither.
            let cell = books.column(me, word);
            books.counts.update(cell, |count| Count {
                times: count.times + same.len() as u32,
                last: mark,
            })?;
        }
        books.records_done.fetch_add(1);
        books.at_work.set(me, 0)?;
        record.done();
    }
    Ok(())
}

/// Whether a consumer that was killed in the middle of this record had counted this word of it.
///
/// It was the last record that it worked on, so nothing has overwritten its marks.
fn was_counted(books: &Books, word: usize, mark: u32) -> bool {
    (0..books.workers())
        .filter_map(|worker| books.counts.get(books.column(worker, word)))
        .any(|count| count.last == mark)
}

/// Finds a word in the shared table, or puts it there.
fn index_of(books: &Books, word: Word) -> Result<usize, IndexError> {
    let mask = books.words.len() - 1;
    let mut index = hash(&word) & mask;
    loop {
        let mut there = books.words.get(index).unwrap_or_default();
        if there.is_empty() {
            // Of several at once, one puts its word there; the others find it.
            match books.words.compare_exchange(index, there, word)? {
                Ok(_) => return Ok(index),
                Err(found) => there = found,
            }
        }
        if there == word {
            return Ok(index);
        }
        index = (index + 1) & mask;
    }
}

/// FNV-1a: the same in every process, which std's hashes are not.
fn hash(word: &str) -> usize {
    let step = |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
    word.bytes().fold(0xcbf2_9ce4_8422_2325, step) as usize
}

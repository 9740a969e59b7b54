//! Which files, what is a word, and how a text is cut into records.

use std::path::{Path, PathBuf};
use std::{fs, io};

use commonhold::Text;

pub const LONGEST_WORD: usize = 24;
/// Bytes of text in a record: a multiple of the longest word, see [`pieces`].
pub const PIECE: usize = 42 * LONGEST_WORD;

/// In lower case, and short enough for a fixed place in shared memory.
pub type Word = Text<LONGEST_WORD>;

/// The words of a text: its runs of ASCII letters, overlong ones in parts.
pub fn words(text: &[u8]) -> impl Iterator<Item = Word> + '_ {
    text.split(|byte| !byte.is_ascii_alphabetic())
        .flat_map(|run| run.chunks(LONGEST_WORD))
        .map(word)
}

fn word(letters: &[u8]) -> Word {
    let mut lower = [0; LONGEST_WORD];
    let lower = &mut lower[..letters.len()];
    lower.copy_from_slice(letters);
    lower.make_ascii_lowercase();
    let lower = str::from_utf8(lower).expect("ASCII letters");
    lower.try_into().expect("not longer than the longest word")
}

/// Of two of the same length, one must be the "longer": the last in the alphabet.
pub fn is_longer(word: &Word, than: &Word) -> bool {
    (word.len(), word) > (than.len(), than)
}

/// Cuts a text into pieces of at most [`PIECE`] bytes that have the same words as the whole.
pub fn pieces(mut text: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let window = &text[..text.len().min(PIECE)];
        let end = match window.iter().rposition(|byte| !byte.is_ascii_alphabetic()) {
            Some(gap) if window.len() < text.len() => gap + 1,
            // The rest, or letters only: those are cut where a part of a word ends.
            _ => window.len(),
        };
        let (piece, rest) = text.split_at(end);
        text = rest;
        (!piece.is_empty()).then_some(piece)
    })
}

/// The files under `path` in a fixed order, without hidden ones and build products.
pub fn files(path: &Path) -> io::Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.canonicalize()?]);
    }
    let mut found = Vec::new();
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        let name = entry.file_name();
        let skipped = name.as_encoded_bytes().starts_with(b".") || name == "target";
        let kind = entry.file_type()?;
        if !skipped && (kind.is_dir() || kind.is_file()) {
            found.extend(files(&entry.path())?);
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_have_the_words_of_the_whole() {
        for (gap, len) in [(1, 10_000), (7, 5000), (500, 9000), (1100, 4000), (usize::MAX, 2500)] {
            let text: Vec<u8> = (0..len)
                .map(|i| if i % gap == gap - 1 { b' ' } else { b'a' + i as u8 % 26 })
                .collect();
            assert!(pieces(&text).all(|piece| piece.len() <= PIECE));
            assert!(pieces(&text).flat_map(words).eq(words(&text)));
        }
    }
}

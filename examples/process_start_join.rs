//! A function in a process of its own: started, given arguments, waited for.
//!
//! Python: `multiprocessing.Process(target=…, args=…, name=…)`, `start`, `join`, `exitcode`.
//!
//! The child counts the words of a file (this project's README, or the one you name) into a shared value.
//! A second child is given a file that is not there: its `Err` is its exit code.
use commonhold::{Process, Value};
use std::error::Error;
use std::path::PathBuf;
use std::{env, fs, io};

fn main() -> Result<(), Box<dyn Error>> {
    commonhold::init(); // a child runs its function here, and ends
    let readme = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");
    let path = PathBuf::from(env::args().nth(1).unwrap_or_else(|| readme.to_owned()));

    let words = Value::<u64>::new(0)?;
    let options = Process::options().name("counter");
    let child = options.spawn(count_words, (path.clone(), words.clone()))?;
    println!("parent {} started {:?}, process {}", std::process::id(), child.name(), child.pid());
    let status = child.join()?;
    println!("it ended with {status} and counted {} words", words.get());

    let expected = fs::read_to_string(&path)?.split_whitespace().count() as u64;
    if !status.success() || words.get() != expected {
        return Err(format!("{status}, {} words instead of {expected}", words.get()).into());
    }

    println!("and one that fails, as the file does not exist:");
    let child = Process::spawn(count_words, (PathBuf::from("/no/such/file"), words))?;
    let status = child.join()?;
    println!("it ended with {status}");
    if status.code() != Some(1) {
        return Err(format!("{status} instead of exit code 1").into());
    }
    Ok(())
}

fn count_words(path: PathBuf, words: Value<u64>) -> io::Result<()> {
    let me = commonhold::current();
    println!("{:?}, process {}, reads {}", me.name(), me.pid(), path.display());
    words.set(fs::read_to_string(path)?.split_whitespace().count() as u64);
    Ok(())
}

use commonhold::{Process, Queue};

fn work(_jobs: Queue<u64>, n: u64) -> Result<(), std::num::TryFromIntError> {
    u8::try_from(n).map(|_| ())
}

struct Page {
    url: String,
    size: Option<u64>,
}
commonhold::transfer!(Page { url, size });

fn main() -> Result<(), commonhold::Error> {
    commonhold::init();
    let jobs = Queue::<u64>::new(4)?;
    assert!(Process::spawn(work, (jobs.clone(), 7))?.join()?.success());
    assert_eq!(Process::spawn(work, (jobs, 256))?.join()?.code(), Some(1));
    let page = Page { url: "a".to_owned(), size: Some(1) };
    let child = Process::spawn(|page: Page| assert_eq!((&*page.url, page.size), ("a", Some(1))), page)?;
    assert!(child.join()?.success());
    Ok(())
}

use commonhold::{Process, Queue};

fn produce(_jobs: Queue<u64>, _n: u64) {}

fn main() {
    commonhold::init();
    let jobs = Queue::<u64>::new(4).unwrap();
    let _ = Process::spawn(produce, (jobs,));
}

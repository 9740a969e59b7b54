//! Processes that run a function: how they start, what they are given, how they end.

use commonhold::{Process, Queue, Value};

commonhold::test_support!();

#[test]
fn a_function_runs_with_its_arguments() {
    let total = Value::<u64>::new(1).unwrap();
    let queue = Queue::<u64>::new(4).unwrap();
    let child = Process::spawn(
        |total: Value<u64>, queue: Queue<u64>, name: String| {
            total.fetch_add(queue.recv().unwrap());
            assert_eq!(name, "grüße");
        },
        (total.clone(), queue.clone(), "grüße".to_owned()),
    )
    .unwrap();
    queue.send(41).unwrap();
    assert!(child.join().unwrap().success());
    assert_eq!(total.get(), 42);
}

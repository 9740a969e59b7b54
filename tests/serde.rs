//! `Serde<T>`: values that cross by way of serde.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};

use commonhold::{ErrorKind, Pool, Process, Queue, Serde, TaskError};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};

commonhold::test_support!();

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
enum Shape {
    Point,
    Circle { radius: f64 },
    Polygon(Vec<(i32, i32)>),
}

fn shapes() -> BTreeMap<String, Shape> {
    BTreeMap::from([
        ("a".to_owned(), Shape::Point),
        ("b".to_owned(), Shape::Circle { radius: 1.5 }),
        ("c".to_owned(), Shape::Polygon(vec![(0, 0), (1, -1)])),
    ])
}

#[test]
fn a_value_of_serde_crosses() {
    let answer = Queue::<u64>::new(1).unwrap();
    let compare = |Serde(arrived): Serde<BTreeMap<String, Shape>>, answer: Queue<u64>, n: u64| {
        assert_eq!(arrived, shapes());
        answer.send(n).unwrap();
    };
    let child = Process::spawn(compare, (Serde(shapes()), answer.clone(), 7)).unwrap();
    assert!(child.join().unwrap().success());
    assert_eq!(answer.recv(), Ok(7));
}

#[test]
fn a_value_that_cannot_be_serialized_is_refused() {
    #[derive(Clone)]
    struct Stubborn;
    impl Serialize for Stubborn {
        fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("no"))
        }
    }
    impl<'de> Deserialize<'de> for Stubborn {
        fn deserialize<D: serde::Deserializer<'de>>(_: D) -> Result<Stubborn, D::Error> {
            Ok(Stubborn)
        }
    }
    let error = Process::spawn(|_: Serde<Stubborn>| (), Serde(Stubborn)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(error.to_string().contains("Stubborn"), "{error}");
}

/// Panics when it is serialized, but for the first few times.
struct Explodes;

static SERIALIZED: AtomicU32 = AtomicU32::new(0);

impl Serialize for Explodes {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        assert!(SERIALIZED.fetch_add(1, Ordering::Relaxed) < 1, "it explodes");
        serializer.serialize_unit()
    }
}

impl<'de> Deserialize<'de> for Explodes {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Explodes, D::Error> {
        <()>::deserialize(deserializer).map(|()| Explodes)
    }
}

#[test]
fn a_pool_whose_initializers_arguments_panic_says_so_and_goes_on() {
    let ignore = |_: Serde<Explodes>| ();
    let pool = Pool::options().workers(1).initializer(ignore, Serde(Explodes)).build().unwrap();
    let pid = || std::process::id();
    let works = pool.apply(pid, ()).unwrap();
    let error = pool.resize(2).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(error.to_string().contains("panicked when they were packed"), "{error}");
    assert_eq!(pool.apply(pid, ()).unwrap(), works);

    // When there is nobody left, and nobody can be started, it ends.
    kill(Pid::from_raw(works as i32), Signal::SIGKILL).unwrap();
    let error = loop {
        match pool.apply(pid, ()) {
            Ok(_) | Err(TaskError::WorkerDied { .. }) => {} // it is not dead yet
            Err(error) => break error,
        }
    };
    assert!(error.to_string().contains("panicked when they were packed"), "{error}");
}

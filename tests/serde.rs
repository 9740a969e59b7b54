//! `Serde<T>`: values that cross by way of serde.

use std::collections::BTreeMap;

use commonhold::{ErrorKind, Process, Queue, Serde};
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

//! The feature `tracing`: who died and what was taken over is told.

use std::fmt::{Debug, Write};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use commonhold::{Event, Lock, LockError, Process, Value};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Metadata, Subscriber};

commonhold::test_support!();

static LINES: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Notes every span and event as a line.
struct Notes(AtomicU64);

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        write!(self.0, " {}={value:?}", field.name()).unwrap();
    }
}

impl Subscriber for Notes {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "commonhold"
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut line = Line(format!("span {}", span.metadata().name()));
        span.record(&mut line);
        LINES.lock().unwrap().push(line.0);
        Id::from_u64(self.0.fetch_add(1, Ordering::Relaxed))
    }

    fn event(&self, event: &tracing::Event<'_>) {
        let mut line = Line("event".to_owned());
        event.record(&mut line);
        LINES.lock().unwrap().push(line.0);
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

fn expect(words: &[&str]) {
    let start = Instant::now();
    loop {
        let lines = LINES.lock().unwrap().clone();
        if lines.iter().any(|line| words.iter().all(|word| line.contains(word))) {
            return;
        }
        assert!(start.elapsed() < Duration::from_secs(60), "no {words:?} in {lines:#?}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn what_happens_is_told() {
    tracing::subscriber::set_global_default(Notes(AtomicU64::new(1))).unwrap();
    let name = format!("tracing-{}", std::process::id());
    let value = Value::<u64>::create(&name, 0).unwrap();
    expect(&["span create segment", &name]);
    expect(&["event", "created", &name]);

    let (door, held) = (Lock::new().unwrap(), Event::new().unwrap());
    let hold = |door: Lock, held: Event| {
        let _guard = door.lock();
        held.set();
        std::thread::sleep(Duration::from_secs(60));
    };
    let options = Process::options().name("holder");
    let child = options.spawn(hold, (door.clone(), held.clone())).unwrap();
    expect(&["span spawn process", "holder"]);
    expect(&["event", "ready", "holder", &child.pid().to_string()]);
    held.wait();
    child.kill().unwrap();
    child.join().unwrap();
    expect(&["event", "ended", "holder", "Signalled(9)"]);
    expect(&["event", "dead", &format!("pid={}", child.pid())]);
    assert_eq!(door.lock().unwrap_err(), LockError::OwnerDied);
    drop(door.recover().unwrap());
    expect(&["event", "taking over"]);

    drop(value);
    expect(&["event", "removed by the last", &name]);
}

//! Two that want one lock, with a fifth of a microsecond of other work between: without it, results
//! have two stable values.

use std::sync::Mutex as StdMutex;
use std::thread;
use std::time::Duration;

use commonhold::Mutex;

use crate::support::children::{Worker, serve};
use crate::support::cpu;
use crate::support::ratio::Run;
use crate::support::report::{Report, sample};
use crate::support::work::{steps, work};

const WORK: Duration = Duration::from_nanos(200);

pub fn threads() -> Run {
    let counter = StdMutex::new(0u64);
    let steps = steps(WORK);
    Box::new(move |count| {
        cpu::unpin();
        let share = count.div_ceil(2);
        *counter.lock().expect("no panic") = 0;
        let add = |cpu| {
            cpu::pin(cpu);
            Report::of(|| {
                for _ in 0..share {
                    *counter.lock().expect("no panic") += 1;
                    work(steps);
                }
                0
            })
        };
        let reports = thread::scope(|scope| {
            cpu::pair()
                .map(|cpu| scope.spawn(move || add(cpu)))
                .map(|adder| adder.join().expect("an adder"))
        });
        assert_eq!(*counter.lock().expect("no panic"), 2 * share);
        sample(&reports)
    })
}

pub fn processes() -> Run {
    let name = super::queues::fresh_name();
    let counter = Mutex::create(&name, 0u64).expect("a mutex");
    let steps = steps(WORK);
    let mut adders = cpu::pair().map(|cpu| Worker::start(&format!("lock {name} {cpu} {steps}")));
    Box::new(move |count| {
        cpu::unpin();
        let share = count.div_ceil(2);
        *counter.lock().expect("it is free") = 0;
        adders.iter_mut().for_each(|adder| adder.tell(&share.to_string()));
        let reports = adders.each_mut().map(|adder| Report::from_line(&adder.answer()));
        assert_eq!(*counter.lock().expect("it is free"), 2 * share);
        sample(&reports)
    })
}

pub fn play(words: &[&str]) {
    let counter = Mutex::<u64>::open(words[0]).expect("the mutex");
    cpu::pin(words[1].parse().expect("a CPU"));
    let steps = words[2].parse().expect("a number");
    serve(|count| {
        let count: u64 = count.parse().expect("a number");
        let report = Report::of(|| {
            for _ in 0..count {
                *counter.lock().expect("nobody dies") += 1;
                work(steps);
            }
            0
        });
        report.to_line()
    });
}

//! Measures the crate beside its peers: criterion's figures first, then a table of ratios.
//!
//! `cargo bench -- lock` measures what has "lock" in its name. With `COMMONHOLD_BENCH=ratios` only
//! the table is made. With `--test`, and without `--bench` (`cargo test --benches`), everything runs once, briefly.

mod cases;
mod support;

use std::env;
use std::io::{Write, stdout};
use std::time::Duration;

use criterion::{Criterion, Throughput};

use cases::{CASES, RATIOS};
use support::placement;

fn main() {
    commonhold::init();
    if cases::play() {
        return;
    }
    let arguments: Vec<String> = env::args().skip(1).collect();
    let asked = |flag: &str| arguments.iter().any(|argument| argument == flag);
    let measures = asked("--bench") && !asked("--test");
    let filter = arguments.iter().find(|argument| !argument.starts_with('-'));
    if env::var("COMMONHOLD_BENCH").as_deref() != Ok("ratios") {
        with_criterion();
    }
    let wanted = |name: &str| filter.is_none_or(|part| name.contains(part.as_str()));
    if asked("--list") {
        return;
    }
    for ratio in RATIOS.iter().filter(|ratio| wanted(ratio.name)) {
        if measures {
            println!("{}", ratio.measure());
            let _ = stdout().flush();
        } else {
            ratio.try_once();
        }
    }
    if measures && wanted("pool figures") {
        cases::pool::figures();
        cases::pool::python();
    }
}

fn with_criterion() {
    let mut criterion = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(800))
        .without_plots()
        .configure_from_args();
    for case in CASES {
        let (group, name) = case.name.split_once('/').unwrap_or((case.name, ""));
        let mut group = criterion.benchmark_group(group);
        group.throughput(Throughput::Elements(1));
        group.bench_function(name, |bencher| {
            let mut run = (case.set_up)();
            bencher.iter_custom(|count| run(count).took);
        });
    }
    criterion.final_summary();
    println!("two cores: {}", placement::probe());
}

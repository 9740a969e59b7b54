//! Storms over the objects of this crate, for as long as you like: processes at random operations, killed
//! at any moment, and judged from outside.
//!
//! ```text
//! cargo run --release --example storm -- --object queue --minutes 5
//! cargo run --release --example storm -- --object all --kills 100000 --minutes 10 --seed 7
//! cargo run --release --example storm -- --object control-sem
//! ```
//!
//! Prints a row for each family of objects: how many were killed and stopped, how many operations that
//! was, how long anybody waited while nothing legitimately held what he waited for (the median, 99 and
//! 99.9 of 100, the longest), and what was wrong. A control is a thing of others that does not outlive a
//! death: it must be caught. Ends with 1 if something was wrong, or a control was not caught. The seed
//! decides what everybody does, who is struck, and when; not how the kernel schedules that.
//!
//! The code is that of the test: `tests/storm`.

#[path = "../../tests/storm/mod.rs"]
mod storm;

use clap::Parser;
use std::process::ExitCode;
use std::time::Duration;

use storm::family::Family;
use storm::settings::Settings;
use storm::{families, storms};

/// Kills processes in the middle of what they do to shared objects, and judges what becomes of it
#[derive(Parser)]
struct Args {
    /// What decides operations, victims and delays
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// At most so many minutes for each family
    #[arg(long, default_value_t = 1.0)]
    minutes: f64,
    /// Enough after so many kills of each family
    #[arg(long, default_value_t = u64::MAX, hide_default_value = true)]
    kills: u64,
    /// A family, or several; all: every one but the controls; --list names them
    #[arg(long, value_delimiter = ',', default_value = "all")]
    object: Vec<String>,
    /// Nobody is killed or stopped: even a control must be well then
    #[arg(long)]
    calm: bool,
    /// Names the families
    #[arg(long)]
    list: bool,
}

impl Args {
    fn asks_for(&self, family: &Family) -> bool {
        self.object.iter().any(|name| name == family.name || name == "all" && !family.control)
    }
}

fn main() -> ExitCode {
    commonhold::init();
    let args = Args::parse();
    let families = families::all();
    if args.list {
        families.iter().for_each(|family| println!("{}", family.name));
        return ExitCode::SUCCESS;
    }
    let asked: Vec<&Family> = families.iter().filter(|family| args.asks_for(family)).collect();
    if asked.is_empty() {
        eprintln!("there is no such family: {:?}; --list names them", args.object);
        return ExitCode::from(2);
    }
    let settings = Settings {
        seed: args.seed,
        time: Duration::from_secs_f64(args.minutes * 60.0),
        kills: args.kills,
        round: Duration::from_millis(300),
        calm: args.calm,
    };
    if storms::run_all(&asked, |_| settings.clone()) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

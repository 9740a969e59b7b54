//! One storm after another, each over one family.

use fastrand::Rng;
use nix::sys::prctl::set_child_subreaper;
use std::time::Instant;

use super::board::{Board, board};
use super::driver::Driver;
use super::family::{Family, Scene};
use super::manner::Manner;
use super::settings::Settings;
use super::tally::Tally;

/// Rounds over one object, before it is dropped and another is made.
const ROUNDS: u64 = 8;
/// One in so many rounds is on one core.
const PINNED: u64 = 5;
/// What is to be caught is looked for where it happens most.
const PINNED_CONTROL: u64 = 1;

/// Runs them one after the other, prints a row for each, and tells whether all is as it should be.
pub fn run_all(families: &[&Family], settings: impl Fn(&Family) -> Settings) -> bool {
    let names = tempfile::Builder::new().prefix("storm-").tempdir_in("/dev/shm");
    let names = names.expect("a directory for the names");
    // SAFETY: a storm's driver has one thread.
    unsafe { std::env::set_var("COMMONHOLD_DIR", names.path()) };
    println!("{}", Tally::HEAD);
    let mut well = true;
    for family in families {
        let settings = settings(family);
        let must_be_caught = family.control && !settings.calm;
        if must_be_caught {
            well &= is_well_in_calm(family, &settings);
        }
        let tally = Storms::new(settings).run(family);
        println!("{}", tally.row(family.name));
        let right = tally.faults.is_empty() != must_be_caught;
        if !right {
            tally.faults.words.iter().for_each(|words| println!("  {words}"));
            println!("  {}", if must_be_caught { "NOT CAUGHT" } else { "WRONG" });
            // Where one who asks for it looks.
            if let Some(path) = std::env::var_os("STORM_STORY") {
                std::fs::write(path, tally.story).expect("to write the story");
            }
        }
        well &= right;
    }
    let left: Vec<_> = std::fs::read_dir(names.path()).into_iter().flatten().collect();
    if !left.is_empty() {
        println!("  LEFT BEHIND: {left:?}");
    }
    well && left.is_empty()
}

/// Whether nothing is wrong as long as nobody is struck: so it is the deaths that are caught.
fn is_well_in_calm(family: &Family, settings: &Settings) -> bool {
    let calm = Settings { calm: true, time: 2 * settings.round, ..settings.clone() };
    let faults = Storms::new(calm).run(family).faults;
    faults.words.iter().for_each(|words| println!("  {}, in calm: {words}", family.name));
    faults.is_empty()
}

struct Storms {
    settings: Settings,
    board: &'static Board,
    objects: u64,
}

impl Storms {
    fn new(settings: Settings) -> Storms {
        // What a participant leaves behind is the driver's.
        set_child_subreaper(true).expect("to adopt orphans");
        Storms { settings, board: board(), objects: 0 }
    }

    /// Goes on until it was long enough, or something is wrong.
    fn run(&mut self, family: &Family) -> Tally {
        let (began, mut tally) = (Instant::now(), Tally::default());
        let mut rng = Rng::with_seed(self.settings.seed);
        while began.elapsed() < self.settings.time && tally.kills < self.settings.kills {
            let mut driver = self.driver(family, &mut rng);
            for _ in 0..ROUNDS {
                let manner = self.manner(family, &mut rng, tally.rounds);
                let left = self.settings.time.saturating_sub(began.elapsed());
                if left.is_zero() || tally.kills >= self.settings.kills {
                    break;
                }
                if !driver.round(manner, self.settings.round.min(left), &mut tally) {
                    return tally;
                }
            }
        }
        tally
    }

    fn driver<'a>(&mut self, family: &'a Family, rng: &mut Rng) -> Driver<'a> {
        self.objects += 1;
        let scene = Scene {
            name: format!("storm-{}", self.objects),
            variant: rng.u64(..),
            board: self.board,
            // Few rows are used again and again: so their generations wrap.
            participants: rng.u32(24..64),
        };
        let mut driver = Driver::new(family, scene, rng.fork());
        if family.control {
            driver.hang /= 3;
        }
        driver
    }

    fn manner(&self, family: &Family, rng: &mut Rng, round: u64) -> Manner {
        let one_in = if family.control { PINNED_CONTROL } else { PINNED };
        let mut manner = Manner::any(rng, round % one_in == one_in - 1);
        if family.control {
            // A wake that was lost is made good by the next one who comes.
            (manner.survivors, manner.victims) = (3, 2);
            manner.in_real_time = manner.pinned;
        }
        if family.slow {
            (manner.survivors, manner.victims, manner.pace) = (1, 1, (10_000, 60_000));
        }
        if self.settings.calm {
            manner.pace = (u64::MAX, u64::MAX);
        }
        manner
    }
}

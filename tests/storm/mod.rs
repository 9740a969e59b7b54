//! Storms: many processes at random operations, killed at any moment, judged from outside.
//!
//! A driver with one thread forks participants, each of which lives in a *lane*, does operations on one
//! object, and says before and after each what it does, in a pipe of its own. The driver kills them, stops
//! them, lets them go on, and forks the next. A *round* lasts a third of a second; then nobody is
//! struck any more, everybody must come to an end, and an auditor looks at what is left. What all of them
//! said is put in the order of time and told to an oracle, which knows what may be: a death between saying
//! and having done leaves both open, and nothing else.
//!
//! | file | |
//! |---|---|
//! | `settings.rs`, `storms.rs` | what is run, and for how long |
//! | `driver.rs`, `life.rs`, `reaper.rs` | forks, listens, takes leave |
//! | `manner.rs`, `killer.rs` | how a round goes, and who is struck when |
//! | `participant.rs`, `wire.rs`, `board.rs` | the other side, and what passes between them |
//! | `story.rs`, `waits.rs`, `tally.rs` | what happened, how long was waited, what it came to |
//! | `family.rs`, `families/` | what each kind of object does, and its oracle |

pub mod board;
#[path = "../controls/mod.rs"]
pub mod controls;
pub mod driver;
pub mod families;
pub mod family;
pub mod killer;
pub mod life;
pub mod manner;
pub mod participant;
pub mod reaper;
pub mod settings;
pub mod storms;
pub mod story;
pub mod tally;
pub mod waits;
pub mod wire;

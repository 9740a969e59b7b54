//! Where another process of this program has what this one has elsewhere.

use nix::unistd::Pid;

/// A run of another's addresses, and how far its own lie behind ours.
struct Run {
    first: usize,
    end: usize,
    shift: usize,
}

/// Nothing known: all lies where it lies here, as in a forked copy.
#[derive(Default)]
pub struct Layout(Vec<Run>);

impl Layout {
    pub fn of(pid: Pid) -> Layout {
        let ours = runs(&nix::unistd::getpid().to_string());
        let theirs = runs(&pid.to_string());
        let base = |all: &[(usize, usize, String)], name: &str| {
            all.iter().find(|run| run.2 == name).map(|run| run.0)
        };
        let known = theirs.iter().filter_map(|(first, end, name)| {
            let shift = base(&theirs, name)?.wrapping_sub(base(&ours, name)?);
            Some(Run { first: *first, end: *end, shift })
        });
        Layout(known.collect())
    }

    pub fn ours_of(&self, place: usize) -> usize {
        let run = self.0.iter().find(|run| (run.first..run.end).contains(&place));
        place.wrapping_sub(run.map_or(0, |run| run.shift))
    }

    pub fn theirs_of(&self, place: usize) -> usize {
        let there = |run: &&Run| (run.first..run.end).contains(&place.wrapping_add(run.shift));
        let run = self.0.iter().find(there);
        place.wrapping_add(run.map_or(0, |run| run.shift))
    }
}

/// What is mapped where, of what has a name.
fn runs(process: &str) -> Vec<(usize, usize, String)> {
    let maps = std::fs::read_to_string(format!("/proc/{process}/maps")).expect("what is mapped");
    let run = |line: &str| {
        let mut words = line.split_ascii_whitespace();
        let (first, end) = words.next()?.split_once('-')?;
        let number = |text| usize::from_str_radix(text, 16).ok();
        Some((number(first)?, number(end)?, words.nth(4)?.to_owned()))
    };
    maps.lines().filter_map(run).collect()
}

//! What came out: everything that the reports are made of.

use serde::{Deserialize, Serialize};

use crate::contestant::Kind;

/// Everything.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Results {
    pub machine: Machine,
    pub quick: bool,
    pub cases: Vec<CaseResult>,
}

impl Results {
    /// Over all cases: the least, the median of the medians, the most.
    pub fn placement(&self) -> Option<[u64; 3]> {
        let mut middles: Vec<u64> = self.cases.iter().map(|case| case.placement[1]).collect();
        middles.sort_unstable();
        let least = self.cases.iter().map(|case| case.placement[0]).min()?;
        let most = self.cases.iter().map(|case| case.placement[2]).max()?;
        Some([least, middles[middles.len() / 2], most])
    }

    /// Of all that is told: which part was measured while somebody else used a core, or the cores moved.
    pub fn disturbed(&self) -> f64 {
        let rows = || self.cases.iter().flat_map(|case| &case.rows);
        let kept: usize = rows().map(|row| row.kept).sum();
        let disturbed: usize = rows().map(|row| row.disturbed.max(row.moved)).sum();
        disturbed as f64 / kept.max(1) as f64
    }

    /// These, and what an earlier run measured of other cases, in the order of that run.
    pub fn over(mut self, earlier: Results) -> Results {
        let mut cases = earlier.cases;
        for case in self.cases {
            match cases.iter_mut().find(|old| old.is_of(&case)) {
                Some(old) => *old = case,
                None => cases.push(case),
            }
        }
        self.cases = cases;
        self
    }
}

impl CaseResult {
    /// The fastest between processes, or if there is none between threads.
    pub fn best_peer(&self) -> Option<&Row> {
        let fastest = |kind| {
            let rows = self.rows.iter().filter(|row| row.kind == kind);
            rows.min_by(|a, b| a.median.total_cmp(&b.median))
        };
        fastest(Kind::Processes).or(fastest(Kind::Threads))
    }

    fn is_of(&self, other: &CaseResult) -> bool {
        (&self.group, &self.label) == (&other.group, &other.label)
    }
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    pub when: String,
    pub processor: String,
    pub cpus: usize,
    pub memory: String,
    pub kernel: String,
    pub commit: String,
    pub compiler: String,
    /// Of whoever takes part.
    pub versions: Vec<(String, String)>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CaseResult {
    pub group: String,
    pub label: String,
    pub x: f64,
    /// Round trips of a cache line between the two cores while it was measured, in nanoseconds: the
    /// least, the median, the most.
    pub placement: [u64; 3],
    pub rows: Vec<Row>,
    /// Who could not take part, and why.
    pub left_out: Vec<LeftOut>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    pub contestant: String,
    pub why: String,
}

/// What one contestant needs for each operation, in nanoseconds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Row {
    pub contestant: String,
    pub kind: Kind,
    pub median: f64,
    /// The middle half.
    pub low: f64,
    pub high: f64,
    pub least: f64,
    pub most: f64,
    pub kept: usize,
    pub tried: usize,
    /// Of those kept: with the cores farther from each other than at other times; with somebody else on a core;
    /// with the cores moved meanwhile.
    pub far: usize,
    pub disturbed: usize,
    pub moved: usize,
    pub trips: Option<Trips>,
    /// How many times as fast as the best peer, between processes or threads; as the limit.
    pub to_best_peer: Option<f64>,
    pub to_limit: Option<f64>,
}

/// How long single trips took, of all that were kept, in nanoseconds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Trips {
    pub count: u64,
    pub p50: u64,
    pub p99: u64,
    pub p999: u64,
    pub max: u64,
    /// Times, and which part of the trips took no longer.
    pub curve: Vec<(u64, f64)>,
}

//! Whether the table in `docs/` is of the cases that there are.

use std::collections::BTreeSet;
use std::path::Path;

use crate::case::{Case, Ground};
use crate::log::Page;
use crate::plan::Manner;
use crate::table::Line;

/// Which row of the table: operation, path, manner.
pub type Key = (String, String, String);

pub fn key(case: &Case, manner: Manner) -> Key {
    (case.operation.to_owned(), case.path.to_owned(), manner.name().to_owned())
}

/// All rows that there are to be.
pub fn declared(cases: &[Case]) -> BTreeSet<Key> {
    let page = Page::new();
    let mut all = BTreeSet::new();
    for (case, number) in cases.iter().zip(0..) {
        let trial = (case.build)(&Ground::new(page, number));
        let manners = Manner::ALL.into_iter().filter(|manner| manner.applies_to(&trial));
        all.extend(manners.map(|manner| key(case, manner)));
    }
    all
}

/// What is wrong with the table in `docs/`.
pub fn differences(declared: &BTreeSet<Key>) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/stepping.md");
    let lines = Line::all_of(&std::fs::read_to_string(path).unwrap_or_default());
    let there: BTreeSet<Key> = lines.iter().map(|line| line.key.clone()).collect();
    let missing = declared.difference(&there).map(|key| format!("docs/stepping.md lacks {key:?}"));
    let over = there.difference(declared).map(|key| format!("docs/stepping.md still has {key:?}"));
    let failed = lines.iter().filter(|line| line.control != (line.failures > 0));
    let failed = failed.map(|line| format!("docs/stepping.md has a failure: {:?}", line.key));
    missing.chain(over).chain(failed).collect()
}

//! What is told of the results: while it is measured, and in files.

mod chart;
mod colours;
mod figures;
mod html;
mod markdown;
mod model;
mod notes;
mod plots;
mod readme;
mod svg;

use std::error::Error;
use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::case::{Case, Unit};
use crate::results::{CaseResult, Results};
use crate::runner::Effort;
use crate::selection::Selection;
use figures::{times, with_spread};

/// What is to come, and how long that takes.
pub fn tell_plan(selection: &Selection, effort: &Effort) {
    let plan: Vec<(&Case, usize)> =
        selection.matches().map(|(case, contestants)| (case, contestants.len())).collect();
    let entries: usize = plan.iter().map(|(_, entries)| entries).sum();
    let minutes = |time: Duration| time.as_secs_f64() / 60.0;
    println!(
        "{} cases with {entries} entries: about {:.1} minutes, and no further rounds after {:.1}",
        plan.len(),
        minutes(effort.estimate(plan.iter().copied())),
        minutes(effort.budget),
    );
}

/// One case, as soon as it is measured.
pub fn tell(case: &CaseResult, unit: Unit, since: Duration) {
    let [_, cores, _] = case.placement;
    println!("{}/{}  ({:.0} s; cores {cores} ns)", case.group, case.label, since.as_secs_f64());
    for row in &case.rows {
        let beside = |ratio: Option<f64>| ratio.map_or(String::new(), times);
        println!(
            "    {:28} {:>18} {:>9} {:>9}",
            row.contestant,
            with_spread(row, unit),
            beside(row.to_best_peer),
            beside(row.to_limit),
        );
    }
    for one in &case.left_out {
        println!("    {} is left out: {}", one.contestant, one.why);
    }
}

/// At the end.
pub fn tell_warning(results: &Results) {
    if let Some(warning) = model::warning(results) {
        println!("{warning}");
    }
}

/// The page; the same as Markdown, with its plots.
pub fn write(results: &Results, to: &Path) -> Result<(), Box<dyn Error>> {
    let plots = plots::all(results);
    fs::write(to.join("report.html"), html::page(results, &plots))?;
    write_markdown(results, &plots, &to.join("report.md"), "plots")
}

/// The same among the project's documents, and what its README shows of it.
pub fn write_docs(results: &Results, project: &Path) -> Result<(), Box<dyn Error>> {
    let docs = project.join("docs").join("benchmarks.md");
    write_markdown(results, &plots::all(results), &docs, "benchmarks")?;
    let readme = project.join("README.md");
    let renewed = readme::renew(&fs::read_to_string(&readme)?, results);
    Ok(fs::write(readme, renewed)?)
}

fn write_markdown(
    results: &Results,
    plots: &[plots::Plot],
    to: &Path,
    folder: &str,
) -> Result<(), Box<dyn Error>> {
    fs::write(to, markdown::text(results, plots, folder)?)?;
    let folder = to.with_file_name(folder);
    fs::create_dir_all(&folder)?;
    for plot in plots {
        fs::write(folder.join(plot.name).with_extension("svg"), svg::file(&plot.svg))?;
    }
    Ok(())
}

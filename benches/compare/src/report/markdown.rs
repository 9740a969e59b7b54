//! The report as Markdown, with its plots in files beside it.

use std::fmt::Write;

use super::figures::time;
use super::model::{Section, Table, left_out, sections, warning};
use super::notes::{ABSENT, ALL_ARE_MEMORY, DIFFERENCES, METHOD};
use super::plots::Plot;
use crate::contestants;
use crate::results::Results;

/// `folder`: where the plots are, as seen from the text.
pub fn text(results: &Results, plots: &[Plot], folder: &str) -> Result<String, std::fmt::Error> {
    let mut out = String::new();
    writeln!(out, "# commonhold and its peers\n")?;
    machine(&mut out, results)?;
    writeln!(out, "\n## How it was measured\n")?;
    METHOD.iter().try_for_each(|line| writeln!(out, "* {line}"))?;
    for section in sections(results) {
        self::section(&mut out, &section, plots, folder)?;
    }
    differences(&mut out)?;
    writeln!(out, "\n## Who took part, and how\n")?;
    for one in contestants::all() {
        writeln!(out, "* **{}**: {}", plain(one.card().name), one.card().about)?;
    }
    writeln!(out, "\n## Who did not\n")?;
    ABSENT.iter().try_for_each(|line| writeln!(out, "* {line}"))?;
    left_out(results).iter().try_for_each(|line| writeln!(out, "* {line}"))?;
    Ok(out)
}

fn machine(out: &mut String, results: &Results) -> std::fmt::Result {
    let machine = &results.machine;
    writeln!(
        out,
        "{}, {} CPUs, {}, {}; {}. Commit {}, {}{}.\n",
        machine.processor,
        machine.cpus,
        machine.memory,
        machine.kernel,
        machine.compiler,
        machine.commit,
        machine.when,
        if results.quick { ", a quick run" } else { "" },
    )?;
    let versions: Vec<String> =
        machine.versions.iter().map(|(name, version)| format!("{name} {version}")).collect();
    writeln!(out, "{}.\n", versions.join(", "))?;
    if let Some(warning) = warning(results) {
        writeln!(out, "**{warning}**\n")?;
    }
    if let Some([least, middle, most]) = results.placement() {
        let [least, middle, most] = [least, middle, most].map(|nanos| time(nanos as f64));
        writeln!(
            out,
            "A cache line went from one core to the other and back in {middle} (from {least} to {most} during \
             the run)."
        )?;
    }
    Ok(())
}

fn section(
    out: &mut String,
    section: &Section<'_>,
    plots: &[Plot],
    folder: &str,
) -> std::fmt::Result {
    writeln!(out, "\n## {}\n\n{}\n", section.group.title, section.group.about)?;
    for plot in plots.iter().filter(|plot| plot.group == section.group.name) {
        writeln!(out, "![{}]({folder}/{}.svg)\n", plot.name.replace('-', " "), plot.name)?;
    }
    table(out, &section.overview())?;
    writeln!(out)?;
    table(out, &section.ratios())?;
    for (label, trips) in section.trips() {
        writeln!(out, "\nSingle trips, {label}:\n")?;
        table(out, &trips)?;
    }
    Ok(())
}

fn differences(out: &mut String) -> std::fmt::Result {
    writeln!(out, "\n## What differs beside the speed\n\n{ALL_ARE_MEMORY}")?;
    for rows in DIFFERENCES {
        writeln!(out)?;
        let mut rows =
            rows.iter().map(|row| row.iter().map(|&cell| cell.to_owned()).collect::<Vec<_>>());
        let head = rows.next().unwrap_or_default();
        table(out, &Table { head, rows: rows.map(|cells| (false, cells)).collect() })?;
    }
    Ok(())
}

/// Names of types are no tags.
fn plain(text: &str) -> String {
    text.replace('<', "&lt;")
}

fn table(out: &mut String, table: &Table) -> std::fmt::Result {
    let line = |cells: &[String]| format!("| {} |", plain(&cells.join(" | ")));
    writeln!(out, "{}", line(&table.head))?;
    writeln!(out, "|{}", "---|".repeat(table.head.len()))?;
    for (ours, cells) in &table.rows {
        let mark = |cell: &String| if *ours { format!("**{cell}**") } else { cell.clone() };
        writeln!(out, "{}", line(&cells.iter().map(mark).collect::<Vec<_>>()))?;
    }
    Ok(())
}

//! The report as one page that needs nothing else.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::figures::time;
use super::model::{Section, Table, left_out, sections, warning};
use super::notes::{ABSENT, ALL_ARE_MEMORY, DIFFERENCES, METHOD};
use super::plots::Plot;
use super::svg;
use crate::contestants;
use crate::results::{CaseResult, Results};

const STYLE: &str = include_str!("page.css");

pub fn page(results: &Results, plots: &[Plot]) -> String {
    let sections = sections(results);
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "commonhold and its peers" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                h1 { "commonhold and its peers" }
                (machine(results))
                (contents(&sections))
                @for section in &sections { (self::section(section, plots)) }
                h2 id="differences" { "What differs beside the speed" }
                (differences())
                h2 id="method" { "How it was measured" }
                ul { @for line in METHOD { li { (prose(line)) } } }
                h2 id="who" { "Who took part, and how" }
                ul { @for one in contestants::all() { li { b { (one.card().name) } ": " (prose(one.card().about)) } } }
                h2 id="who-not" { "Who did not" }
                ul {
                    @for line in ABSENT { li { (line) } }
                    @for line in left_out(results) { li { (line) } }
                }
            }
        }
    };
    page.into_string()
}

/// Text with code between backticks.
fn prose(text: &str) -> Markup {
    html! {
        @for (at, part) in text.split('`').enumerate() {
            @if at % 2 == 1 { code { (part) } } @else { (part) }
        }
    }
}

fn machine(results: &Results) -> Markup {
    let machine = &results.machine;
    html! {
        p {
            (machine.processor) ", " (machine.cpus) " CPUs, " (machine.memory) ", " (machine.kernel) "; "
            (machine.compiler) ". Commit " (machine.commit) ", " (machine.when)
            @if results.quick { ", a quick run" } "."
        }
        p.soft {
            @for (at, (name, version)) in machine.versions.iter().enumerate() {
                @if at > 0 { ", " } (name) " " (version)
            } "."
        }
        @if let Some(warning) = warning(results) { p { b { (warning) } } }
        @if let Some(placement) = results.placement() { p.soft { (placement_of(placement)) } }
    }
}

fn placement_of(placement: [u64; 3]) -> String {
    let [least, middle, most] = placement.map(|nanos| time(nanos as f64));
    format!(
        "A cache line went from one core to the other and back in {middle} (from {least} to {most} during the run)."
    )
}

fn contents(sections: &[Section<'_>]) -> Markup {
    html! {
        nav {
            @for section in sections { a href={ "#" (anchor(section)) } { (section.group.title) } }
            a href="#differences" { "What differs beside the speed" }
            a href="#method" { "How it was measured" }
            a href="#who" { "Who took part, and how" }
            a href="#who-not" { "Who did not" }
        }
    }
}

fn anchor(section: &Section<'_>) -> String {
    section.group.name.replace(' ', "-")
}

fn section(section: &Section<'_>, plots: &[Plot]) -> Markup {
    html! {
        h2 id=(anchor(section)) { (section.group.title) }
        p { (prose(section.group.about)) }
        @for plot in plots.iter().filter(|plot| plot.group == section.group.name) {
            div.wide { (PreEscaped(svg::inline(&plot.svg))) }
        }
        (table(&section.overview()))
        h3 { "commonhold beside the best peer, and beside the limit" }
        (table(&section.ratios()))
        @for (label, trips) in section.trips() {
            h3 { "Single trips, " (label) }
            (table(&trips))
        }
        @for case in &section.cases { (details(section, case)) }
    }
}

fn details(section: &Section<'_>, case: &CaseResult) -> Markup {
    html! {
        details {
            summary { "All figures of " (case.label) }
            p.soft { (placement_of(case.placement)) }
            (table(&section.details(case)))
            @for one in &case.left_out { p.soft { (one.contestant) ": " (one.why) } }
        }
    }
}

fn table(table: &Table) -> Markup {
    html! {
        div.wide { table {
            tr { @for cell in &table.head { th { (cell) } } }
            @for (ours, cells) in &table.rows {
                tr.ours[*ours] { @for cell in cells { td { (cell) } } }
            }
        } }
    }
}

fn differences() -> Markup {
    html! {
        p { (ALL_ARE_MEMORY) }
        @for table in DIFFERENCES {
            div.wide { table.words {
                @for (at, row) in table.iter().enumerate() {
                    tr { @for cell in *row { @if at == 0 { th { (cell) } } @else { td { (cell) } } } }
                }
            } }
        }
    }
}

//! Draws lines and bars.

use plotters::coord::ranged1d::{AsRangedCoord, ValueFormatter};
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

/// One line, with its name at its end.
pub struct Line {
    pub name: String,
    pub points: Vec<(f64, f64)>,
    pub colour: RGBColor,
    pub thick: bool,
}

pub struct Axes<'a> {
    pub title: &'a str,
    pub x: &'a str,
    pub x_label: &'a dyn Fn(&f64) -> String,
    /// Of the steps of a logarithmic axis.
    pub x_base: f64,
    pub y: &'a str,
    pub y_label: &'a dyn Fn(&f64) -> String,
    /// From 0 to 1 instead of as the values are, on a logarithmic axis.
    pub y_is_part: bool,
}

const SIZE: (u32, u32) = (760, 520);
const NAMES: u32 = 232;
const FONT: &str = "sans-serif";
const NAME_HEIGHT: i32 = 16;

type Problem = Box<dyn std::error::Error>;

/// The range of values, with a little room.
fn range(values: impl Iterator<Item = f64> + Clone) -> std::ops::Range<f64> {
    let low = values.clone().fold(f64::INFINITY, f64::min);
    let high = values.fold(f64::NEG_INFINITY, f64::max);
    low / 1.15..high * 1.25
}

pub fn lines(axes: &Axes<'_>, lines: &[Line]) -> Result<String, Problem> {
    let mut svg = String::new();
    let area = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
    let all = || lines.iter().flat_map(|line| &line.points);
    let x = range(all().map(|point| point.0)).log_scale().base(axes.x_base);
    if axes.y_is_part {
        draw(area, axes, lines, x, 0.0..1.0)?;
    } else {
        let y = range(all().map(|point| point.1));
        // A short axis would have no steps of ten.
        let base = if y.end / y.start < 50.0 { 2.0 } else { 10.0 };
        let y = y.log_scale().base(base);
        draw(area, axes, lines, x, y)?;
    }
    Ok(svg)
}

fn draw<X, Y>(
    area: DrawingArea<SVGBackend<'_>, plotters::coord::Shift>,
    axes: &Axes<'_>,
    lines: &[Line],
    x: X,
    y: Y,
) -> Result<(), Problem>
where
    X: AsRangedCoord<Value = f64>,
    Y: AsRangedCoord<Value = f64>,
    X::CoordDescType: ValueFormatter<f64>,
    Y::CoordDescType: ValueFormatter<f64>,
{
    let mut chart = ChartBuilder::on(&area)
        .caption(axes.title, (FONT, 18).into_font().color(&BLACK))
        .margin(8)
        .margin_right(NAMES)
        .x_label_area_size(46)
        .y_label_area_size(76)
        .build_cartesian_2d(x, y)?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(BLACK.mix(0.12))
        .axis_style(BLACK.mix(0.5))
        .label_style((FONT, 14).into_font().color(&BLACK))
        .x_desc(axes.x)
        .y_desc(axes.y)
        .x_label_formatter(axes.x_label)
        .y_label_formatter(axes.y_label)
        .draw()?;
    let mut ends = Vec::new();
    for line in lines {
        let style = line.colour.stroke_width(if line.thick { 4 } else { 2 });
        chart.draw_series(LineSeries::new(line.points.iter().copied(), style))?;
        if !axes.y_is_part {
            let dot = |point: &(f64, f64)| Circle::new(*point, 3, line.colour.filled());
            chart.draw_series(line.points.iter().map(dot))?;
        }
        if let Some(last) = line.points.last() {
            ends.push((chart.backend_coord(last), line));
        }
    }
    drop(chart);
    names(&area, ends)?;
    area.present()?;
    Ok(())
}

/// Names at the ends of their lines, where they do not cover each other.
fn names(
    area: &DrawingArea<SVGBackend<'_>, plotters::coord::Shift>,
    mut ends: Vec<((i32, i32), &Line)>,
) -> Result<(), Problem> {
    ends.sort_by_key(|((_, y), _)| *y);
    let mut places: Vec<i32> = ends.iter().map(|((_, y), _)| *y).collect();
    for at in 1..places.len() {
        places[at] = places[at].max(places[at - 1] + NAME_HEIGHT);
    }
    let mut lowest = SIZE.1 as i32 - 12;
    for place in places.iter_mut().rev() {
        *place = (*place).min(lowest);
        lowest = *place - NAME_HEIGHT;
    }
    let column = (SIZE.0 - NAMES) as i32 + 14;
    for (((x, y), line), place) in ends.iter().zip(places) {
        let pointer = vec![(*x + 4, *y), (column - 4, place)];
        area.draw(&PathElement::new(pointer, line.colour.mix(0.5).stroke_width(1)))?;
        let size = if line.thick { 15 } else { 13 };
        let style = (FONT, size).into_font().color(&line.colour);
        let style = style.pos(Pos::new(HPos::Left, VPos::Center));
        area.draw(&Text::new(line.name.clone(), (column, place), style))?;
    }
    Ok(())
}

/// One bar.
pub struct Bar {
    pub name: String,
    pub value: f64,
    pub label: String,
    pub colour: RGBColor,
}

const BAR_HEIGHT: i32 = 24;
const BAR_NAMES: i32 = 240;
const BAR_LABELS: i32 = 90;

/// Bars on a logarithmic scale, the shortest from the least value.
pub fn bars(title: &str, bars: &[Bar]) -> Result<String, Problem> {
    let mut svg = String::new();
    let height = 44 + BAR_HEIGHT * bars.len() as i32;
    let area = SVGBackend::with_string(&mut svg, (SIZE.0, height as u32)).into_drawing_area();
    let text = |size: u32, colour: &RGBColor, at: HPos| {
        let style: TextStyle<'_> = (FONT, size).into_font().color(colour);
        style.pos(Pos::new(at, VPos::Center))
    };
    area.draw(&Text::new(title.to_owned(), (10, 20), text(18, &BLACK, HPos::Left)))?;
    let range: RangedCoordf64 = {
        let all = range(bars.iter().map(|bar| bar.value));
        ((all.start / 1.5).ln()..all.end.ln()).into()
    };
    let room = (BAR_NAMES, SIZE.0 as i32 - BAR_LABELS);
    for (at, bar) in (0..).zip(bars) {
        let (top, end) = (40 + at * BAR_HEIGHT, range.map(&bar.value.ln(), room));
        let middle = top + BAR_HEIGHT / 2 - 2;
        let corners = [(BAR_NAMES, top), (end, top + BAR_HEIGHT - 5)];
        area.draw(&Rectangle::new(corners, bar.colour.filled()))?;
        let name =
            Text::new(bar.name.clone(), (BAR_NAMES - 8, middle), text(14, &BLACK, HPos::Right));
        area.draw(&name)?;
        area.draw(&Text::new(bar.label.clone(), (end + 6, middle), text(14, &BLACK, HPos::Left)))?;
    }
    area.present()?;
    drop(area);
    Ok(svg)
}

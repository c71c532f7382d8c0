//! A picture in characters.

use super::chart::{Chart, Point};
use super::format::short;

/// How the curves are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// In dots of Braille, eight in a character.
    Dots {
        /// Each curve in a colour of its own.
        colours: bool,
    },
    /// In letters, one for each curve.
    Letters,
}

/// The rows of the picture, without its axis.
const ROWS: usize = 12;

/// What stands left of the picture: the costs.
const MARGIN: usize = 8;

/// The least and the most columns that a picture is worth.
const COLUMNS: std::ops::RangeInclusive<usize> = 24..=92;

/// Bits of the dots of a Braille character, by row and column.
const DOTS: [[u8; 2]; 4] = [[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]];

/// A character of the picture.
#[derive(Clone, Copy, Default)]
struct Cell {
    dots: u8,
    lambda: bool,
    kubernetes: bool,
    crossing: bool,
}

/// The picture, for so wide a terminal; absent where it is too narrow for one.
pub(super) fn draw(picture: &Chart, width: usize, style: Style) -> Option<String> {
    let columns = width.saturating_sub(MARGIN + 2).min(*COLUMNS.end());
    if columns < *COLUMNS.start() {
        return None;
    }
    let cells = cells(picture, columns);
    let mut lines = vec![legend(style)];
    let ticks = picture.y.ticks(5);
    for (row, cells) in cells.iter().enumerate() {
        let tick = ticks
            .iter()
            .find(|tick| row_of(picture.y.place(**tick)) == row);
        let label = tick.map(|tick| short(*tick)).unwrap_or_default();
        let drawn: String = cells.iter().map(|cell| glyph(*cell, style)).collect();
        lines.push(format!("{label:>MARGIN$} |{}", drawn.trim_end()));
    }
    lines.push(format!("{:MARGIN$} +{}", "", "-".repeat(columns)));
    lines.push(axis(picture, columns));
    Some(lines.join("\n"))
}

fn row_of(place: f64) -> usize {
    step((1.0 - place) * (ROWS - 1) as f64)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a place in a picture is small and not negative"
)]
fn step(value: f64) -> usize {
    value.round() as usize
}

fn cells(picture: &Chart, columns: usize) -> Vec<Vec<Cell>> {
    let mut cells = vec![vec![Cell::default(); columns]; ROWS];
    let (wide, high) = (columns * 2, ROWS * 4);
    let dot = |(requests, usd): Point| {
        let x = step(picture.x.place(requests) * (wide - 1) as f64);
        let y = step((1.0 - picture.y.place(usd)) * (high - 1) as f64);
        (x, y)
    };
    let mut curve = |points: &[Point], mark: fn(&mut Cell)| {
        for pair in points.windows(2) {
            for (x, y) in between(dot(pair[0]), dot(pair[1])) {
                let cell = &mut cells[y / 4][x / 2];
                cell.dots |= DOTS[y % 4][x % 2];
                mark(cell);
            }
        }
    };
    curve(&picture.lambda, |cell| cell.lambda = true);
    curve(&picture.kubernetes, |cell| cell.kubernetes = true);
    for crossing in &picture.crossings {
        let (x, y) = dot(*crossing);
        cells[y / 4][x / 2].crossing = true;
    }
    cells
}

/// The dots of a line.
fn between(from: (usize, usize), to: (usize, usize)) -> impl Iterator<Item = (usize, usize)> {
    let steps = from.0.abs_diff(to.0).max(from.1.abs_diff(to.1)).max(1);
    let part = move |from: usize, to: usize, at: usize| {
        let (from, to) = (from as f64, to as f64);
        step(from + (to - from) * at as f64 / steps as f64)
    };
    (0..=steps).map(move |at| (part(from.0, to.0, at), part(from.1, to.1, at)))
}

const LAMBDA: &str = "\u{1b}[33m";
const KUBERNETES: &str = "\u{1b}[36m";
const PLAIN: &str = "\u{1b}[0m";

fn glyph(cell: Cell, style: Style) -> String {
    let colour = match style {
        Style::Letters => {
            let letter = match cell {
                Cell { crossing: true, .. } => "X",
                Cell { lambda: true, .. } => "L",
                Cell {
                    kubernetes: true, ..
                } => "K",
                _ => " ",
            };
            return letter.to_owned();
        }
        Style::Dots { colours: false } => None,
        Style::Dots { colours: true } if cell.lambda => Some(LAMBDA),
        Style::Dots { colours: true } => Some(KUBERNETES),
    };
    let dots = match cell {
        Cell { crossing: true, .. } => '●',
        Cell { dots: 0, .. } => return " ".to_owned(),
        Cell { dots, .. } => char::from_u32(0x2800 + u32::from(dots)).unwrap_or(' '),
    };
    match colour {
        Some(colour) if !cell.crossing => format!("{colour}{dots}{PLAIN}"),
        _ => dots.to_string(),
    }
}

fn legend(style: Style) -> String {
    let names = match style {
        Style::Letters => "L Lambda   K Kubernetes   X both cost the same".to_owned(),
        Style::Dots { colours: true } => {
            format!(
                "{LAMBDA}⣀ Lambda{PLAIN}   {KUBERNETES}⣀ Kubernetes{PLAIN}   ● both cost the same"
            )
        }
        // The rising one is Lambda's in any scenario that has a crossing.
        Style::Dots { colours: false } => {
            "● both cost the same; Lambda rises with the traffic".to_owned()
        }
    };
    format!("{:>MARGIN$} USD a month   {names}", "")
}

fn axis(picture: &Chart, columns: usize) -> String {
    let mut line: Vec<char> = vec![' '; MARGIN + 2 + columns + 8];
    for tick in picture.x.ticks(columns / 12) {
        let label = short(tick);
        let middle = MARGIN + 2 + step(picture.x.place(tick) * (columns - 1) as f64);
        let from = middle.saturating_sub(label.len() / 2);
        for (at, letter) in label.chars().enumerate() {
            line[from + at] = letter;
        }
    }
    let line: String = line.into_iter().collect();
    format!("{}\n{:>MARGIN$}  requests a month", line.trim_end(), "")
}

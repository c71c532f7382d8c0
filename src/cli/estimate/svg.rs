//! A picture as SVG.

use std::fmt::Write as _;

use super::chart::{Chart, Point};
use super::format::{count, money, short};

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 440.0;
const LEFT: f64 = 78.0;
const RIGHT: f64 = 24.0;
const TOP: f64 = 64.0;
const BOTTOM: f64 = 62.0;

/// Colours for light and dark surroundings; those of the platforms are told apart also without colour, by the dashes.
const STYLE: &str = "
  .ground { fill: #ffffff } text { fill: #1c2024; font: 13px system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif }
  .quiet { fill: #5c6570 } .title { font-size: 15px; font-weight: 600 }
  .grid { stroke: #dfe2e5; stroke-width: 1 } .frame { stroke: #8a939c; fill: none }
  .curve { fill: none; stroke-width: 2.5; stroke-linejoin: round }
  .lambda { stroke: #b45309 } .kubernetes { stroke: #1f4fbf; stroke-dasharray: 7 3 }
  .label { paint-order: stroke; stroke: #ffffff; stroke-width: 4px; stroke-linejoin: round }
  .mark { stroke: #5c6570; stroke-dasharray: 3 4 } .dot { fill: #1c2024; stroke: #ffffff; stroke-width: 2 }
  @media (prefers-color-scheme: dark) {
    .ground { fill: #14171a } text { fill: #e8eaed } .quiet { fill: #9aa4af }
    .grid { stroke: #30363d } .frame { stroke: #6b747e }
    .lambda { stroke: #ffb066 } .kubernetes { stroke: #8fb1ff }
    .label { stroke: #14171a } .mark { stroke: #9aa4af } .dot { fill: #e8eaed; stroke: #14171a }
  }
";

/// The picture as the text of an SVG file.
pub(super) fn draw(picture: &Chart) -> String {
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" width=\"{WIDTH}\" \
         height=\"{HEIGHT}\" role=\"img\" aria-labelledby=\"title\">\n<title id=\"title\">{}</title>\n<style>{STYLE}</style>\n\
         <rect class=\"ground\" width=\"{WIDTH}\" height=\"{HEIGHT}\"/>\n",
        title(picture)
    );
    text(&mut svg, "title", LEFT, 26.0, "start", &title(picture));
    legend(&mut svg);
    grid(&mut svg, picture);
    curve(&mut svg, picture, "kubernetes", &picture.kubernetes);
    curve(&mut svg, picture, "lambda", &picture.lambda);
    now(&mut svg, picture);
    for crossing in &picture.crossings {
        mark(&mut svg, picture, *crossing);
    }
    svg.push_str("</svg>\n");
    svg
}

fn title(picture: &Chart) -> String {
    match &*picture.crossings {
        [] => "Cost of a month on Lambda and on Kubernetes".to_owned(),
        [(only, _)] => format!("Both cost the same at {} requests a month", count(*only)),
        [(first, _), .., (last, _)] => format!(
            "The answer flips from {} to {} requests a month",
            count(*first),
            count(*last)
        ),
    }
}

fn x(picture: &Chart, requests: f64) -> f64 {
    LEFT + picture.x.place(requests) * (WIDTH - LEFT - RIGHT)
}

fn y(picture: &Chart, usd: f64) -> f64 {
    HEIGHT - BOTTOM - picture.y.place(usd) * (HEIGHT - TOP - BOTTOM)
}

fn text(svg: &mut String, class: &str, x: f64, y: f64, anchor: &str, words: &str) {
    let _ = writeln!(
        svg,
        "<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{words}</text>"
    );
}

fn line(svg: &mut String, class: &str, from: (f64, f64), to: (f64, f64)) {
    let _ = writeln!(
        svg,
        "<line class=\"{class}\" x1=\"{:.1}\" y1=\"{:.1}\" x2=\"{:.1}\" y2=\"{:.1}\"/>",
        from.0, from.1, to.0, to.1
    );
}

fn legend(svg: &mut String) {
    for (class, name, left) in [
        ("lambda", "Lambda", LEFT),
        ("kubernetes", "Kubernetes", LEFT + 110.0),
    ] {
        line(
            svg,
            &format!("curve {class}"),
            (left, 44.0),
            (left + 28.0, 44.0),
        );
        text(svg, "", left + 36.0, 48.5, "start", name);
    }
}

fn grid(svg: &mut String, picture: &Chart) {
    let (bottom, right) = (HEIGHT - BOTTOM, WIDTH - RIGHT);
    for tick in picture.y.ticks(8) {
        let at = y(picture, tick);
        line(svg, "grid", (LEFT, at), (right, at));
        text(svg, "quiet", LEFT - 8.0, at + 4.5, "end", &short(tick));
    }
    for tick in picture.x.ticks(9) {
        let at = x(picture, tick);
        line(svg, "grid", (at, TOP), (at, bottom));
        text(svg, "quiet", at, bottom + 20.0, "middle", &short(tick));
    }
    let _ = writeln!(
        svg,
        "<rect class=\"frame\" x=\"{LEFT}\" y=\"{TOP}\" width=\"{}\" height=\"{}\"/>",
        right - LEFT,
        bottom - TOP
    );
    text(
        svg,
        "",
        f64::midpoint(LEFT, right),
        HEIGHT - 16.0,
        "middle",
        "requests a month",
    );
    let middle = f64::midpoint(TOP, bottom);
    let _ = writeln!(
        svg,
        "<text transform=\"translate(22 {middle:.1}) rotate(-90)\" text-anchor=\"middle\">USD a month</text>"
    );
}

fn curve(svg: &mut String, picture: &Chart, class: &str, points: &[Point]) {
    let places = points
        .iter()
        .map(|(requests, usd)| format!("{:.1},{:.1}", x(picture, *requests), y(picture, *usd)));
    let places: Vec<String> = places.collect();
    let _ = writeln!(
        svg,
        "<polyline class=\"curve {class}\" points=\"{}\"/>",
        places.join(" ")
    );
}

/// The traffic of the scenario.
fn now(svg: &mut String, picture: &Chart) {
    let at = x(picture, picture.now);
    line(svg, "mark", (at, TOP), (at, HEIGHT - BOTTOM));
    let (anchor, beside) = beside(at);
    let words = format!("this scenario: {}", count(picture.now));
    text(svg, "quiet label", at + beside, TOP + 18.0, anchor, &words);
}

fn mark(svg: &mut String, picture: &Chart, (requests, usd): Point) {
    let (at, height) = (x(picture, requests), y(picture, usd));
    line(svg, "mark", (at, height), (at, HEIGHT - BOTTOM));
    let _ = writeln!(
        svg,
        "<circle class=\"dot\" cx=\"{at:.1}\" cy=\"{height:.1}\" r=\"5.5\"/>"
    );
    // Costs rise to the right: left of the point there is room above them, right of it below.
    let (anchor, beside) = beside(at);
    let height = height + if anchor == "end" { -13.0 } else { 23.0 };
    let words = format!("{} requests, {} USD", count(requests), money(usd));
    text(svg, "label", at + beside, height, anchor, &words);
}

/// On which side of a place there is room for words.
fn beside(at: f64) -> (&'static str, f64) {
    if at > WIDTH / 2.0 {
        ("end", -9.0)
    } else {
        ("start", 9.0)
    }
}

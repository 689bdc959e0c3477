//! A plot: how many times as long as letgo each contestant took, all on one logarithmic scale.

use std::fmt::Write;

use crate::measure::Workload;
use crate::report::{ratio, time};
use crate::stats::Summary;

/// Of a column, all of them in pixels.
const WIDTH: f64 = 412.0;
/// Between two columns.
const GAP: f64 = 16.0;
/// What is above the columns.
const TOP: f64 = 40.0;
/// Of a workload's heading, and of a contestant's row.
const HEADING: f64 = 26.0;
const ROW: f64 = 15.0;
/// Where the bars are in a column: names are left of them, numbers right.
const BARS: (f64, f64) = (170.0, 370.0);

/// One pair of colours for the bars, which is seen on white and on black; that of the text is the
/// reader's choice.
const STYLE: &str = "\
svg { color: #1f2328; font: 11px system-ui, 'DejaVu Sans', sans-serif }
text { fill: currentColor }
.end { text-anchor: end }
.tick { text-anchor: middle; fill-opacity: .7 }
.title { font-weight: 600 }
.grid { stroke: currentColor; stroke-opacity: .15 }
.one { stroke: currentColor; stroke-opacity: .7 }
.slower { fill: #2f81c9 }
.faster { fill: #d9730d }
@media (prefers-color-scheme: dark) { svg { color: #e6edf3 } }
";

/// A workload, and how many times as long as letgo the others took.
pub(crate) struct Panel {
    title: &'static str,
    /// What letgo took.
    own: String,
    ratios: Vec<(&'static str, f64)>,
}

impl Panel {
    /// None, if nobody was compared with letgo.
    pub(crate) fn of(workload: &Workload, results: &[(&'static str, Summary)]) -> Option<Self> {
        let (_, ours) = results.iter().find(|(name, _)| *name == "letgo")?;
        let ratios: Vec<_> = results
            .iter()
            .filter(|(name, _)| *name != "letgo")
            .map(|(name, theirs)| (*name, theirs.median / ours.median))
            .collect();
        (!ratios.is_empty()).then(|| Self {
            title: workload.name,
            own: format!("letgo: {} per {}", time(ours.median), workload.per),
            ratios,
        })
    }

    fn height(&self) -> f64 {
        HEADING + ROW * self.ratios.len() as f64
    }
}

/// From which power of ten to which.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Scale {
    low: i32,
    high: i32,
}

impl Scale {
    /// All of these and 1 are on it.
    fn of(ratios: impl Iterator<Item = f64>) -> Self {
        ratios.fold(Self { low: 0, high: 1 }, |scale, ratio| Self {
            low: scale.low.min(ratio.log10().floor() as i32),
            high: scale.high.max(ratio.log10().ceil() as i32),
        })
    }

    fn x(self, ratio: f64) -> f64 {
        let part = (ratio.log10() - f64::from(self.low)) / f64::from(self.high - self.low);
        BARS.0 + part * (BARS.1 - BARS.0)
    }
}

/// The picture: an SVG document.
pub(crate) fn svg(panels: &[Panel]) -> String {
    let (left, right) = panels.split_at(split(panels));
    let columns = [left, right];
    let ratios = panels.iter().flat_map(|panel| &panel.ratios);
    let scale = Scale::of(ratios.map(|(_, ratio)| *ratio));
    let tallest = columns.map(height).into_iter().fold(0.0, f64::max);
    let (width, height) = (2.0 * WIDTH + GAP, TOP + tallest + 6.0);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\">\n\
         <title>How many times as long as letgo each took</title>\n<style>\n{STYLE}</style>\n\
         <rect class=\"slower\" x=\"0\" y=\"4\" width=\"10\" height=\"10\"/>\
         <text x=\"15\" y=\"13\">takes longer than letgo</text>\n\
         <rect class=\"faster\" x=\"170\" y=\"4\" width=\"10\" height=\"10\"/>\
         <text x=\"185\" y=\"13\">is faster</text>\n\
         <text class=\"end\" x=\"{width}\" y=\"13\">times as long as letgo, medians</text>\n"
    );
    for (index, column) in columns
        .into_iter()
        .enumerate()
        .filter(|(_, c)| !c.is_empty())
    {
        let x = index as f64 * (WIDTH + GAP);
        // Writing into a string can't fail.
        let _ = writeln!(svg, "<g transform=\"translate({x} 0)\">");
        axis(&mut svg, scale, height_of_grid(column));
        let mut y = TOP;
        for panel in column {
            rows(&mut svg, panel, scale, y);
            y += panel.height();
        }
        svg += "</g>\n";
    }
    svg + "</svg>\n"
}

fn height(panels: &[Panel]) -> f64 {
    panels.iter().map(Panel::height).sum()
}

fn height_of_grid(panels: &[Panel]) -> f64 {
    TOP + height(panels)
}

/// How many panels make the first column, if both are to be as even as can be.
fn split(panels: &[Panel]) -> usize {
    let taller = |at: usize| height(&panels[..at]).max(height(&panels[at..]));
    let places = 0..=panels.len();
    places
        .min_by(|a, b| taller(*a).total_cmp(&taller(*b)))
        .unwrap_or(0)
}

fn axis(svg: &mut String, scale: Scale, bottom: f64) {
    for power in scale.low..=scale.high {
        let ratio = 10_f64.powi(power);
        let (x, class) = (scale.x(ratio), if power == 0 { "one" } else { "grid" });
        let _ = writeln!(
            svg,
            "<text class=\"tick\" x=\"{x:.1}\" y=\"30\">{ratio}</text>\
             <path class=\"{class}\" d=\"M{x:.1} 34V{bottom}\"/>",
        );
    }
}

fn rows(svg: &mut String, panel: &Panel, scale: Scale, mut y: f64) {
    let Panel { title, own, ratios } = panel;
    let _ = writeln!(
        svg,
        "<text y=\"{}\"><tspan class=\"title\">{}</tspan> {}</text>",
        y + 18.0,
        escaped(title),
        escaped(own)
    );
    y += HEADING;
    for (name, theirs) in ratios {
        let (one, end) = (scale.x(1.0), scale.x(*theirs));
        let (x, width) = (one.min(end), (end - one).abs());
        let class = if *theirs < 1.0 { "faster" } else { "slower" };
        let _ = writeln!(
            svg,
            "<text class=\"end\" x=\"{}\" y=\"{}\">{}</text>\
             <rect class=\"{class}\" x=\"{x:.1}\" y=\"{}\" width=\"{width:.1}\" height=\"9\"/>\
             <text class=\"end\" x=\"{WIDTH}\" y=\"{}\">{}</text>",
            BARS.0 - 8.0,
            y + 11.0,
            escaped(name),
            y + 3.0,
            y + 11.0,
            ratio(*theirs, 1.0)
        );
        y += ROW;
    }
}

/// Text as it must be written in XML.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::{BARS, Panel, Scale, escaped, split, svg};
    use crate::workloads;

    fn panel(ratios: &[(&'static str, f64)]) -> Panel {
        Panel {
            title: "spawn-get",
            own: "letgo: 7.00 ns per task".to_owned(),
            ratios: ratios.to_vec(),
        }
    }

    fn panels(rows: &[usize]) -> Vec<Panel> {
        rows.iter()
            .map(|&rows| panel(&vec![("other", 2.0); rows]))
            .collect()
    }

    #[test]
    fn the_scale_has_whole_powers_of_ten_and_one_among_them() {
        let scale = |ratios: &[f64]| Scale::of(ratios.iter().copied());
        assert_eq!(scale(&[0.03, 250.0]), Scale { low: -2, high: 3 });
        assert_eq!(scale(&[2.0]), Scale { low: 0, high: 1 });
        assert_eq!(scale(&[]), Scale { low: 0, high: 1 });
    }

    #[test]
    fn bars_end_where_the_logarithm_says() {
        let scale = Scale { low: -2, high: 2 };
        let middle = (BARS.0 + BARS.1) / 2.0;
        assert_eq!(
            (scale.x(0.01), scale.x(1.0), scale.x(100.0)),
            (BARS.0, middle, BARS.1)
        );
        assert_eq!(scale.x(10.0) - middle, middle - scale.x(0.1));
    }

    #[test]
    fn columns_are_as_even_as_can_be_and_in_order() {
        assert_eq!(split(&panels(&[5, 1, 1, 1])), 1);
        assert_eq!(split(&panels(&[1, 1, 1, 9])), 3);
        assert_eq!(split(&[]), 0);
    }

    #[test]
    fn a_bar_is_left_of_the_line_if_it_is_faster_than_letgo() {
        let svg = svg(&[panel(&[("a<b>&", 0.1), ("b", 10.0)])]);
        let middle = (BARS.0 + BARS.1) / 2.0;
        let bar = format!("<rect class=\"faster\" x=\"{:.1}\"", BARS.0);
        assert!(
            svg.contains(&bar) && svg.contains(">a&lt;b&gt;&amp;</text>"),
            "{svg}"
        );
        assert!(
            svg.contains(&format!("<rect class=\"slower\" x=\"{middle:.1}\"")),
            "{svg}"
        );
        assert_eq!(svg.matches("<g ").count(), svg.matches("</g>").count());
    }

    #[test]
    fn text_is_escaped_once() {
        assert_eq!(escaped("a < b && c"), "a &lt; b &amp;&amp; c");
    }

    #[test]
    fn every_name_fits_left_of_the_bars() {
        const WIDEST: f64 = 6.4;
        for workload in workloads::all(true) {
            for name in workload.contestants() {
                assert!(
                    name.len() as f64 * WIDEST < BARS.0 - 8.0,
                    "{name} is too long"
                );
            }
        }
    }
}

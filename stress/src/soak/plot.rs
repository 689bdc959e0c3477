//! The samples as a picture.

use std::fmt::Write as _;

use super::sample::Sample;

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 90.0;
const LEFT: f64 = 150.0;

/// One curve below the other, each from 0 to its most.
pub(super) fn svg(samples: &[Sample]) -> String {
    let curves: [(&str, Vec<f64>); 5] = [
        (
            "memory, MiB",
            samples
                .iter()
                .map(|s| s.rss_kib.unwrap_or(0) as f64 / 1024.0)
                .collect(),
        ),
        (
            "threads",
            samples
                .iter()
                .map(|s| s.threads.unwrap_or(0) as f64)
                .collect(),
        ),
        (
            "open files",
            samples
                .iter()
                .map(|s| s.files.unwrap_or(0) as f64)
                .collect(),
        ),
        (
            "rounds per second",
            samples.iter().map(|s| s.rounds_per_second).collect(),
        ),
        (
            "CPU µs per round",
            samples
                .iter()
                .map(|s| s.cpu_per_round.unwrap_or_default().as_secs_f64() * 1e6)
                .collect(),
        ),
    ];
    let end = samples.last().map_or(1.0, |s| s.at.as_secs_f64());
    let (width, height) = (
        LEFT + WIDTH + 20.0,
        curves.len() as f64 * (HEIGHT + 30.0) + 30.0,
    );
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
    );
    for (index, (name, numbers)) in curves.iter().enumerate() {
        let bottom = (index + 1) as f64 * (HEIGHT + 30.0);
        let most = numbers.iter().copied().fold(0.0, f64::max).max(1e-9);
        let mut points = String::new();
        for (sample, number) in samples.iter().zip(numbers) {
            let x = LEFT + WIDTH * sample.at.as_secs_f64() / end;
            let _ = write!(points, "{x:.1},{:.1} ", bottom - HEIGHT * number / most);
        }
        let _ = writeln!(
            svg,
            "<text x=\"8\" y=\"{:.0}\">{name}</text><text x=\"{:.0}\" y=\"{:.0}\" \
             text-anchor=\"end\">{most:.0}</text><text x=\"{:.0}\" y=\"{bottom:.0}\" \
             text-anchor=\"end\">0</text><path d=\"M{LEFT},{bottom} h{WIDTH}\" stroke=\"#ccc\"/>\
             <polyline points=\"{points}\" fill=\"none\" stroke=\"#06c\"/>",
            bottom - HEIGHT / 2.0,
            LEFT - 6.0,
            bottom - HEIGHT + 8.0,
            LEFT - 6.0,
        );
    }
    let _ = writeln!(
        svg,
        "<text x=\"{LEFT}\" y=\"{:.0}\">0 s</text><text x=\"{:.0}\" y=\"{:.0}\" \
         text-anchor=\"end\">{end:.0} s</text>\n</svg>",
        height - 10.0,
        LEFT + WIDTH,
        height - 10.0
    );
    svg
}

//! Arrivals over time as an SVG picture, without a library: axes and lines.

use std::fmt::Write;

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 320.0;
const LEFT: f64 = 50.0;
const BOTTOM: f64 = 280.0;
const COLOURS: [&str; 3] = ["#1b6ac9", "#c2571a", "#2e8b57"];

/// Each line's bins are 100 ms.
pub(crate) fn svg(lines: &[(&str, &[u32])]) -> String {
    let longest = lines.iter().map(|(_, bins)| bins.len()).max().unwrap_or(1).max(1);
    let highest = lines.iter().flat_map(|(_, bins)| bins.iter().copied()).max().unwrap_or(1).max(1);
    let x = |bin: usize| LEFT + (WIDTH - LEFT - 10.0) * bin as f64 / longest as f64;
    let y = |count: u32| BOTTOM - (BOTTOM - 40.0) * f64::from(count) / f64::from(highest);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" \
         font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
    );
    let mut push = |text: String| {
        let _ = writeln!(svg, "{text}");
    };
    for count in (0..=highest).step_by(25) {
        let at = y(count);
        push(format!("<path d=\"M{LEFT} {at:.1}H{WIDTH}\" stroke=\"#ddd\"/>"));
        push(format!("<text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{count}</text>", LEFT - 6.0, at + 4.0));
    }
    for second in (0..=longest / 10).step_by(5) {
        let at = x(second * 10);
        push(format!("<text x=\"{at:.1}\" y=\"{}\" text-anchor=\"middle\">{second}</text>", BOTTOM + 16.0));
    }
    let middle = (LEFT + WIDTH) / 2.0;
    push(format!(
        "<text x=\"{middle}\" y=\"{}\" text-anchor=\"middle\">seconds since the server is back</text>",
        HEIGHT - 6.0
    ));
    push("<text x=\"8\" y=\"16\">attempts in 100 ms</text>".to_owned());
    for (index, (name, bins)) in lines.iter().enumerate() {
        let colour = COLOURS[index % COLOURS.len()];
        let points: Vec<String> =
            bins.iter().enumerate().map(|(bin, count)| format!("{:.1},{:.1}", x(bin), y(*count))).collect();
        push(format!("<polyline fill=\"none\" stroke=\"{colour}\" points=\"{}\"/>", points.join(" ")));
        push(format!("<text x=\"{}\" y=\"16\" fill=\"{colour}\">{name}</text>", 180 + index * 170));
    }
    svg + "</svg>\n"
}

//! The measured costs, as a table and as a plot.

use std::fmt::Write;

/// The cost of one operation, by size.
pub(super) struct Growth {
    what: &'static str,
    unit: &'static str,
    points: Vec<(usize, f64)>,
}

impl Growth {
    pub(super) fn new(what: &'static str, unit: &'static str) -> Self {
        Self { what, unit, points: Vec::new() }
    }

    pub(super) fn add(&mut self, size: usize, cost: f64) {
        self.points.push((size, cost));
    }

    /// The cost at the largest size, divided by that at the smallest.
    fn ratio(&self) -> Option<f64> {
        let ((_, first), (_, last)) = (self.points.first()?, self.points.last()?);
        (self.points.len() > 1 && *first > 0.0).then(|| last / first)
    }
}

pub(super) fn table(all: &[Growth]) -> String {
    let mut text = "| what one costs | by how many there are | the most : the fewest |\n|---|---|---|\n".to_owned();
    for growth in all {
        let points: Vec<String> = growth
            .points
            .iter()
            .map(|(size, cost)| {
                let digits = if *cost < 10.0 { 2 } else { 0 };
                format!("{}: {cost:.digits$}", short(*size))
            })
            .collect();
        let ratio = growth.ratio().map_or("-".to_owned(), |ratio| format!("{ratio:.2}"));
        let _ = writeln!(text, "| {}, {} | {} | {ratio} |", growth.what, growth.unit, points.join(", "));
    }
    text
}

/// A plot of each cost relative to its first one, by size on a logarithmic scale.
pub(super) fn plot(all: &[Growth]) -> String {
    const COLOURS: [&str; 8] = ["#1b6ca8", "#c0392b", "#2e8b57", "#8e44ad", "#d68910", "#16a085", "#7f5539", "#566573"];
    let (width, height, legend, most) = (900.0, 360.0, 18.0, 4.0);
    let x = |size: usize| 50.0 + (size.max(1) as f64).log10() / 7.0 * (width - 70.0);
    let y = |ratio: f64| height - 30.0 - ratio.min(most) / most * (height - 50.0);
    let mut svg = format!(
        "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {width} {}' font-family='sans-serif' font-size='13'>\n\
         <rect width='100%' height='100%' fill='white'/>\n",
        height + legend * (all.len() + 1) as f64
    );
    for (ratio, label) in [(1.0, "1x"), (1.5, "1.5x"), (2.0, "2x"), (4.0, "4x")] {
        let at = y(ratio);
        let _ = writeln!(svg, "<line x1='50' x2='{width}' y1='{at:.0}' y2='{at:.0}' stroke='#ddd'/>");
        let _ = writeln!(svg, "<text x='8' y='{:.0}'>{label}</text>", at + 4.0);
    }
    for power in 0..=7 {
        let size = 10_usize.pow(power);
        let _ = writeln!(
            svg,
            "<text x='{:.0}' y='{:.0}' text-anchor='middle'>{}</text>",
            x(size),
            height - 8.0,
            short(size)
        );
    }
    for (at, growth) in all.iter().enumerate() {
        let colour = COLOURS[at % COLOURS.len()];
        let dashes = ["", " stroke-dasharray='7 3'", " stroke-dasharray='2 3'"][at / COLOURS.len() % 3];
        let first = growth.points.first().map_or(1.0, |(_, cost)| cost.max(f64::MIN_POSITIVE));
        let points: Vec<String> =
            growth.points.iter().map(|(size, cost)| format!("{:.1},{:.1}", x(*size), y(cost / first))).collect();
        let line = height + legend * (at + 1) as f64;
        let _ = writeln!(
            svg,
            "<polyline fill='none' stroke='{colour}' stroke-width='2'{dashes} points='{}'/>",
            points.join(" ")
        );
        let _ = writeln!(
            svg,
            "<line x1='10' x2='40' y1='{0}' y2='{0}' stroke='{colour}' stroke-width='2'{dashes}/>",
            line - 4.0
        );
        let _ = writeln!(svg, "<text x='50' y='{line}'>{}</text>", growth.what);
    }
    svg.push_str("</svg>\n");
    svg
}

fn short(size: usize) -> String {
    match size {
        1_000_000.. => format!("{} M", size / 1_000_000),
        1_000.. => format!("{} k", size / 1_000),
        _ => size.to_string(),
    }
}

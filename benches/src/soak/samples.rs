//! Memory, descriptors and tasks of the clients' process and of the server's, over time.

use std::fmt::{self, Write};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::Done;
use crate::process::{self, Server};

const NAMES: [&str; 7] = [
    "clients: memory, MB",
    "clients: descriptors",
    "clients: tasks",
    "server: memory, MB",
    "server: descriptors",
    "server: tasks",
    "server: sessions",
];
const COLOURS: [&str; 7] = ["#0b6", "#083", "#6c9", "#06c", "#039", "#69c", "#c60"];
/// The growth from the second quarter to the last that is tolerated, as a fraction and in units of each series.
const GROWTH: f64 = 0.1;
const SLACK: [f64; 7] = [16.0, 100.0, 100.0, 16.0, 100.0, 100.0, 100.0];

#[derive(Default)]
pub(super) struct Samples {
    all: Vec<(Duration, [f64; 7])>,
}

impl Samples {
    pub(super) async fn take(&mut self, at: Duration, server: &Server) -> Done<()> {
        let id = server.id().to_string();
        let (tasks, sessions) = stats(&server.address).await?;
        let own_tasks = tokio::runtime::Handle::current().metrics().num_alive_tasks() as f64;
        let memory = |process: &str| process::memory(process).map(|bytes| bytes / 1e6);
        let values =
            [memory("self")?, descriptors("self")?, own_tasks, memory(&id)?, descriptors(&id)?, tasks, sessions];
        self.all.push((at, values));
        Ok(())
    }

    /// The largest value of a series in a quarter of the time.
    fn most(&self, series: usize, quarter: usize) -> f64 {
        let each = self.all.len() / 4;
        let part = self.all.iter().skip(each * quarter).take(each);
        part.map(|(_, values)| values[series]).fold(0.0, f64::max)
    }

    /// Fails if a series grows.
    pub(super) fn verdict(&self) -> Done<()> {
        for (series, name) in NAMES.iter().enumerate() {
            let (before, after) = (self.most(series, 1), self.most(series, 3));
            if after > before * (1.0 + GROWTH) + SLACK[series] {
                return Err(format!("{name} grows: {before:.0} in the second quarter, {after:.0} in the last").into());
            }
        }
        Ok(())
    }

    /// A plot as SVG, with each series relative to its largest value.
    pub(super) fn plot(&self) -> String {
        let (width, height, legend) = (900.0, 400.0, 20.0);
        let end = self.all.last().map_or(1.0, |(at, _)| at.as_secs_f64());
        let mut svg = format!(
            "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {width} {}' font-family='sans-serif' font-size='14'>\n",
            height + legend * (NAMES.len() + 1) as f64
        );
        for (series, (name, colour)) in NAMES.iter().zip(COLOURS).enumerate() {
            let most = self.all.iter().map(|(_, values)| values[series]).fold(1.0, f64::max);
            let points = self.all.iter().map(|(at, values)| {
                let (x, y) = (at.as_secs_f64() / end * width, height - values[series] / most * (height - legend));
                format!("{x:.1},{y:.1} ")
            });
            let points: String = points.collect();
            let y = height + legend * (series + 1) as f64;
            // Writing to a string does not fail.
            let _ = writeln!(svg, "<polyline fill='none' stroke='{colour}' points='{}'/>", points.trim_end());
            let _ = writeln!(svg, "<text x='10' y='{y}' fill='{colour}'>{name}, at most {most:.0}; {end:.0} s</text>");
        }
        svg.push_str("</svg>\n");
        svg
    }
}

impl fmt::Display for Samples {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| at most in each quarter | 1 | 2 | 3 | 4 |\n|---|---|---|---|---|")?;
        for (series, name) in NAMES.iter().enumerate() {
            let [a, b, c, d] = [0, 1, 2, 3].map(|quarter| self.most(series, quarter));
            writeln!(f, "| {name} | {a:.0} | {b:.0} | {c:.0} | {d:.0} |")?;
        }
        Ok(())
    }
}

fn descriptors(process: &str) -> Done<f64> {
    Ok(std::fs::read_dir(format!("/proc/{process}/fd"))?.count() as f64)
}

/// The numbers of the server's tasks and sessions.
async fn stats(address: &str) -> Done<(f64, f64)> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(b"GET /stats HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    let line = answer.lines().last().unwrap_or_default();
    let (tasks, sessions) = line.split_once(' ').ok_or_else(|| format!("the server's stats are '{line}'"))?;
    Ok((tasks.parse()?, sessions.parse()?))
}

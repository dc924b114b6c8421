//! The Markdown table of `bench core`: each figure, its peer, its floor, and whether the floor is met.

use std::fmt;
use std::time::Duration;

use super::table::Samples;

const HEADER: &str = "| what | n | p50 | p99 | compared with | its p50 | ratio (range) | floor | met |\n\
                      | --- | --- | --- | --- | --- | --- | --- | --- | --- |";
const COLUMNS: usize = 9;

/// A ratio is also computed for each of these consecutive blocks. A wide range of those ratios means a noisy machine.
const BLOCKS: usize = 5;

/// Rows in the order in which they were measured.
#[derive(Debug, Default)]
pub(super) struct Floors {
    rows: Vec<[String; COLUMNS]>,
}

/// The measured build. Floors apply to the build under test only, which has no label.
#[derive(Debug, Clone)]
pub(super) struct Subject {
    pub(super) label: Option<String>,
}

impl Subject {
    fn name(&self, what: &str) -> String {
        match &self.label {
            None => format!("**{what}**"),
            Some(label) => format!("{what}, {label}"),
        }
    }

    fn judge(&self, floor: String, met: bool) -> [String; 2] {
        match &self.label {
            None => [floor, if met { "yes" } else { "**no**" }.into()],
            Some(_) => [String::new(), String::new()],
        }
    }
}

impl Floors {
    /// Adds a time that is compared with a peer's, measured in the same rounds.
    pub(super) fn ratio(
        &mut self,
        subject: &Subject,
        what: &str,
        ours: &Samples,
        peer: (&str, &Samples),
        at_most: f64,
    ) {
        let (name, theirs) = peer;
        let ratio = ratio(ours, theirs);
        let [floor, met] = subject.judge(format!("≤ {at_most}"), ratio <= at_most);
        let [n, p50, p99] = times(ours);
        let [_, peer_p50, _] = times(theirs);
        let ratio = format!("{ratio:.2}{}", range(ours, theirs));
        self.add([subject.name(what), n, p50, p99, name.into(), peer_p50, ratio, floor, met]);
    }

    /// Adds a time with an absolute floor.
    pub(super) fn time(&mut self, subject: &Subject, what: &str, ours: &Samples, at_most: Duration) {
        let met = ours.median() <= at_most;
        let [floor, met] = subject.judge(format!("≤ {}", text(at_most)), met);
        let [n, p50, p99] = times(ours);
        self.add([subject.name(what), n, p50, p99, String::new(), String::new(), String::new(), floor, met]);
    }

    /// Adds a figure other than a time.
    pub(super) fn figure(&mut self, subject: &Subject, what: &str, value: String, floor: &str, met: bool) {
        let [floor, met] = subject.judge(floor.into(), met);
        let none = String::new;
        self.add([subject.name(what), none(), value, none(), none(), none(), none(), floor, met]);
    }

    /// Adds a time without a floor, for comparison.
    pub(super) fn beside(&mut self, what: &str, samples: &Samples) {
        let [n, p50, p99] = times(samples);
        let none = String::new;
        self.add([format!("for comparison: {what}"), n, p50, p99, none(), none(), none(), none(), none()]);
    }

    /// Prints the row immediately too, because the whole table takes many minutes.
    fn add(&mut self, row: [String; COLUMNS]) {
        eprintln!("| {} |", row.join(" | "));
        self.rows.push(row);
    }
}

impl fmt::Display for Floors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{HEADER}")?;
        self.rows.iter().try_for_each(|row| writeln!(f, "| {} |", row.join(" | ")))
    }
}

fn ratio(ours: &Samples, theirs: &Samples) -> f64 {
    ours.median().as_secs_f64() / theirs.median().as_secs_f64()
}

/// The lowest and the highest ratio of the blocks; empty if there are too few samples for blocks.
fn range(ours: &Samples, theirs: &Samples) -> String {
    let (ours, theirs) = (ours.blocks(BLOCKS), theirs.blocks(BLOCKS));
    let mut ratios: Vec<f64> = ours.iter().zip(&theirs).map(|(ours, theirs)| ratio(ours, theirs)).collect();
    ratios.sort_by(f64::total_cmp);
    match ratios.as_slice() {
        [lowest, .., highest] => format!(" ({lowest:.2}-{highest:.2})"),
        _ => String::new(),
    }
}

/// The number of samples, the median, and the 99th percentile from 100 samples on.
fn times(samples: &Samples) -> [String; 3] {
    let p99 = if samples.len() >= 100 { samples.percentile(99).map(text) } else { None };
    [samples.len().to_string(), text(samples.median()), p99.unwrap_or_default()]
}

fn text(time: Duration) -> String {
    match time.as_secs_f64() {
        seconds if seconds >= 1.0 => format!("{seconds:.2} s"),
        seconds => format!("{:.1} ms", seconds * 1000.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(ms: impl IntoIterator<Item = u64>) -> Samples {
        let mut samples = Samples::default();
        ms.into_iter().for_each(|ms| samples.push(Duration::from_millis(ms)));
        samples
    }

    #[test]
    fn a_ratio_of_medians_is_compared_with_its_floor() {
        let mut floors = Floors::default();
        let (ours, theirs) = (samples([8, 9, 50]), samples([10, 10, 10]));
        let ours_alone = Subject { label: None };
        floors.ratio(&ours_alone, "attach", &ours, ("by hand", &theirs), 0.9);
        floors.ratio(&ours_alone, "attach", &ours, ("by hand", &theirs), 0.8);
        floors.ratio(&Subject { label: Some("other".into()) }, "attach", &ours, ("by hand", &theirs), 0.8);
        let column = |row: usize, column: usize| floors.rows[row][column].as_str();
        assert_eq!((column(0, 6), column(0, 7), column(0, 8)), ("0.90", "≤ 0.9", "yes"));
        assert_eq!(column(1, 8), "**no**");
        assert_eq!((column(2, 0), column(2, 8)), ("attach, other", ""), "another build is not judged");
    }

    #[test]
    fn the_range_spans_the_ratios_of_consecutive_blocks() {
        let ours = samples((0..50).map(|i| if i < 10 { 20 } else { 10 }));
        let theirs = samples((0..50).map(|_| 10));
        assert_eq!(range(&ours, &theirs), " (1.00-2.00)");
        assert_eq!(range(&samples([1, 2]), &samples([1, 2])), "", "too few for blocks");
    }
}

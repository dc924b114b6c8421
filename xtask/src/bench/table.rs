//! The Markdown table of a bench.

use std::fmt;
use std::time::Duration;

/// Times of one kind of call.
#[derive(Debug, Default)]
pub(super) struct Samples(Vec<Duration>);

impl Samples {
    pub(super) fn push(&mut self, time: Duration) {
        self.0.push(time);
    }

    pub(super) fn worst(&self) -> Duration {
        self.0.iter().max().copied().unwrap_or_default()
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn median(&self) -> Duration {
        self.percentile(50).unwrap_or_default()
    }

    pub(super) fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// Splits the samples into `count` consecutive blocks of equal length; returns none if a block would have fewer than three.
    pub(super) fn blocks(&self, count: usize) -> Vec<Self> {
        let len = self.0.len() / count;
        if len < 3 {
            Vec::new()
        } else {
            self.0.chunks_exact(len).take(count).map(|b| Self(b.to_vec())).collect()
        }
    }

    /// The smallest sample that at least `percent` of all samples do not exceed (nearest rank).
    pub(super) fn percentile(&self, percent: usize) -> Option<Duration> {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let rank = (sorted.len() * percent).div_ceil(100);
        sorted.get(rank.checked_sub(1)?).copied()
    }
}

/// Rows of ours, each followed by what stands beside it.
#[derive(Debug, Default)]
pub(super) struct Table {
    rows: Vec<[String; 5]>,
}

impl Table {
    /// Told at once as well: the whole table comes after many minutes.
    fn add(&mut self, row: [String; 5]) {
        eprintln!("| {} |", row.join(" | "));
        self.rows.push(row);
    }

    /// A row of ours, with the floor that is promised for it.
    pub(super) fn row(&mut self, what: &str, floor: &str, samples: Samples) {
        self.push(format!("**{what}**"), floor, &samples);
    }

    /// The same work done otherwise, in the same run.
    pub(super) fn beside(&mut self, what: &str, samples: Samples) {
        self.push(format!("beside it: {what}"), "", &samples);
    }

    pub(super) fn beside_docker(&mut self, what: &str, samples: Option<Samples>) {
        match samples {
            Some(samples) => self.beside(what, samples),
            None => {
                let what = format!("beside it: {what}");
                self.add([what, String::new(), "docker: not installed".into(), String::new(), String::new()]);
            }
        }
    }

    /// A row of ours that is no time.
    pub(super) fn figure(&mut self, what: &str, floor: &str, value: String, n: usize) {
        self.add([format!("**{what}**"), floor.into(), value, String::new(), n.to_string()]);
    }

    pub(super) fn figure_beside(&mut self, what: &str, value: String, n: usize) {
        let what = format!("beside it: {what}");
        self.add([what, String::new(), value, String::new(), n.to_string()]);
    }

    fn push(&mut self, what: String, floor: &str, samples: &Samples) {
        let ms = |time: Option<Duration>| {
            time.map(|time| format!("{:.1} ms", time.as_secs_f64() * 1000.0)).unwrap_or_default()
        };
        let row = [
            what,
            floor.into(),
            ms(samples.percentile(50)),
            ms(samples.percentile(99)),
            samples.0.len().to_string(),
        ];
        self.add(row);
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| what | floor | p50 | p99 | n |\n| --- | --- | --- | --- | --- |")?;
        for row in &self.rows {
            writeln!(f, "| {} |", row.join(" | "))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_samples() {
        let mut samples = Samples::default();
        assert_eq!(samples.percentile(50), None);
        (1..=200).rev().for_each(|ms| samples.push(Duration::from_millis(ms)));
        assert_eq!(samples.percentile(50), Some(Duration::from_millis(100)));
        assert_eq!(samples.percentile(99), Some(Duration::from_millis(198)));
        let mut one = Samples::default();
        one.push(Duration::from_millis(7));
        assert_eq!(one.percentile(99), Some(Duration::from_millis(7)));
    }
}

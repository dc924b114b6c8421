//! What goes to stdout and stderr: tables for people, JSON for programs, ids alone when asked to be quiet.
//!
//! Results go to stdout; hints, questions and errors to stderr, so that a pipe carries results only. Text that others wrote (names,
//! command lines of processes) is shown with its control characters replaced: a terminal must not obey them.

use std::io::{self, BufRead, IsTerminal, Write};

use comfy_table::{Cell, Color, Table, presets};
use jiff::Timestamp;
use miosa_domain::size;
use serde::Serialize;

use crate::context::Manner;

/// Of an id in a table: the last 12 characters, because ids made together begin alike.
const ID_SHOWN: usize = 12;

#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    manner: Manner,
}

impl Output {
    pub(crate) fn new(manner: Manner) -> Self {
        Self { manner }
    }

    pub(crate) fn is_json(&self) -> bool {
        self.manner.json
    }

    pub(crate) fn is_quiet(&self) -> bool {
        self.manner.quiet
    }

    /// One value, with two spaces a level.
    pub(crate) fn json(&self, value: &impl Serialize) -> io::Result<()> {
        let mut stdout = io::stdout().lock();
        serde_json::to_writer_pretty(&mut stdout, value)?;
        stdout.write_all(b"\n")?;
        stdout.flush()
    }

    /// One value on one line, for streams of values.
    pub(crate) fn json_line(&self, value: &impl Serialize) -> io::Result<()> {
        let mut stdout = io::stdout().lock();
        serde_json::to_writer(&mut stdout, value)?;
        stdout.write_all(b"\n")?;
        stdout.flush()
    }

    pub(crate) fn line(&self, text: &str) -> io::Result<()> {
        let mut stdout = io::stdout().lock();
        writeln!(stdout, "{}", printable(text))?;
        stdout.flush()
    }

    /// Bytes of somebody else's program, as they are.
    pub(crate) fn raw_stdout(&self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        let mut stdout = io::stdout().lock();
        stdout.write_all(bytes.as_ref())?;
        stdout.flush()
    }

    /// As [`raw_stdout`](Self::raw_stdout), to stderr.
    pub(crate) fn raw_stderr(&self, text: &str) -> io::Result<()> {
        io::stderr().write_all(text.as_bytes())
    }

    /// Whether standard output is a terminal that colors are wanted on.
    pub(crate) fn is_colored(&self) -> bool {
        self.manner.color && io::stdout().is_terminal()
    }

    /// Whether signs beyond ASCII may be drawn.
    pub(crate) fn draws_unicode(&self) -> bool {
        self.manner.color && self.manner.utf8
    }

    /// Whether somebody watches how long work goes on.
    pub(crate) fn is_watched(&self) -> bool {
        !self.manner.json && !self.manner.quiet && io::stderr().is_terminal()
    }

    /// A word to the person, none to a program.
    pub(crate) fn hint(&self, text: &str) -> io::Result<()> {
        if self.manner.json || self.manner.quiet {
            return Ok(());
        }
        writeln!(io::stderr(), "{}", printable(text))
    }

    /// Name and value a line, the values in one column. `None` leaves the line out.
    pub(crate) fn fields(&self, fields: &[(&str, Option<String>)]) -> io::Result<()> {
        let present: Vec<_> =
            fields.iter().filter_map(|(name, value)| Some((name, value.as_ref()?))).collect();
        let width = present.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
        let mut stdout = io::stdout().lock();
        for (name, value) in present {
            writeln!(stdout, "{name:<width$}  {}", printable(value))?;
        }
        stdout.flush()
    }

    /// The column called STATE is colored on a terminal.
    pub(crate) fn table(&self, headers: &[&str], rows: Vec<Vec<String>>) -> io::Result<()> {
        let rendered = render_table(headers, rows, self.is_colored());
        let mut stdout = io::stdout().lock();
        stdout.write_all(rendered.as_bytes())?;
        stdout.flush()
    }

    /// Whether there is somebody to answer a question.
    pub(crate) fn can_ask(&self) -> bool {
        io::stdin().is_terminal() && io::stderr().is_terminal()
    }

    /// Asks; everything but y and yes is no.
    pub(crate) fn confirm(&self, question: &str) -> io::Result<bool> {
        let mut stderr = io::stderr();
        write!(stderr, "{} [y/N] ", printable(question))?;
        stderr.flush()?;
        let mut answer = String::new();
        io::stdin().lock().read_line(&mut answer)?;
        Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
    }
}

fn render_table(headers: &[&str], rows: Vec<Vec<String>>, color: bool) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(headers.to_vec());
    if color {
        table.enforce_styling();
    } else {
        table.force_no_tty();
    }
    for row in rows {
        table.add_row(headers.iter().zip(row).map(|(header, text)| {
            let cell = Cell::new(printable(&text));
            match state_color(&text) {
                Some(color) if *header == "STATE" => cell.fg(color),
                _ => cell,
            }
        }));
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

fn state_color(state: &str) -> Option<Color> {
    match state {
        "available" | "attached" | "running" | "ready" | "healthy" | "active" => Some(Color::Green),
        "error" | "failed" | "unavailable" | "unhealthy" => Some(Color::Red),
        "stopped" | "deleted" | "detached" | "canceled" | "removed" => None,
        _ => Some(Color::Yellow),
    }
}

/// `text` without what a terminal would obey.
pub(crate) fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// An id as tables show it. What is shown is accepted wherever an id is asked for.
pub(crate) fn short_id(id: &str) -> String {
    let skipped = id.chars().count().saturating_sub(ID_SHOWN);
    id.chars().skip(skipped).collect()
}

/// How long ago an RFC 3339 time was, or how long until then, in its largest unit: `5s`, `3h`, `in 7d`.
pub(crate) fn age(time: &str, now: Timestamp) -> String {
    let Ok(time) = time.parse::<Timestamp>() else { return time.to_owned() };
    let seconds = now.as_second() - time.as_second();
    let (amount, unit) = match seconds.unsigned_abs() {
        s @ 0..60 => (s, "s"),
        s @ 60..3_600 => (s / 60, "m"),
        s @ 3_600..86_400 => (s / 3_600, "h"),
        s => (s / 86_400, "d"),
    };
    if seconds < 0 { format!("in {amount}{unit}") } else { format!("{amount}{unit}") }
}

/// An RFC 3339 time for people: `2026-05-17 10:00 UTC`.
pub(crate) fn minute(time: &str) -> String {
    formatted(time, "%Y-%m-%d %H:%M UTC")
}

/// As [`minute`], to the second: a snapshot's instant matters.
pub(crate) fn second(time: &str) -> String {
    formatted(time, "%Y-%m-%d %H:%M:%S UTC")
}

/// An RFC 3339 time as `format` says, in UTC; what is none stays as it is.
pub(crate) fn formatted(time: &str, format: &str) -> String {
    match time.parse::<Timestamp>() {
        Ok(time) => time.strftime(format).to_string(),
        Err(_) => time.to_owned(),
    }
}

/// An amount of bytes that may be small, unlike a volume's size: `20B`, `1.5KB`, `12MB`.
pub(crate) fn amount(bytes: u64) -> String {
    if bytes < 1 << 10 { format!("{bytes}B") } else { size::human(bytes) }
}

/// `1 file`, `2 files`.
pub(crate) fn counted(count: u64, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_have_one_unit() {
        let now: Timestamp = "2026-05-17T10:00:00Z".parse().unwrap();
        for (time, shown) in [
            ("2026-05-17T10:00:00Z", "0s"),
            ("2026-05-17T09:59:01Z", "59s"),
            ("2026-05-17T09:59:00Z", "1m"),
            ("2026-05-17T07:00:00Z", "3h"),
            ("2026-05-10T09:59:59Z", "7d"),
            ("2026-05-24T10:00:00Z", "in 7d"),
            ("soon", "soon"),
        ] {
            assert_eq!(age(time, now), shown, "{time}");
        }
    }

    #[test]
    fn amounts_may_be_small() {
        for (bytes, shown) in [(0, "0B"), (1023, "1023B"), (1024, "1KB"), (1536, "1.5KB"), (12 << 20, "12MB")]
        {
            assert_eq!(amount(bytes), shown);
        }
        assert_eq!([counted(1, "file"), counted(0, "file")], ["1 file", "0 files"]);
    }

    #[test]
    fn ids_are_shown_by_their_end() {
        assert_eq!(short_id("0198c0de-0000-7000-8000-4f2a9c81d0e7"), "4f2a9c81d0e7");
        assert_eq!(short_id("short"), "short");
    }

    #[test]
    fn a_terminal_obeys_nothing_that_others_wrote() {
        assert_eq!(printable("a\u{1b}[31mb\nc"), "a\u{fffd}[31mb\u{fffd}c");
        let table = render_table(&["NAME"], vec![vec!["a\u{1b}[2Jb".into()]], false);
        assert!(!table.contains('\u{1b}'));
    }

    #[test]
    fn only_states_are_colored_and_only_when_asked() {
        let rows = || vec![vec!["error".to_owned(), "error".to_owned()]];
        assert_eq!(render_table(&["NAME", "STATE"], rows(), false), "NAME   STATE\nerror  error\n");
        let colored = render_table(&["NAME", "STATE"], rows(), true);
        assert!(colored.contains("error  \u{1b}["), "{colored:?}");
    }
}

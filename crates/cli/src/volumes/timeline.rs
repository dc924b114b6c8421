//! A volume's past, drawn: newest on top, one line an event.
//!
//! ```text
//! ── 2026-05-17 ──
//!  10:02 │ ↳         volume.forked: forked as volume preview (4f2a9c81d0e7)
//!  04:00 │ ●  1.2GB  snapshot.taken: taken by the schedule (9c0d1e2f3a4b)
//! ── 2026-05-16 ──
//!  09:00 │ +  50GB   volume.created: created empty
//! ```

use std::fmt::Write as _;

use futures::{StreamExt, TryStreamExt};
use miosa_api::v1::snapshots::Event;
use miosa_api::v1::words::EventKind;
use miosa_api::word::Word;
use miosa_domain::size;

use crate::args::TimelineArgs;
use crate::context::Context;
use crate::errors::CliError;
use crate::output::{formatted, printable, short_id};
use crate::resolve;

const RED: u8 = 31;
const GREEN: u8 = 32;
const YELLOW: u8 = 33;
const CYAN: u8 = 36;

/// How an event is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Sign {
    unicode: char,
    ascii: char,
    color: Option<u8>,
}

/// What the terminal can show.
#[derive(Debug, Clone, Copy)]
struct Look {
    unicode: bool,
    color: bool,
}

pub(super) async fn timeline(context: &Context, args: TimelineArgs) -> Result<(), CliError> {
    let output = &context.output;
    let id = resolve::volume_id_of_past(&context.client, &args.volume).await?;
    let events = context.client.volumes().events(&id).take(args.limit.unwrap_or(usize::MAX));
    let events: Vec<Event> = events.try_collect().await?;
    if output.is_json() {
        return Ok(output.json(&events)?);
    }
    if output.is_quiet() {
        return events.iter().try_for_each(|event| Ok(output.line(&event.id)?));
    }
    let look = Look { unicode: output.draws_unicode(), color: output.is_colored() };
    output.raw_stdout(draw(&events, look))?;
    if events.is_empty() {
        output.hint("Nothing is known to have happened to it.")?;
    }
    Ok(())
}

/// Lines in UTC, under a line for each day.
fn draw(events: &[Event], look: Look) -> String {
    let (rule, line) = if look.unicode { ("\u{2500}\u{2500}", '\u{2502}') } else { ("--", '|') };
    let sizes: Vec<String> =
        events.iter().map(|event| event.size_bytes.map_or(String::new(), size::human)).collect();
    let width = sizes.iter().map(String::len).max().unwrap_or(0);
    let mut drawing = String::new();
    let mut day_before = None;
    for (event, size) in events.iter().zip(&sizes) {
        let day = formatted(&event.at, "%Y-%m-%d");
        if day_before.as_ref() != Some(&day) {
            // Writing into a string cannot fail.
            let _ = writeln!(drawing, "{rule} {} {rule}", printable(&day));
            day_before = Some(day);
        }
        let time = printable(&formatted(&event.at, "%H:%M"));
        let sign = drawn(sign(&event.kind), look);
        let what = printable(&what(event));
        let _ = writeln!(drawing, " {time} {line} {sign}  {size:<width$}  {what}");
    }
    drawing
}

fn sign(kind: &Word<EventKind>) -> Sign {
    let is_bad = |kind: &str| kind.ends_with("failed") || kind.ends_with("damaged");
    let (unicode, ascii, color) = match kind.known() {
        Some(EventKind::VolumeCreated) => ('+', '+', Some(GREEN)),
        Some(EventKind::VolumeForked) => ('\u{21b3}', 'Y', Some(CYAN)),
        Some(EventKind::VolumeRestored) => ('\u{21ba}', '<', Some(CYAN)),
        Some(EventKind::VolumeCompacted) => ('\u{2261}', '=', None),
        Some(EventKind::VolumeDeleted | EventKind::VolumeExpired) => ('\u{2717}', 'x', Some(YELLOW)),
        Some(EventKind::VolumeUndeleted) => ('\u{2191}', '+', Some(GREEN)),
        Some(EventKind::SnapshotTaken) => ('\u{25cf}', 'o', Some(GREEN)),
        Some(EventKind::SnapshotDeleted | EventKind::SnapshotPruned) => ('\u{25cb}', '-', None),
        Some(EventKind::SchedulePaused) => ('!', '!', Some(YELLOW)),
        _ if is_bad(kind.as_str()) => ('!', '!', Some(RED)),
        // Of a newer server, too.
        _ => ('\u{b7}', '*', None),
    };
    Sign { unicode, ascii, color }
}

fn drawn(sign: Sign, look: Look) -> String {
    let char = if look.unicode { sign.unicode } else { sign.ascii };
    match sign.color.filter(|_| look.color) {
        Some(color) => format!("\u{1b}[{color}m{char}\u{1b}[0m"),
        None => char.into(),
    }
}

/// The message, after the kind's own word, and the ids that it leaves out.
fn what(event: &Event) -> String {
    let told = |id: &&str| !event.message.contains(*id);
    let ids = [event.snapshot_id.as_deref(), event.other_volume_id.as_deref()];
    let ids: Vec<String> = ids.into_iter().flatten().filter(told).map(short_id).collect();
    let mut what = format!("{}: {}", event.kind, event.message);
    if !ids.is_empty() {
        what.push_str(&format!(" ({})", ids.join(", ")));
    }
    what
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(at: &str, kind: &str, size_bytes: Option<u64>) -> Event {
        Event {
            id: "e".into(),
            volume_id: "v".into(),
            at: at.into(),
            kind: Word::of(kind),
            message: "so it \u{1b}[31mwas".into(),
            snapshot_id: Some("0198c0de-0000-7000-8000-4f2a9c81d0e7".into()),
            other_volume_id: None,
            size_bytes,
        }
    }

    #[test]
    fn a_terminal_gets_what_it_can_show() {
        let events = [event("2026-05-17T10:00:00Z", "snapshot.taken", Some(50 << 30))];
        let draw = |unicode, color| draw(&events, Look { unicode, color });
        let plain =
            "-- 2026-05-17 --\n 10:00 | o  50GB  snapshot.taken: so it \u{fffd}[31mwas (4f2a9c81d0e7)\n";
        assert_eq!(draw(false, false), plain);
        assert!(draw(true, false).contains(" 10:00 \u{2502} \u{25cf}  50GB"));
        assert!(draw(true, true).contains("\u{1b}[32m\u{25cf}\u{1b}[0m"));
    }

    #[test]
    fn what_a_newer_server_tells_is_drawn_too() {
        assert_eq!(sign(&Word::of("volume.moved")).ascii, '*');
        assert_eq!(sign(&Word::of("backup.failed")).ascii, '!');
    }
}

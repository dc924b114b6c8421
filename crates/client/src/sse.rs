//! Server-sent events, decoded from chunks that may end anywhere, in the middle of a character too.

/// Longer than any event the server sends; a stream without blank lines must not fill the memory.
const EVENT_MAX_BYTES: usize = 16 << 20;

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Event {
    /// `event:`, empty when the stream gives none.
    pub(crate) kind: String,
    /// The `data:` lines, joined by newlines.
    pub(crate) data: String,
}

#[derive(Debug, Default)]
pub(crate) struct Decoder {
    /// A line that has not ended yet.
    line: Vec<u8>,
    /// The event that has not ended yet.
    event: Event,
    has_data: bool,
}

impl Decoder {
    /// Answers the events that `chunk` completes.
    pub(crate) fn push(&mut self, chunk: &[u8]) -> Result<Vec<Event>, String> {
        let mut events = Vec::new();
        for piece in chunk.split_inclusive(|&byte| byte == b'\n') {
            self.line.extend_from_slice(piece);
            if self.line.len() + self.event.data.len() > EVENT_MAX_BYTES {
                return Err(format!("an event is longer than {EVENT_MAX_BYTES} bytes"));
            }
            if piece.ends_with(b"\n") {
                let line = std::mem::take(&mut self.line);
                let line = String::from_utf8_lossy(&line);
                events.extend(self.end_line(line.trim_end_matches(['\r', '\n'])));
            }
        }
        Ok(events)
    }

    fn end_line(&mut self, line: &str) -> Option<Event> {
        if line.is_empty() {
            let event = std::mem::take(&mut self.event);
            return std::mem::take(&mut self.has_data).then_some(event);
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.event.kind),
            "data" => {
                if self.has_data {
                    self.event.data.push('\n');
                }
                self.event.data.push_str(value);
                self.has_data = true;
            }
            // An empty field name is a comment; `id` and `retry` serve clients that reconnect by themselves.
            _ => {}
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(kind: &str, data: &str) -> Event {
        Event { kind: kind.into(), data: data.into() }
    }

    const STREAM: &str =
        ": ping\n\nevent: log\nid: 1\ndata: {\"line\":\"grüße\"}\n\ndata: a\r\ndata:b\r\n\r\nevent: x\n\n";

    #[test]
    fn chunks_may_end_anywhere() {
        let whole = Decoder::default().push(STREAM.as_bytes()).unwrap();
        assert_eq!(whole, [event("log", "{\"line\":\"grüße\"}"), event("", "a\nb")]);
        for size in 1..STREAM.len() {
            let mut decoder = Decoder::default();
            let pieces = STREAM.as_bytes().chunks(size).flat_map(|chunk| decoder.push(chunk).unwrap());
            assert_eq!(pieces.collect::<Vec<_>>(), whole, "chunks of {size} bytes");
        }
    }

    #[test]
    fn an_unfinished_event_is_not_an_event() {
        assert_eq!(Decoder::default().push(b"data: half\n").unwrap(), []);
    }

    #[test]
    fn an_endless_event_is_refused() {
        let mut decoder = Decoder::default();
        let endless = (0..=EVENT_MAX_BYTES >> 20).map(|_| decoder.push(&[b'x'; 1 << 20]));
        assert!(endless.last().unwrap().is_err());
    }
}

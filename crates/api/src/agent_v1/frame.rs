//! Packs objects into messages of bounded size.
//!
//! Both sides refuse a message of more than 64 MiB and end the session, so a host with many objects must not put all of them
//! into one. A frame is closed at [`FRAME_BYTES`]; a larger object has a frame to itself; an object above [`OBJECT_MAX_BYTES`]
//! is handed back to the caller, which fails that object alone.

use std::io;

use serde::Serialize;

/// Bytes of JSON after which a frame takes no further object.
pub const FRAME_BYTES: usize = 256 << 10;

/// The largest object that is sent, in bytes of JSON.
pub const OBJECT_MAX_BYTES: usize = 2 << 20;

/// Objects for one message.
#[derive(Debug)]
pub struct Frame<T> {
    items: Vec<T>,
    bytes: usize,
}

/// Why an object was not added to a frame.
#[derive(Debug)]
pub enum NotAdded<T> {
    /// It belongs into the next frame.
    Full(T),
    /// No frame takes it.
    TooLarge { item: T, bytes: usize },
}

impl<T> Default for Frame<T> {
    fn default() -> Self {
        Self { items: Vec::new(), bytes: 0 }
    }
}

impl<T: Serialize> Frame<T> {
    pub fn push(&mut self, item: T) -> Result<(), NotAdded<T>> {
        let bytes = encoded_bytes(&item);
        if bytes > OBJECT_MAX_BYTES {
            return Err(NotAdded::TooLarge { item, bytes });
        }
        if !self.items.is_empty() && self.bytes + bytes > FRAME_BYTES {
            return Err(NotAdded::Full(item));
        }
        self.bytes += bytes;
        self.items.push(item);
        Ok(())
    }

    pub fn into_items(self) -> Vec<T> {
        self.items
    }
}

/// Objects in frames, in their order, and those that no frame takes with their sizes in bytes.
#[derive(Debug)]
pub struct Packed<T> {
    pub frames: Vec<Vec<T>>,
    pub too_large: Vec<(T, usize)>,
}

pub fn pack<T: Serialize>(items: impl IntoIterator<Item = T>) -> Packed<T> {
    let mut packed = Packed { frames: Vec::new(), too_large: Vec::new() };
    let mut frame = Frame::default();
    for mut item in items {
        loop {
            match frame.push(item) {
                Ok(()) => break,
                Err(NotAdded::TooLarge { item, bytes }) => break packed.too_large.push((item, bytes)),
                Err(NotAdded::Full(back)) => {
                    item = back;
                    packed.frames.push(std::mem::take(&mut frame).items);
                }
            }
        }
    }
    if !frame.items.is_empty() {
        packed.frames.push(frame.items);
    }
    packed
}

/// Length of `value` as JSON. `usize::MAX` if it has no JSON form.
fn encoded_bytes(value: &impl Serialize) -> usize {
    struct Count(usize);

    impl io::Write for Count {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    let mut count = Count(0);
    match serde_json::to_writer(&mut count, value) {
        Ok(()) => count.0,
        Err(_) => usize::MAX,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: usize) -> String {
        "x".repeat(bytes)
    }

    #[test]
    fn many_small_objects_fill_several_frames_in_order() {
        let items: Vec<_> = (0..10_000).map(|n| format!("{n:0100}")).collect();
        let packed = pack(items.clone());
        assert!(packed.too_large.is_empty());
        assert!((4..=6).contains(&packed.frames.len()), "{} frames", packed.frames.len());
        for frame in &packed.frames {
            assert!(serde_json::to_vec(frame).unwrap().len() < FRAME_BYTES * 2);
        }
        assert_eq!(packed.frames.concat(), items);
    }

    #[test]
    fn a_large_object_has_a_frame_to_itself_and_a_monstrous_one_has_none() {
        let items = [text(1), text(2 * FRAME_BYTES), text(2), text(OBJECT_MAX_BYTES), text(3)];
        let packed = pack(items.clone());
        assert_eq!(packed.frames, [vec![text(1)], vec![items[1].clone()], vec![text(2), text(3)]]);
        assert_eq!(packed.too_large, [(items[3].clone(), OBJECT_MAX_BYTES + 2)]);
    }

    #[test]
    fn nothing_makes_no_frame() {
        assert!(pack([""; 0]).frames.is_empty());
    }
}

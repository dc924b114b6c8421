//! Exec and log streams: numbered per connection, and gone with it.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use futures::Stream;
use miosa_api::agent_v1::{ControllerMessage, StreamEvent};
use miosa_domain::status::{Failure, FailureCode};
use tokio::sync::mpsc;

use super::links::Link;

/// Events that wait for a slow reader before its stream is given up: one reader must not hold up the connection, which
/// carries everybody's reports.
const WAITING_EVENTS_MAX: usize = 1024;

/// The open streams of one connection.
#[derive(Default)]
pub(super) struct Streams(Mutex<Open>);

#[derive(Default)]
struct Open {
    last: u64,
    readers: HashMap<u64, mpsc::Sender<StreamEvent>>,
    /// The connection is over, and no stream can be opened any more.
    closed: bool,
}

impl Streams {
    /// A number for a new stream and where its events will come out. After [`Streams::close`] nothing will.
    pub(super) fn open(&self) -> (u64, mpsc::Receiver<StreamEvent>) {
        let (sender, receiver) = mpsc::channel(WAITING_EVENTS_MAX);
        let mut open = self.locked();
        open.last += 1;
        let number = open.last;
        if !open.closed {
            open.readers.insert(number, sender);
        }
        (number, receiver)
    }

    /// Hands an event to its reader. `false` when nobody reads the stream any more, so that the host may end it.
    pub(super) fn deliver(&self, number: u64, event: StreamEvent) -> bool {
        let is_last = is_last(&event);
        let mut open = self.locked();
        let Some(reader) = open.readers.get(&number) else { return is_last };
        let delivered = reader.try_send(event).is_ok();
        if is_last || !delivered {
            open.readers.remove(&number);
        }
        delivered || is_last
    }

    pub(super) fn forget(&self, number: u64) {
        self.locked().readers.remove(&number);
    }

    pub(super) fn close(&self) {
        let mut open = self.locked();
        open.closed = true;
        open.readers.clear();
    }

    fn locked(&self) -> std::sync::MutexGuard<'_, Open> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_last(event: &StreamEvent) -> bool {
    matches!(event, StreamEvent::Exit { .. } | StreamEvent::End | StreamEvent::Failed(_))
}

/// The events of an exec or a log stream. It ends after `Exit`, `End` or `Failed`, and always with one of them; dropping it
/// earlier ends the process or the stream on the host.
pub(crate) struct ExecEvents {
    link: Arc<Link>,
    number: u64,
    events: mpsc::Receiver<StreamEvent>,
    is_over: bool,
}

impl ExecEvents {
    pub(super) fn new(link: Arc<Link>, number: u64, events: mpsc::Receiver<StreamEvent>) -> Self {
        Self { link, number, events, is_over: false }
    }
}

impl Stream for ExecEvents {
    type Item = StreamEvent;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<StreamEvent>> {
        if self.is_over {
            return Poll::Ready(None);
        }
        let event = ready!(self.events.poll_recv(context)).unwrap_or_else(|| {
            StreamEvent::Failed(Failure {
                code: FailureCode::HostError,
                message: "the connection to the host was lost, or its output came faster than it was read"
                    .into(),
            })
        });
        self.is_over = is_last(&event);
        Poll::Ready(Some(event))
    }
}

impl Drop for ExecEvents {
    fn drop(&mut self) {
        if !self.is_over {
            self.link.streams.forget(self.number);
            self.link.send_soon(ControllerMessage::Close { stream: self.number });
        }
    }
}

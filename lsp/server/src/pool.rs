//! Workers: what is asked while one types is not kept waiting by what takes longer.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, Sender, channel},
    },
    thread,
};

pub(crate) type Work = Box<dyn FnOnce() + Send>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Urgency {
    /// Somebody waits with a finger on the key.
    Typing,
    Reading,
    /// Analyses of whole packages: one at a time.
    Background,
}

#[derive(Debug)]
pub(crate) struct Pool {
    typing: Sender<Work>,
    reading: Sender<Work>,
    background: Sender<Work>,
}

impl Pool {
    pub(crate) fn new() -> Self {
        Self {
            typing: workers("typing", 2),
            reading: workers("reading", 2),
            background: workers("analysis", 1),
        }
    }

    pub(crate) fn run(&self, urgency: Urgency, work: Work) {
        let queue = match urgency {
            Urgency::Typing => &self.typing,
            Urgency::Reading => &self.reading,
            Urgency::Background => &self.background,
        };
        // without workers there is no server any more
        let _ = queue.send(work);
    }
}

fn workers(name: &str, count: usize) -> Sender<Work> {
    let (sender, receiver) = channel::<Work>();
    let receiver = Arc::new(Mutex::new(receiver));
    for _ in 0..count {
        let receiver = receiver.clone();
        // a thread that cannot be started is one worker less
        let _ = thread::Builder::new().name(name.into()).stack_size(16 << 20).spawn(move || work(&receiver));
    }
    sender
}

fn work(queue: &Mutex<Receiver<Work>>) {
    loop {
        let next = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(next) = next else { return };
        // what panics is lost, and whoever asked is told; the worker goes on
        let _ = catch_unwind(AssertUnwindSafe(next));
    }
}

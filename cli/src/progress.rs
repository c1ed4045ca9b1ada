//! A spinner for work that takes long: on a terminal only, and only once it has taken a while.

use std::{
    io::IsTerminal as _,
    sync::mpsc::{self, RecvTimeoutError, Sender},
    thread::{self, JoinHandle},
    time::Duration,
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::console::Console;

/// Work that ends sooner shows nothing.
const PATIENCE: Duration = Duration::from_millis(300);
const TICK: Duration = Duration::from_millis(100);

/// Gone from the screen when dropped.
pub(crate) struct Progress(Option<(Sender<&'static str>, JoinHandle<()>)>);

impl Progress {
    pub(crate) fn start(console: &Console, stage: &'static str) -> Self {
        if console.is_quiet() || !std::io::stderr().is_terminal() {
            return Self(None);
        }
        let (sender, stages) = mpsc::channel();
        let worker = thread::Builder::new().name("progress".into()).spawn(move || {
            let mut stage = stage;
            let mut wait = PATIENCE;
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
            bar.set_style(ProgressStyle::default_spinner());
            loop {
                match stages.recv_timeout(wait) {
                    Ok(next) => stage = next,
                    Err(RecvTimeoutError::Timeout) => {
                        if bar.is_hidden() {
                            bar.set_draw_target(ProgressDrawTarget::stderr());
                        }
                        wait = TICK;
                    }
                    Err(RecvTimeoutError::Disconnected) => break,
                }
                bar.set_message(stage);
                bar.tick();
            }
            bar.finish_and_clear();
        });
        // Without a thread there is no spinner; the work goes on.
        Self(worker.ok().map(|worker| (sender, worker)))
    }

    pub(crate) fn stage(&self, stage: &'static str) {
        if let Some((sender, _)) = &self.0 {
            let _ = sender.send(stage);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some((sender, worker)) = self.0.take() {
            drop(sender);
            let _ = worker.join();
        }
    }
}

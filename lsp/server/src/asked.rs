//! Questions on their way from a handler to a worker and back.

use std::{
    sync::{Arc, Condvar, Mutex, PoisonError},
    time::Duration,
};

use salsa::CancellationToken;
use tokio::sync::oneshot;
use tower_lsp::{
    jsonrpc::{Error, Result},
    ls_types::Uri,
};

use crate::{pool::Urgency, view::View};

/// Something asked, to be answered by a worker.
pub(crate) struct Ask {
    /// The document it is about; without one, it is about the package that was last used.
    pub(crate) uri: Option<Uri>,
    /// It is about every package.
    pub(crate) everywhere: bool,
    pub(crate) urgency: Urgency,
    /// The document's version when it was asked.
    pub(crate) version: Option<i32>,
    pub(crate) stop: Arc<Stop>,
    pub(crate) answer: Box<dyn Answer>,
}

/// Ends the answering of what nobody waits for any more.
#[derive(Default)]
pub(crate) struct Stop {
    state: Mutex<(bool, Option<CancellationToken>)>,
}

impl Stop {
    pub(crate) fn stop(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.0 = true;
        if let Some(token) = state.1.take() {
            token.cancel();
        }
    }

    /// Whether it goes on; if so, `token` will end it.
    pub(crate) fn holds(&self, token: CancellationToken) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.1 = Some(token);
        !state.0
    }
}

/// Counts questions under way.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    count: Mutex<usize>,
    answered: Condvar,
}

/// One question under way, until it is dropped.
pub(crate) struct UnderWay(Arc<Asked>);

impl Asked {
    pub(crate) fn enter(self: &Arc<Self>) -> UnderWay {
        *self.count.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        UnderWay(self.clone())
    }

    /// Until all are answered, but no longer than this.
    pub(crate) fn wait(&self, longest: Duration) {
        let count = self.count.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.answered.wait_timeout_while(count, longest, |count| *count > 0);
        drop(waited);
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        *self.0.count.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        self.0.answered.notify_all();
    }
}

/// How something is answered; what an edit interrupted can be tried again.
pub(crate) trait Answer: Send {
    /// Answers, or unwinds with [`salsa::Cancelled`].
    fn try_answer(&mut self, views: &[View]);
    fn refuse(self: Box<Self>, error: Error);
}

/// An answer that goes back to the handler.
pub(crate) struct Question<T, F> {
    pub(crate) sender: Option<oneshot::Sender<Result<T>>>,
    pub(crate) run: F,
}

impl<T: Send, F: Fn(&[View]) -> Result<T> + Send> Answer for Question<T, F> {
    fn try_answer(&mut self, views: &[View]) {
        let answer = (self.run)(views);
        if let Some(sender) = self.sender.take() {
            // whoever asked may be gone
            let _ = sender.send(answer);
        }
    }

    fn refuse(mut self: Box<Self>, error: Error) {
        if let Some(sender) = self.sender.take() {
            let _ = sender.send(Err(error));
        }
    }
}

/// Ends the work when the client cancels, which drops the handler.
pub(crate) struct OnDrop(pub(crate) Arc<Stop>);

impl Drop for OnDrop {
    fn drop(&mut self) {
        self.0.stop();
    }
}

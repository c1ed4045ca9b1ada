//! Ends the process where one case does not end: a hang would otherwise say nothing.

use std::{
    fmt::Display,
    io::Write as _,
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::Duration,
};

/// Runs one case; what takes longer than `most` is printed with its name, and ends the process.
pub fn within<T>(most: Duration, name: impl Display, case: impl FnOnce() -> T) -> T {
    let (done, wait) = mpsc::channel::<()>();
    let name = name.to_string();
    let watch = thread::spawn(move || {
        if wait.recv_timeout(most) == Err(RecvTimeoutError::Timeout) {
            let _ = writeln!(std::io::stderr(), "{name} did not end within {most:?}");
            std::process::abort();
        }
    });
    let result = case();
    drop(done);
    let _ = watch.join();
    result
}

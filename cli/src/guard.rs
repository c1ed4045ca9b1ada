//! A panic is a bug of ours: it is reported as one and ends in its own exit code.

use std::{
    any::Any,
    io::Write as _,
    panic::{self, AssertUnwindSafe, PanicHookInfo},
};

use crate::failure::Failure;

/// Makes panics report themselves.
pub(crate) fn install() {
    panic::set_hook(Box::new(|info| {
        let mut stderr = std::io::stderr().lock();
        let _ = stderr.write_all(report(&message(info.payload()), &place(info)).as_bytes());
    }));
}

/// Runs the command; a panic in it is an internal error.
pub(crate) fn run(command: impl FnOnce() -> u8) -> u8 {
    panic::catch_unwind(AssertUnwindSafe(command)).unwrap_or(Failure::INTERNAL)
}

/// What a bug prints, with all that a report of it needs.
pub(crate) fn report(message: &str, place: &str) -> String {
    let version = env!("CARGO_PKG_VERSION");
    format!(
        "error: internal compiler error, please report: {message}\n  = weir {version}{place}\n  = nothing was written\n"
    )
}

fn place(info: &PanicHookInfo<'_>) -> String {
    info.location().map_or_else(String::new, |at| format!(", {}:{}", at.file(), at.line()))
}

fn message(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without a message".into())
}

#[cfg(test)]
#[allow(clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_internal_error() {
        assert_eq!(run(|| panic!("on purpose")), 3);
        assert_eq!(run(|| 1), 1);
    }

    #[test]
    fn the_report_asks_for_a_report() {
        let text = report("index out of bounds", ", cli/src/x.rs:3");
        assert!(
            text.starts_with("error: internal compiler error, please report: index out of bounds\n"),
            "{text}"
        );
        assert!(text.contains("cli/src/x.rs:3"), "{text}");
    }
}

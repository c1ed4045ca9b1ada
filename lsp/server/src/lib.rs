//! The language server: the protocol around `weir-ide`.
//!
//! Handlers (`server`) convert and send, as their first act and without waiting: the order of what they send is that of
//! the messages. One thread (`writer`) owns every text and applies what comes in that order; what is asked it hands, with
//! a view of that moment, to workers (`pool`). A view that an edit makes obsolete unwinds; it is asked again where the
//! document is still the same, and refused as modified where it is not.

mod asked;
mod capabilities;
mod clock;
mod configuration;
mod convert;
mod documents;
mod outbox;
mod packages;
mod places;
mod pool;
mod position;
mod requests;
mod server;
mod view;
mod writer;

pub use server::{Server, service};

/// Serves on standard input and output until the client leaves. The exit code is 0 after an orderly `shutdown`.
pub fn run() -> std::io::Result<u8> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (service, socket) = service();
    let orderly = service.inner().orderly();
    runtime.block_on(
        // four handlers that wait for answers would stop the reading of further messages
        tower_lsp::Server::new(tokio::io::stdin(), tokio::io::stdout(), socket)
            .concurrency_level(256)
            .serve(service),
    );
    // a read of standard input may still wait
    runtime.shutdown_background();
    Ok(u8::from(!orderly.load(std::sync::atomic::Ordering::SeqCst)))
}

//! Builds the book's HTML as its readers get it; see `tests/site.rs`.

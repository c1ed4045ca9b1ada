//! Runs the Markdown of the book and of the diagnostics' pages as tests.

//! The diagnostics' pages are part of the binary: a new page makes a new binary.

fn main() {
    let pages = "../book/src/diagnostics";
    let mut stdout = std::io::stdout();
    let _ = std::io::Write::write_all(&mut stdout, format!("cargo::rerun-if-changed={pages}\n").as_bytes());
}

//! Runs the Markdown of the book and of the diagnostics' pages as tests.
//!
//! A fenced block of ```` ```weir ```` is a file of a package. All such blocks under one heading form one package; a
//! manifest is supplied, unless a block ```` ```toml file=weir.toml ```` brings one. What the compiler has to say
//! stands in the policy itself, as comments at the lines where it says it:
//!
//! ```text
//! allow scada -> plcx : opcua   // error: E0202 "`plcx`"
//! zone office { }               // warning: W0505
//! // error-below: E0105
//! name = "not closed
//! ```
//!
//! A block ```` ```yaml file=manifests/web.yaml ```` is a file that the package imports; its marks stand behind `#`.
//!
//! The set of diagnostics and the set of marks have to be equal. Words after the language in a block's first line:
//!
//! | word | means |
//! | --- | --- |
//! | `file=cells/a.weir` | the file's path; `plant.weir`, if not given |
//! | `package=NAME` | adds to a package that lives on under later headings; it is checked at the end of each |
//! | `replace` | replaces a file of such a package, instead of adding to it |
//! | `temporary` | the block is taken back behind its heading's section |
//! | `now=2026-11-22` | the date of the build |
//! | `ignore-warnings` | warnings that no mark asks for are not looked at |
//! | `fails` | the block has a mark: its point is what it provokes |
//! | `snippet` | no package: only its grammar is checked |
//!
//! A block ```` ```text printed ```` shows what the compiler prints for the package under the same heading: its lines with
//! `error[…]`, `warning[…]` and `= help:` are compared.
//!
//! Every block that parses is laid out as `weir fmt` does it; `UPDATE=1` formats the page.

pub mod case;
pub mod check;
pub mod console;
pub mod declarations;
pub mod document;
pub mod layout;
pub mod library;
pub mod lists;
pub mod marks;
pub mod paths;

pub use case::{Case, cases};
pub use check::check;
pub use document::Document;

/// All that is wrong with one document, ready to print; empty if nothing is.
pub fn failures(name: &str, text: &str) -> Vec<String> {
    let document = Document::parse(text);
    let mut failures: Vec<String> =
        document.problems.iter().map(|problem| format!("{name}{problem}")).collect();
    let (cases, problems) = cases(&document);
    failures.extend(problems.iter().map(|problem| format!("{name}{problem}")));
    failures.extend(cases.iter().flat_map(|case| check(name, case)));
    failures
}

//! The grammar of Weir for `tree-sitter`.

use tree_sitter_language::LanguageFn;

unsafe extern "C" {
    fn tree_sitter_weir() -> *const ();
}

/// The language, for `tree_sitter::Parser::set_language`.
// SAFETY: the function is the generated parser's, and gives a table that lives as long as the program.
pub const LANGUAGE: LanguageFn = unsafe { LanguageFn::from_raw(tree_sitter_weir) };

/// What is coloured how.
pub const HIGHLIGHTS: &str = include_str!("../../queries/highlights.scm");
pub const FOLDS: &str = include_str!("../../queries/folds.scm");
pub const INDENTS: &str = include_str!("../../queries/indents.scm");
pub const LOCALS: &str = include_str!("../../queries/locals.scm");

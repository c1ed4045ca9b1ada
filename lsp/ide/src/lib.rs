//! What an editor asks of a package, as plain data with byte offsets: no protocol, no files, no clock. The language server
//! puts the protocol around it.
//!
//! Two speeds. Names, shapes and syntax are answered from per-file queries (`database`), which follow every keystroke.
//! What rules permit and become is answered from the last analysis of the whole package (`facts`), which runs beside
//! them; its places are moved to the texts of now.

mod actions;
mod artifacts;
mod completion;
mod context;
pub mod database;
mod explain;
mod facts;
mod formatting;
mod graph;
mod hierarchy;
mod hints;
mod host;
mod hover;
mod lens;
mod names;
mod navigation;
mod rename;
mod signature;
mod structure;
mod symbols;
mod tokens;
mod walk;

pub use actions::{Action, ActionKind};
pub use artifacts::{ArtifactLines, Origin};
pub use completion::{Completion, CompletionKind, List as CompletionList};
pub use facts::{Facts, Job};
pub use formatting::TextEdit;
pub use graph::Drawing;
pub use hierarchy::{Peer, PrincipalItem};
pub use hints::Hint;
pub use host::{Host, Ide};
pub use hover::Hover;
pub use lens::{Lens, LensKind};
pub use names::Symbol;
pub use navigation::{Location, Reference};
pub use rename::{RenameError, is_name};
pub use signature::Signature;
pub use structure::{Fold, FoldKind, Link};
pub use symbols::OutlineItem;
pub use tokens::{MODIFIERS, SemanticToken, TokenType};
pub use walk::{Occurrence, Wanted};

//! Renaming, over all files, or the reason why not.

use std::fmt;

use smol_str::SmolStr;
use weir_compiler::names::{Kind, schema};
use weir_syntax::{
    Edit, FileId, Span,
    lexer::{TokenKind, lex},
};

use crate::{
    host::Ide,
    names::{Scope, Symbol},
};

/// Why something is not renamed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RenameError {
    /// Nothing there has a name of the package.
    Nothing,
    Standard,
    Module,
    /// An imported file gives or uses the name: its path.
    Imported(String),
    /// The new text is not a name.
    NoName(String),
    /// An attribute of a class, where a `where` does not say of which class it is.
    Unclear(String, FileId, Span),
    /// It means something already, here.
    Taken(String, FileId, Span),
}

impl fmt::Display for RenameError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => formatter.write_str("nothing here has a name that the package gives"),
            Self::Standard => formatter.write_str("names of the standard library stay as they are"),
            Self::Module => {
                formatter.write_str("a module is a folder: rename the folder, then its `use` lines")
            }
            Self::Imported(path) => write!(formatter, "`{path}` has this name: change it there"),
            Self::NoName(text) => {
                write!(formatter, "`{text}` is no name: write letters, digits and `_`, and no reserved word")
            }
            Self::Unclear(text, ..) => {
                write!(
                    formatter,
                    "a `where` compares `{text}` of a set that names no class with it: name the class there"
                )
            }
            Self::Taken(text, ..) => write!(formatter, "`{text}` means something else there already"),
        }
    }
}

impl std::error::Error for RenameError {}

/// Whether a text can name a declaration.
pub fn is_name(text: &str) -> bool {
    let is_plain = matches!(lex(text).as_slice(), [token] if token.kind == TokenKind::Identifier);
    is_plain && !matches!(text, "std" | "internet" | "index" | "true" | "false" | "any")
}

/// Whether every device has an attribute of this name; a class can demand it, and not call it otherwise.
fn is_of_devices(name: &str) -> bool {
    schema::of(Kind::Device).attributes.iter().any(|one| one.name == name)
}

impl Ide {
    /// The name at an offset, if it can be renamed.
    pub fn prepare_rename(&self, file: FileId, offset: u32) -> Result<Span, RenameError> {
        self.renamed(file, offset).map(|(span, _)| span)
    }

    fn renamed(&self, file: FileId, offset: u32) -> Result<(Span, Symbol), RenameError> {
        let found = self.occurrence_at(file, offset).ok_or(RenameError::Nothing)?;
        match &found.symbol {
            Symbol::Module(_) => Err(RenameError::Module),
            Symbol::Declaration(id, _) | Symbol::Parameter(id, _) | Symbol::Inner(id, ..)
                if self.is_standard(id.file) =>
            {
                Err(RenameError::Standard)
            }
            Symbol::Declaration(id, _) if self.is_imported(id.file) => {
                Err(RenameError::Imported(self.path(id.file).unwrap_or_default().to_owned()))
            }
            Symbol::Declaration(..) | Symbol::Parameter(..) | Symbol::Inner(..) => {
                Ok((found.span, found.symbol))
            }
            _ => Err(RenameError::Nothing),
        }
    }

    /// The edits that give what stands at an offset another name, everywhere.
    pub fn rename(&self, file: FileId, offset: u32, text: &str) -> Result<Vec<Edit>, RenameError> {
        let (_, symbol) = self.renamed(file, offset)?;
        if !is_name(text) {
            return Err(RenameError::NoName(text.to_owned()));
        }
        let Some(old) = self.text_of(&symbol) else { return Err(RenameError::Nothing) };
        if old == text {
            return Ok(Vec::new());
        }
        if self.is_class_attribute(&symbol) {
            if is_of_devices(&old) {
                return Err(RenameError::Nothing);
            }
            self.attribute_is_clear(&old)?;
        }
        let mut edits = Vec::new();
        for reference in self.references(&symbol) {
            if self.is_imported(reference.file) {
                let path = self.path(reference.file).unwrap_or_default();
                return Err(RenameError::Imported(path.to_owned()));
            }
            // where it goes by another name, that one stays
            if self.text(reference.file).is_none_or(|source| reference.span.of(source) != old) {
                continue;
            }
            self.is_free(&symbol, text, reference.file, reference.span)?;
            edits.push(Edit { file: reference.file, span: reference.span, text: text.to_owned() });
        }
        Ok(edits)
    }

    fn is_class_attribute(&self, symbol: &Symbol) -> bool {
        let Symbol::Inner(id, at, None) = symbol else { return false };
        self.inner(*id, *at, None).is_some_and(|(_, inner)| inner.keyword.text == "attribute")
    }

    /// Whether each `where` that compares an attribute of this name says of which class it is.
    fn attribute_is_clear(&self, name: &SmolStr) -> Result<(), RenameError> {
        let unclear = self.references(&Symbol::Word(name.clone(), None));
        match unclear.first() {
            Some(place) => Err(RenameError::Unclear(name.to_string(), place.file, place.span)),
            None => Ok(()),
        }
    }

    /// Whether no class declares an attribute of this name, and devices have none by themselves.
    fn is_free_attribute(&self, text: &str) -> bool {
        let declared = self.names().modules.iter().flat_map(|module| &module.names);
        let mut classes = declared.flat_map(|(_, found)| found).filter(|(_, kind)| *kind == Kind::Class);
        let declares =
            |id| self.declaration(id).is_some_and(|one| crate::names::inner_block(one, text).is_some());
        !is_of_devices(text) && !classes.any(|(id, _)| declares(*id))
    }

    /// Whether a name means nothing yet, where a symbol is named.
    fn is_free(&self, symbol: &Symbol, text: &str, file: FileId, span: Span) -> Result<(), RenameError> {
        let taken = || Err(RenameError::Taken(text.to_owned(), file, span));
        if self.is_class_attribute(symbol) {
            return if self.is_free_attribute(text) { Ok(()) } else { taken() };
        }
        if let Symbol::Inner(id, at, deeper) = symbol {
            let around = match deeper {
                Some(_) => self.inner(*id, *at, None).map(|(_, inner)| inner),
                None => self.declaration(*id),
            };
            let is_there = around.is_some_and(|around| crate::names::inner_block(around, text).is_some());
            return if is_there { taken() } else { Ok(()) };
        }
        let template = self.tree(file).and_then(|tree| {
            let around = crate::navigation::items_at(tree, file, span);
            around
                .first()
                .filter(|(_, item)| matches!(item.kind, weir_syntax::ast::ItemKind::Template(_)))
                .map(|(id, _)| *id)
        });
        let scope = Scope { file, module: self.module_of(file), template, imports: self.imports(file) };
        let mut found = self.bare(text, scope);
        // a declaration of another kind, which the place tells apart, is no conflict for the compiler; for readers it is
        found.extend(
            symbol
                .declaration()
                .filter(|id| id.file != file)
                .into_iter()
                .flat_map(|id| self.in_scope_of(id, |scope| self.bare(text, scope))),
        );
        if found.is_empty() { Ok(()) } else { taken() }
    }
}

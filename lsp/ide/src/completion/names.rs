//! Names: of the package, of the library, of modules.

use smol_str::SmolStr;
use weir_compiler::names::{Kind, schema};

use super::{Completion, CompletionKind, Proposals};
use crate::{
    database::{DeclarationId, ROOT, STANDARD},
    names::Symbol,
};

impl Proposals<'_> {
    pub(super) fn services(&mut self) {
        self.names(&[Kind::Protocol]);
        self.simple("any", CompletionKind::Word, "every service", "");
        for transport in ["tcp", "udp", "sctp"] {
            self.snippet(
                transport,
                CompletionKind::Word,
                "a transport",
                "",
                &format!("{transport}/${{1:port}}"),
                2,
            );
        }
        self.simple("icmp", CompletionKind::Word, "echo requests", "");
    }

    pub(super) fn parameters(&mut self, kinds: Option<&[Kind]>) {
        let Some(template) = self.scope.template.and_then(|id| self.ide.template_of(id)) else { return };
        for parameter in &template.parameters {
            let kind = schema::by_keyword(&parameter.kind.text).map(|schema| schema.kind);
            if kinds.is_none_or(|kinds| kind.is_some_and(|kind| kinds.contains(&kind))) {
                self.simple(&parameter.name.text, CompletionKind::Parameter, &parameter.kind.text, "");
            }
        }
    }

    /// Declarations of some kinds: those seen from here, then those that a `use` would bring in.
    pub(super) fn names(&mut self, kinds: &[Kind]) {
        self.parameters(Some(kinds));
        let index = self.ide.names();
        if let Some(names) = self.scope.template.and_then(|template| index.templates.get(&template)) {
            for (name, found) in self.fitting(names) {
                self.declared(name, found, kinds, 0);
            }
        }
        let mut imports: Vec<_> = self.scope.imports.iter().collect();
        imports.sort_unstable_by_key(|(name, _)| *name);
        for (name, path) in imports {
            for symbol in self.ide.import_target(path, self.file) {
                if let Symbol::Declaration(id, kind) = symbol {
                    self.declared(name, &[(id, kind)], kinds, 0);
                }
            }
        }
        let mut around = Some(self.scope.module);
        while let Some(module) = around.and_then(|id| index.modules.get(id as usize)) {
            for (name, found) in self.fitting(&module.names) {
                self.declared(name, found, kinds, 1);
            }
            around = module.outer;
        }
        if let Some(root) = index.modules.get(ROOT as usize) {
            let mut modules: Vec<_> = root.inner.iter().collect();
            modules.sort_unstable();
            for (name, id) in modules {
                if *id != STANDARD {
                    self.simple(name, CompletionKind::Module, "module", "");
                }
            }
        }
        self.standard(kinds);
    }

    pub(super) fn declared(
        &mut self,
        name: &SmolStr,
        found: &[(DeclarationId, Kind)],
        kinds: &[Kind],
        rank: u8,
    ) {
        let Some((id, kind)) = found.iter().find(|(_, kind)| kinds.contains(kind)) else { return };
        if !self.fits(name) {
            return;
        }
        let (insert, snippet) =
            if *kind == Kind::Template { (format!("{name}($0)"), true) } else { (name.to_string(), false) };
        self.push(Completion {
            label: name.clone(),
            kind: CompletionKind::Declaration(*kind),
            detail: schema::of(*kind).keyword.into(),
            documentation: self.ide.item(*id).map(|item| item.documentation.to_string()).unwrap_or_default(),
            insert,
            snippet,
            replace: self.cursor.word,
            more: Vec::new(),
            rank,
            symbol: Some(Symbol::Declaration(*id, *kind)),
        });
    }

    /// Names of `std` that the file does not have yet, with the `use` that they need.
    pub(super) fn standard(&mut self, kinds: &[Kind]) {
        if self.ide.is_standard(self.file) {
            return;
        }
        let index = self.ide.names();
        let Some(standard) = index.modules.get(STANDARD as usize) else { return };
        let mut modules: Vec<_> = standard.inner.values().copied().collect();
        modules.sort_unstable();
        for module in modules.iter().filter_map(|id| index.modules.get(*id as usize)) {
            for (name, found) in self.fitting(&module.names) {
                let Some((id, kind)) = found.iter().find(|(_, kind)| kinds.contains(kind)) else { continue };
                if !self.fits(name) || self.seen.contains(name) {
                    continue;
                }
                let line = format!("{}.{name}", module.path);
                let more = self.ide.add_use(self.file, &module.path, name);
                self.push(Completion {
                    label: name.clone(),
                    kind: CompletionKind::Declaration(*kind),
                    detail: format!("use {line}"),
                    documentation: self
                        .ide
                        .item(*id)
                        .map(|item| item.documentation.to_string())
                        .unwrap_or_default(),
                    insert: name.to_string(),
                    snippet: false,
                    replace: self.cursor.word,
                    more,
                    rank: 3,
                    symbol: Some(Symbol::Declaration(*id, *kind)),
                });
            }
        }
    }

    pub(super) fn imports(&mut self, path: &[String]) {
        let path: Vec<SmolStr> = path.iter().map(SmolStr::from).collect();
        let index = self.ide.names();
        let module = match path.as_slice() {
            [] => {
                self.simple("std", CompletionKind::Module, "the standard library", "");
                ROOT
            }
            path => match self.ide.import_target(path, self.file).as_slice() {
                [Symbol::Module(module)] => *module,
                _ => return,
            },
        };
        let Some(module) = index.modules.get(module as usize) else { return };
        let mut inner: Vec<_> = module.inner.keys().collect();
        inner.sort_unstable();
        for name in inner {
            self.snippet(name, CompletionKind::Module, "module", "", name, 0);
        }
        let kinds: Vec<Kind> = schema::SCHEMAS.iter().map(|schema| schema.kind).collect();
        for (name, found) in self.fitting(&module.names) {
            self.declared(name, found, &kinds, 1);
        }
    }
}

//! From a path to what it names.

use std::sync::Arc;

use smol_str::SmolStr;
use weir_syntax::{
    Diagnostic, FileId, Span,
    ast::{ExprKind, Path, Segment},
    diagnostic::codes,
};

use crate::consequences::ADD_USE;

use super::{EntityId, Kind, ModuleId, Scope, Symbol, Universe, already_said, schema};

/// What a path leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// An entity; for an array, one element or (`None`) all of it.
    Entity(EntityId, Option<u32>),
    Module(ModuleId),
    /// Index into [`Universe::templates`].
    Template(u32),
}

/// The targets of a path's first segments, and the segments that name no declaration: operations, attributes, functions.
#[derive(Debug)]
pub struct Found<'a> {
    /// At least one; several where the path goes through an array of instances.
    pub targets: Vec<Target>,
    pub rest: &'a [Segment],
}

impl<'a> Universe<'a> {
    /// Follows a path as far as it names declarations. Where a name means several things, those that `fits` are meant.
    pub fn find(
        &self,
        path: &'a Path,
        scope: Scope,
        fits: impl Fn(&[Target]) -> bool,
    ) -> Result<Found<'a>, Box<Diagnostic>> {
        let Some((first, mut rest)) = path.segments.split_first() else {
            return Err(self.unknown_path(path, scope));
        };
        let by_kind = schema::by_keyword(&first.name.text).filter(|_| !rest.is_empty());
        let (head, mut symbols) = match (self.symbols(&first.name.text, scope), by_kind) {
            (symbols, _) if !symbols.is_empty() => (first, symbols),
            (_, Some(kind)) => {
                // `slice.control`: the kind picks among several declarations of one name.
                let (second, after) = rest.split_first().unwrap_or((first, &[]));
                rest = after;
                let of_kind = |symbol: &Symbol| self.is_kind(symbol, &[kind.kind]);
                (second, self.symbols(&second.name.text, scope).into_iter().filter(of_kind).collect())
            }
            _ => (first, Vec::new()),
        };
        let mut segment = head;
        let mut previous: Option<SmolStr> = None;
        loop {
            if symbols.is_empty() {
                return Err(self.unknown(segment, previous.as_deref(), path, scope));
            }
            let mut candidates: Vec<Vec<Target>> = Vec::new();
            for symbol in &symbols {
                candidates.push(self.targets(symbol, segment, scope)?);
            }
            let targets = self.choose(candidates, segment, scope, rest, &fits)?;
            let modules: Vec<ModuleId> = targets
                .iter()
                .filter_map(|target| match target {
                    Target::Module(module) => Some(*module),
                    _ => None,
                })
                .collect();
            if modules.iter().any(|module| self.module(*module).failed) {
                return Err(already_said());
            }
            let Some((next, after)) = rest.split_first().filter(|_| modules.len() == targets.len()) else {
                return Ok(Found { targets, rest });
            };
            if modules.len() > 1 {
                return self.through_all(&modules, rest, path, scope);
            }
            previous = Some(segment.name.text.clone());
            symbols = self.module(modules[0]).names.get(&next.name.text).cloned().unwrap_or_default();
            segment = next;
            rest = after;
        }
    }

    /// `press.plc`: the same path in each of the instances.
    fn through_all(
        &self,
        modules: &[ModuleId],
        rest: &'a [Segment],
        path: &'a Path,
        scope: Scope,
    ) -> Result<Found<'a>, Box<Diagnostic>> {
        let mut all = Vec::new();
        let mut left = rest;
        for module in modules {
            let mut module = *module;
            left = rest;
            loop {
                let Some((segment, after)) = left.split_first() else {
                    all.push(Target::Module(module));
                    break;
                };
                let symbols = self.module(module).names.get(&segment.name.text).cloned().unwrap_or_default();
                let Some(symbol) = symbols.first() else {
                    return Err(self.unknown(segment, None, path, scope));
                };
                let targets = self.targets(symbol, segment, scope)?;
                left = after;
                match targets.as_slice() {
                    [Target::Module(inner)] => module = *inner,
                    _ => {
                        all.extend(targets);
                        break;
                    }
                }
            }
        }
        Ok(Found { targets: all, rest: left })
    }

    fn targets(
        &self,
        symbol: &Symbol,
        segment: &'a Segment,
        scope: Scope,
    ) -> Result<Vec<Target>, Box<Diagnostic>> {
        let index = match &segment.index {
            Some(index) if matches!(index.kind, ExprKind::Range(..)) => {
                let name = &segment.name.text;
                return Err(Box::new(
                    Diagnostic::new(&codes::E0213, "brackets name one element of an array")
                        .primary(scope.file, index.span, "several")
                        .help(format!("name each, `{name}[1] | {name}[2]`, or all of it, `{name}`")),
                ));
            }
            Some(index) => Some((self.integer(index, scope)?, index.span)),
            None => None,
        };
        let no_element = |message: String| {
            let span = index.map_or(segment.name.span, |(_, span)| span);
            Box::new(
                Diagnostic::new(&codes::E0213, message)
                    .primary(scope.file, span, "no such element")
                    .help("elements count from 1; without `[…]` all of an array is meant"),
            )
        };
        let element = |count: Option<u32>, index: u64| {
            let count =
                count.ok_or_else(|| no_element(format!("`{}` is not an array", segment.name.text)))?;
            u32::try_from(index).ok().filter(|index| (1..=count).contains(index)).ok_or_else(|| {
                no_element(format!("`{}` has elements 1 to {count}, not {index}", segment.name.text))
            })
        };
        if let (Some(arguments), false) = (&segment.arguments, matches!(symbol, Symbol::Template(_))) {
            let name = &segment.name.text;
            let protocol = matches!(symbol, Symbol::Entity(id) if self.entity(*id).kind == Kind::Protocol);
            let help =
                match arguments.first().and_then(|first| Some((first, first.value.as_ref()?.as_word()?))) {
                    Some((first, word)) if protocol && first.name.is_none() => {
                        format!("an operation is written `{name}.{}`", word.text)
                    }
                    _ if protocol => "attributes of a flow stand in braces: `{ limit = 20/s }`".into(),
                    _ => "remove the parentheses".into(),
                };
            let span = arguments.iter().map(|argument| argument.span).reduce(Span::to);
            return Err(Box::new(
                Diagnostic::new(&codes::E0304, format!("`{name}` takes no arguments"))
                    .primary(scope.file, span.unwrap_or(segment.name.span), "not here")
                    .help(help),
            ));
        }
        Ok(match symbol {
            Symbol::Entity(id) => match index {
                Some((index, _)) => {
                    vec![Target::Entity(*id, Some(element(self.entity(*id).elements, index)?))]
                }
                None => vec![Target::Entity(*id, None)],
            },
            Symbol::Modules(modules) => match index {
                Some((index, _)) => {
                    let number = element(Some(modules.len() as u32), index)?;
                    vec![Target::Module(modules[number as usize - 1])]
                }
                None => modules.iter().copied().map(Target::Module).collect(),
            },
            Symbol::Module(_) | Symbol::Template(_) if index.is_some() => {
                return Err(no_element(format!("`{}` is not an array", segment.name.text)));
            }
            Symbol::Module(module) => vec![Target::Module(*module)],
            Symbol::Template(template) => vec![Target::Template(*template)],
        })
    }

    /// Among several declarations of one name, the one that fits where the path stands.
    fn choose(
        &self,
        mut candidates: Vec<Vec<Target>>,
        segment: &Segment,
        scope: Scope,
        rest: &[Segment],
        fits: &impl Fn(&[Target]) -> bool,
    ) -> Result<Vec<Target>, Box<Diagnostic>> {
        if candidates.len() > 1 {
            let fitting: Vec<Vec<Target>> = candidates
                .iter()
                .filter(|targets| {
                    fits(targets) && rest.first().is_none_or(|next| self.goes_on(targets, next))
                })
                .cloned()
                .collect();
            if fitting.len() != 1 {
                let mut several = Diagnostic::new(
                    &codes::E0204,
                    format!("`{}` means several things here", segment.name.text),
                )
                .primary(scope.file, segment.name.span, "which one is meant?");
                let mut kinds = Vec::new();
                for target in candidates.iter().flatten() {
                    if let Target::Entity(id, _) = target {
                        let (file, span) = self.name_span(*id);
                        let keyword = schema::of(self.entity(*id).kind).keyword;
                        several = several.secondary(file, span, format!("a {keyword}"));
                        kinds.push(format!("`{keyword}.{}`", segment.name.text));
                    }
                }
                return Err(Box::new(several.help(format!("write {}", kinds.join(" or ")))));
            }
            candidates = fitting;
        }
        Ok(candidates.pop().unwrap_or_default())
    }

    /// Whether the next segment can be an attribute of, or a name in, these.
    fn goes_on(&self, targets: &[Target], next: &Segment) -> bool {
        targets.iter().any(|target| match target {
            Target::Entity(id, _) => {
                let counts = matches!(
                    self.entity(*id).kind,
                    Kind::Network | Kind::Slice | Kind::Cluster | Kind::External
                );
                self.attribute(*id, &next.name.text).is_some() || (counts && next.arguments.is_some())
            }
            Target::Module(module) => self.module(*module).names.contains_key(&next.name.text),
            Target::Template(_) => false,
        })
    }

    fn is_kind(&self, symbol: &Symbol, kinds: &[Kind]) -> bool {
        matches!(symbol, Symbol::Entity(id) if kinds.contains(&self.entity(*id).kind))
    }

    /// What a bare name means in a scope: the template instance's own names, what the file uses, its module, the modules
    /// around it, then what is predeclared.
    pub(crate) fn symbols(&self, name: &str, scope: Scope) -> Vec<Symbol> {
        let mut module = scope.module;
        loop {
            let current = self.module(module);
            if current.instance.is_none() {
                break;
            }
            if let Some(symbols) = current.names.get(name) {
                return symbols.clone();
            }
            match current.parameters.get(name) {
                Some(super::Value::Entity(id, _)) => return vec![Symbol::Entity(*id)],
                Some(super::Value::Expression(expr, outer)) => {
                    if let weir_syntax::ast::ExprKind::Path(path) = &expr.kind
                        && let Ok(found) = self.find(path, *outer, |_| true)
                    {
                        return found.targets.iter().map(symbol_of).collect();
                    }
                    return Vec::new();
                }
                _ => {}
            }
            let Some(outer) = current.outer else { return Vec::new() };
            module = outer;
        }
        if let Some(symbols) = self.imported(name, scope.file) {
            return symbols;
        }
        let mut around = Some(module);
        while let Some(id) = around {
            let current = self.module(id);
            if let Some(symbols) = current.names.get(name) {
                return symbols.clone();
            }
            around = current.outer;
        }
        match (name, self.internet) {
            ("internet", Some(internet)) => vec![Symbol::Entity(internet)],
            ("std", _) => vec![Symbol::Module(self.standard)],
            _ => Vec::new(),
        }
    }

    fn imported(&self, name: &str, file: FileId) -> Option<Vec<Symbol>> {
        let import = self.imports.get(&file)?.get(name)?;
        self.import_target(&import.path, file)
    }

    /// What the path of a `use` names: from `std`, or from the file's module outwards.
    pub(super) fn import_target(&self, path: &[weir_syntax::ast::Name], file: FileId) -> Option<Vec<Symbol>> {
        let (first, rest) = path.split_first()?;
        let mut symbols = if first.text == "std" {
            vec![Symbol::Module(self.standard)]
        } else {
            let mut around = self.module_of(file);
            let mut found = Vec::new();
            while let Some(id) = around {
                let current = self.module(id);
                if let Some(symbols) = current.names.get(&first.text) {
                    found.clone_from(symbols);
                    break;
                }
                around = current.outer;
            }
            found
        };
        for name in rest {
            let [Symbol::Module(module)] = symbols.as_slice() else { return None };
            let inner = self.module(*module).names.get(&name.text)?.clone();
            symbols = inner;
        }
        (!symbols.is_empty()).then_some(symbols)
    }

    fn unknown_path(&self, path: &Path, scope: Scope) -> Box<Diagnostic> {
        Box::new(
            Diagnostic::new(&codes::E0202, "an empty path")
                .primary(scope.file, path.span, "names nothing")
                .help("write a declared name"),
        )
    }

    fn unknown(&self, segment: &Segment, inside: Option<&str>, path: &Path, scope: Scope) -> Box<Diagnostic> {
        let name = &segment.name.text;
        let message = match inside {
            Some(module) => format!("`{name}` is not declared in `{module}`"),
            None => format!("`{name}` is not declared"),
        };
        let mut unknown =
            Diagnostic::new(&codes::E0202, message).primary(scope.file, segment.name.span, "not found");
        let module_names: Vec<SmolStr> = match inside {
            Some(_) => path.segments.first().map_or(Vec::new(), |first| {
                self.symbols(&first.name.text, scope)
                    .iter()
                    .filter_map(|symbol| match symbol {
                        Symbol::Module(module) => Some(*module),
                        Symbol::Modules(modules) => modules.first().copied(),
                        _ => None,
                    })
                    .flat_map(|module| self.module(module).names.keys().cloned())
                    .collect()
            }),
            None => self.visible(scope),
        };
        if inside.is_none() && self.imports.get(&scope.file).is_some_and(|names| names.contains_key(name)) {
            return already_said(); // a `use` that brings in nothing
        }
        let mut sorted: Vec<&str> = module_names.iter().map(SmolStr::as_str).collect();
        sorted.sort_unstable();
        let span = segment.name.span;
        let standard = self.in_standard_library(name).filter(|_| inside.is_none());
        if let Some(module) = standard {
            let line = format!("use {module}.{name}");
            unknown = unknown.help(format!("add `{line}` at the top of the file"));
            if let Some((place, before, behind)) = self.use_place(scope.file) {
                let text = format!("{before}{line}{behind}");
                unknown = unknown.fix(format!("{ADD_USE}{module}.{name}`"), scope.file, place, text);
            }
            return Box::new(unknown);
        }
        let foreign = match name.as_str() {
            "any" | "all" => Some(
                "as source or destination name zones, networks or groups, joined by `|`; `any` is a service",
            ),
            "tcp" | "udp" | "sctp" => {
                Some("a transport is written with its port: `tcp/8443`, `udp/5000..5010`")
            }
            "host" | "subnet" if segment.arguments.is_some() => {
                Some("addresses are counted in a network: `some_network.host(16)`")
            }
            "L0" | "L1" | "L2" | "L3" | "L4" | "L5" => {
                Some("levels of the Purdue model are numbers: `purdue = 1`")
            }
            "yes" | "no" | "True" | "False" | "TRUE" | "FALSE" => Some("a boolean is `true` or `false`"),
            _ => None,
        };
        unknown = match foreign {
            None if matches!(name.as_str(), "i" | "n" | "idx") => unknown
                .help("the number of an array's element is `index`")
                .fix("write `index`", scope.file, span, "index"),
            Some(help) => unknown.help(help),
            None => unknown.did_you_mean(name, scope.file, span, sorted),
        };
        Box::new(unknown.help_otherwise(|| "declare it, or bring it in with `use`".into()))
    }

    /// The module of `std` that declares this name.
    pub(crate) fn in_standard_library(&self, name: &str) -> Option<&str> {
        let inner = &self.module(self.standard).inner;
        inner
            .iter()
            .map(|module| self.module(*module))
            .find(|module| module.names.contains_key(name))
            .map(|m| m.path.as_str())
    }

    /// All names that a bare word could be.
    fn visible(&self, scope: Scope) -> Vec<SmolStr> {
        let mut names: Vec<SmolStr> = Vec::new();
        let mut around = Some(scope.module);
        while let Some(id) = around {
            let current = self.module(id);
            names.extend(current.names.keys().cloned());
            names.extend(current.parameters.keys().cloned());
            around = current.outer;
        }
        if let Some(imports) = self.imports.get(&scope.file) {
            names.extend(imports.keys().cloned());
        }
        names.push("internet".into());
        names
    }
}

fn symbol_of(target: &Target) -> Symbol {
    match target {
        Target::Entity(id, _) => Symbol::Entity(*id),
        Target::Module(module) => Symbol::Modules(Arc::from([*module])),
        Target::Template(template) => Symbol::Template(*template),
    }
}

//! From files to the universe: modules by folder, declarations into them, templates into modules of their own.

use std::{collections::VecDeque, sync::Arc};

use rustc_hash::FxHashMap;
use smol_str::SmolStr;
use weir_syntax::{
    Diagnostic, FileId, Span,
    ast::{Argument, Declaration, Effect, Entry, ExprKind, File, Item, ItemKind, Parameter},
    diagnostic::codes,
};

use super::{
    Entity, EntityId, FlowStatement, Kind, Module, ModuleId, Scope, Symbol, Target, Universe, Value, schema,
    universe::{Assertion, TemplateDeclaration},
    values::wrong,
};
use crate::package::Source;

/// Elements of one array, at most.
const MOST_ELEMENTS: u64 = 1_000_000;
/// Declarations of one package, at most: each element of an array and each statement counts for one.
const MOST_DECLARATIONS: u64 = 4_000_000;
/// An instance costs as much as so many declarations, even an empty one.
const INSTANCE: u64 = 4;

struct Pending<'a> {
    declaration: &'a Declaration,
    module: ModuleId,
    file: FileId,
    /// The templates that led here, outermost first.
    chain: Vec<u32>,
}

/// Declares everything. `files` are the package's and the standard library's, with their trees; the manifest's is empty.
pub fn expand<'a>(files: &'a [(Source, &'a File)], internet: Option<&'a Declaration>) -> Universe<'a> {
    let mut universe = Universe::default();
    universe.modules.push(Module::default());
    universe.standard = ModuleId(1);
    universe.modules.push(Module { path: "std".into(), ..Module::default() });
    let mut folders: FxHashMap<String, ModuleId> = FxHashMap::default();
    folders.insert(String::new(), universe.root);
    folders.insert("std".into(), universe.standard);
    let mut pending = VecDeque::new();
    for (index, (source, tree)) in files.iter().enumerate() {
        let file = FileId(index as u32);
        let module = universe.folder(&source.module(), &mut folders);
        universe.file_modules.insert(file, module);
        if !source.is_standard() {
            universe.use_places.insert(file, place_of_use(&source.text, tree));
        }
        universe.declare_all(&tree.items, module, file, &[], &mut pending);
    }
    if let Some(declaration) = internet {
        universe.internet = Some(EntityId(universe.entities.len() as u32));
        universe.entities.push(Entity {
            kind: Kind::External,
            module: universe.root,
            file: FileId(0),
            declaration,
            documentation: "What lies outside of everything that the package declares.",
            elements: None,
        });
    }
    if universe.size > MOST_DECLARATIONS {
        return universe; // what was not declared is not missing
    }
    universe.check_imports(files);
    while let Some(next) = pending.pop_front() {
        if universe.size > MOST_DECLARATIONS {
            break;
        }
        universe.instantiate(&next, &mut pending);
    }
    universe
}

/// Behind the last `use`, or before the first line that says something.
fn place_of_use(text: &str, tree: &File) -> (Span, &'static str, &'static str) {
    let last = tree.items.iter().rev().find(|item| matches!(item.kind, ItemKind::Use(_)));
    if let Some(last) = last {
        return (Span::new(last.span.end, last.span.end), "\n", "");
    }
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        if !(line.trim().is_empty() || line.trim_start().starts_with("//!")) {
            break;
        }
        at += line.len() as u32;
    }
    (Span::new(at, at), "", "\n\n")
}

impl<'a> Universe<'a> {
    fn folder(&mut self, path: &str, folders: &mut FxHashMap<String, ModuleId>) -> ModuleId {
        if let Some(module) = folders.get(path) {
            return *module;
        }
        let (outer_path, name) = path.rsplit_once('.').unwrap_or(("", path));
        let outer = self.folder(outer_path, folders);
        let module = ModuleId(self.modules.len() as u32);
        self.modules.push(Module { path: path.into(), outer: Some(outer), ..Module::default() });
        self.modules[outer.0 as usize].inner.push(module);
        self.modules[outer.0 as usize].names.entry(name.into()).or_default().push(Symbol::Module(module));
        folders.insert(path.into(), module);
        module
    }

    /// Counts what is about to be declared. Reports once that it is too much; then nothing more is declared.
    fn grow(&mut self, by: u64, file: FileId, span: Span) -> bool {
        let fitted = self.size <= MOST_DECLARATIONS;
        self.size = self.size.saturating_add(by);
        let fits = self.size <= MOST_DECLARATIONS;
        if fitted && !fits {
            self.diagnostics.push(
                Diagnostic::new(
                    &codes::E0215,
                    format!("the package expands to more than {MOST_DECLARATIONS} declarations"),
                )
                .primary(file, span, "while expanding this")
                .help("use fewer instances and smaller arrays"),
            );
        }
        fits
    }

    fn declare_all(
        &mut self,
        items: &'a [Item],
        module: ModuleId,
        file: FileId,
        chain: &[u32],
        pending: &mut VecDeque<Pending<'a>>,
    ) {
        for item in items {
            match &item.kind {
                ItemKind::Use(uses) => self.import(&uses.imports, file),
                ItemKind::Declaration(declaration) => {
                    self.declare(declaration, item, module, file, chain, pending);
                }
                ItemKind::Template(template) => {
                    let id = self.templates.len() as u32;
                    self.templates.push(TemplateDeclaration { template, module, file });
                    self.name(&template.name.text, template.name.span, Symbol::Template(id), module, file);
                }
                ItemKind::Flow(_) | ItemKind::Assertion(_) if !self.grow(1, file, item.span) => return,
                ItemKind::Flow(flow) => self.flows.push(FlowStatement {
                    flow,
                    span: item.span,
                    documentation: &item.documentation,
                    scope: Scope { module, file, index: None },
                    block: None,
                }),
                ItemKind::Assertion(assertion) => self.assertions.push(Assertion {
                    assertion,
                    span: item.span,
                    scope: Scope { module, file, index: None },
                }),
                ItemKind::Error => {}
            }
        }
    }

    fn import(&mut self, imports: &'a [weir_syntax::ast::Import], file: FileId) {
        for import in imports {
            let Some(local) = import.local() else { continue };
            let names = self.imports.entry(file).or_default();
            if let Some(earlier) = names.get(&local.text).and_then(|import| import.local()) {
                let span = earlier.span;
                self.diagnostics.push(
                    Diagnostic::new(&codes::E0201, format!("`{}` is brought in twice", local.text))
                        .primary(file, local.span, "again here")
                        .secondary(file, span, "first here")
                        .help("remove one, or rename it with `as`"),
                );
            } else {
                names.insert(local.text.clone(), import);
            }
        }
    }

    /// Every `use` names something, and nothing that the file's own module declares too.
    fn check_imports(&mut self, files: &[(Source, &File)]) {
        let mut found = Vec::new();
        for (index, (_, tree)) in files.iter().enumerate() {
            let file = FileId(index as u32);
            let uses = tree.items.iter().filter_map(|item| match &item.kind {
                ItemKind::Use(uses) => Some(uses),
                _ => None,
            });
            for uses in uses {
                let missing: Vec<&weir_syntax::ast::Import> = uses
                    .imports
                    .iter()
                    .filter(|import| self.import_target(&import.path, file).is_none())
                    .collect();
                found.extend(self.missing_imports(&missing, file));
                for local in uses.imports.iter().filter_map(weir_syntax::ast::Import::local) {
                    let own =
                        self.module_of(file).and_then(|module| self.module(module).names.get(&local.text));
                    if let Some(Symbol::Entity(id)) = own.and_then(|symbols| symbols.first()) {
                        let (other, span) = self.name_span(*id);
                        found.push(
                            Diagnostic::new(
                                &codes::E0201,
                                format!("`{}` is declared here and brought in too", local.text),
                            )
                            .primary(file, local.span, "brought in")
                            .secondary(other, span, "declared")
                            .help(format!("rename one: `use … {} as other_name`", local.text)),
                        );
                    }
                }
            }
        }
        self.diagnostics.extend(found);
    }

    /// What one `use` names that is not there: one diagnostic for each reason.
    fn missing_imports(&self, missing: &[&weir_syntax::ast::Import], file: FileId) -> Vec<Diagnostic> {
        let mut found: Vec<Diagnostic> = Vec::new();
        for import in missing {
            let written = |path: &[weir_syntax::ast::Name]| {
                path.iter().map(|name| name.text.as_str()).collect::<Vec<_>>().join(".")
            };
            // the first part of the path that leads nowhere
            let known = (1..import.path.len())
                .take_while(|length| self.import_target(&import.path[..*length], file).is_some())
                .count();
            let Some(wrong) = import.path.get(known) else { continue };
            if found.iter().any(|earlier| earlier.position().1 == wrong.span) {
                continue; // `use sdt.it.{https, ntp}`: the module is wrong, not each name
            }
            let outer = self.import_target(&import.path[..known], file);
            let mut names: Vec<&str> = match outer.as_deref() {
                Some([Symbol::Module(module)]) => {
                    self.module(*module).names.keys().map(SmolStr::as_str).collect()
                }
                Some(_) => Vec::new(),
                None => self
                    .module_of(file)
                    .into_iter()
                    .flat_map(|module| self.module(module).names.keys().map(SmolStr::as_str))
                    .chain(["std"])
                    .collect(),
            };
            names.sort_unstable();
            let is_last = known + 1 == import.path.len();
            let elsewhere = self.in_standard_library(&wrong.text).filter(|_| is_last && known > 0);
            let path = written(&import.path[..=known]);
            let mut nothing = Diagnostic::new(&codes::E0205, format!("`{path}` names nothing"));
            nothing = match (&elsewhere, import.path[..known].last()) {
                (Some(module), Some(last)) => {
                    let module = (*module).to_owned();
                    let start = format!("use `{module}`");
                    let same = found
                        .iter_mut()
                        .find(|one| one.help.as_ref().is_some_and(|help| help.starts_with(&start)));
                    if let Some(same) = same {
                        let names = same.help.clone().unwrap_or_default();
                        let more = same.clone().secondary(file, wrong.span, "nor this");
                        *same = more.help(format!("{names}, `{}`", wrong.text));
                        continue;
                    }
                    let whole = import.path[0].span.to(last.span);
                    let alone = missing.len() == 1
                        || missing.iter().all(|other| {
                            other.path.last().and_then(|name| self.in_standard_library(&name.text))
                                == Some(&module)
                        });
                    let nothing = nothing
                        .primary(file, wrong.span, "not declared there")
                        .help(format!("use `{module}` for `{}`", wrong.text));
                    if alone {
                        nothing.fix(format!("write `{module}`"), file, whole, module)
                    } else {
                        nothing
                    }
                }
                _ => nothing
                    .primary(file, wrong.span, "not declared there")
                    .did_you_mean(&wrong.text, file, wrong.span, names)
                    .help_otherwise(|| {
                        "a path of `use` starts with `std` or with a module of this package".into()
                    }),
            };
            found.push(nothing);
        }
        found
    }

    fn declare(
        &mut self,
        declaration: &'a Declaration,
        item: &'a Item,
        module: ModuleId,
        file: FileId,
        chain: &[u32],
        pending: &mut VecDeque<Pending<'a>>,
    ) {
        let Some(schema) = schema::by_keyword(&declaration.keyword.text) else { return };
        if schema.kind == Kind::Instance {
            pending.push_back(Pending { declaration, module, file, chain: chain.to_vec() });
            return;
        }
        let scope = Scope { module, file, index: None };
        let elements = match &declaration.array {
            Some(array) if schema.head.array => match self.elements(array, scope) {
                Ok(count) => Some(count),
                Err(diagnostic) => {
                    self.diagnostics.push(*diagnostic);
                    Some(1)
                }
            },
            _ => None,
        };
        if !self.grow(elements.unwrap_or(1).into(), file, declaration.name.span) {
            return;
        }
        let id = EntityId(self.entities.len() as u32);
        self.entities.push(Entity {
            kind: schema.kind,
            module,
            file,
            declaration,
            documentation: &item.documentation,
            elements,
        });
        if !self.name(&declaration.name.text, declaration.name.span, Symbol::Entity(id), module, file) {
            self.entities.pop(); // said to be there twice: what follows from the copy is no mistake of its own
            return;
        }
        self.modules[module.0 as usize].entities.push(id);
        if schema.flows {
            for entry in declaration.body.iter().flat_map(|body| &body.entries) {
                if let Entry::Flow(Item { kind: ItemKind::Flow(flow), span, documentation }) = entry {
                    if !self.grow(1, file, *span) {
                        return;
                    }
                    self.flows.push(FlowStatement {
                        flow,
                        span: *span,
                        documentation,
                        scope,
                        block: Some(id),
                    });
                }
            }
        }
    }

    /// The number of elements of `[1..n]`.
    fn elements(&self, array: &'a weir_syntax::ast::Expr, scope: Scope) -> Result<u32, Box<Diagnostic>> {
        let file = scope.file;
        let wrong_array = |message: String| {
            Box::new(
                Diagnostic::new(&codes::E0303, message)
                    .primary(scope.file, array.span, "not an array's range")
                    .help("write `[1..8]` for eight elements"),
            )
        };
        let ExprKind::Range(from, to) = &array.kind else {
            let wrong = wrong_array("an array is declared by its first and last number".into());
            let last = match &array.kind {
                ExprKind::Integer(last) => Some(*last),
                ExprKind::Sum(_, rest) => match rest.as_slice() {
                    [
                        (
                            weir_syntax::ast::Sign::Minus,
                            weir_syntax::ast::Expr { kind: ExprKind::Integer(last), .. },
                        ),
                    ] => Some(*last),
                    _ => None,
                },
                _ => None,
            };
            return Err(match last {
                Some(last) => Box::new(wrong.help(format!("write `[1..{last}]`")).fix(
                    "write a range",
                    file,
                    array.span,
                    format!("1..{last}"),
                )),
                None => wrong,
            });
        };
        let (first, last) = (self.integer(from, scope)?, self.integer(to, scope)?);
        if first != 1 {
            return Err(wrong_array(format!("arrays count from 1, not from {first}")));
        }
        if last == 0 || last > MOST_ELEMENTS {
            return Err(wrong_array(format!("an array has 1 to {MOST_ELEMENTS} elements, not {last}")));
        }
        Ok(last as u32)
    }

    /// Puts a name into a module. Two declarations may share one only where their kinds are told apart by where they
    /// stand: a slice and the zone of its devices.
    fn name(&mut self, name: &SmolStr, span: Span, symbol: Symbol, module: ModuleId, file: FileId) -> bool {
        let kind_of = |universe: &Self, symbol: &Symbol| match symbol {
            Symbol::Entity(id) => Some(universe.entity(*id).kind),
            _ => None,
        };
        let kind = kind_of(self, &symbol);
        let symbols = self.modules[module.0 as usize].names.get(name);
        let clash = symbols.into_iter().flatten().find(|other| {
            let kinds = [kind, kind_of(self, other)];
            !(kinds.contains(&Some(Kind::Zone)) && kinds.contains(&Some(Kind::Slice)))
        });
        if let Some(other) = clash {
            let earlier = match other {
                Symbol::Entity(id) => Some(self.name_span(*id)),
                Symbol::Template(id) => {
                    let template = &self.templates[*id as usize];
                    Some((template.file, template.template.name.span))
                }
                _ => None,
            };
            let mut twice = Diagnostic::new(&codes::E0201, format!("`{name}` is declared twice"))
                .primary(file, span, "declared again here")
                .help("rename one of them; all files of a folder share one namespace");
            if let Some((file, span)) = earlier {
                twice = twice.secondary(file, span, "first declared here");
            } else {
                twice = twice.note(format!("`{name}` is also a module: a folder or an instance"));
            }
            self.diagnostics.push(twice);
            return false;
        }
        self.modules[module.0 as usize].names.entry(name.clone()).or_default().push(symbol);
        true
    }

    fn instantiate(&mut self, instance: &Pending<'a>, pending: &mut VecDeque<Pending<'a>>) {
        if let Err(diagnostic) = self.try_instantiate(instance, pending) {
            self.diagnostics.push(*diagnostic);
            // the name stays known, so that its uses are not mistakes too
            let id = ModuleId(self.modules.len() as u32);
            self.modules.push(Module { failed: true, ..Module::default() });
            let Pending { declaration, module, file, .. } = instance;
            self.name(
                &declaration.name.text,
                declaration.name.span,
                Symbol::Modules(Arc::from([id])),
                *module,
                *file,
            );
        }
    }

    fn try_instantiate(
        &mut self,
        instance: &Pending<'a>,
        pending: &mut VecDeque<Pending<'a>>,
    ) -> Result<(), Box<Diagnostic>> {
        let Pending { declaration, module, file, chain } = instance;
        let (module, file) = (*module, *file);
        let scope = Scope { module, file, index: None };
        let mismatch = |span: Span, message: String, label: &str| {
            Box::new(
                Diagnostic::new(&codes::E0214, message)
                    .primary(file, span, label)
                    .help("write `instance press[1..40] : press_cell(number = index)`"),
            )
        };
        let Some(class) = &declaration.class else {
            return Err(mismatch(
                declaration.name.span,
                "an instance names its template".into(),
                "of which template?",
            ));
        };
        let ExprKind::Path(path) = &class.kind else {
            return Err(mismatch(class.span, "an instance names its template".into(), "not a template"));
        };
        let found = self.find(path, scope, |targets| matches!(targets, [Target::Template(_)]))?;
        let [Target::Template(id)] = found.targets.as_slice() else {
            return Err(mismatch(class.span, "this is no template".into(), "not a template"));
        };
        let id = *id;
        let TemplateDeclaration { template, module: home, file: home_file } = self.templates[id as usize];
        if chain.contains(&id) {
            return Err(Box::new(
                Diagnostic::new(&codes::E0212, format!("template `{}` contains itself", template.name.text))
                    .primary(file, class.span, "this instance would never end")
                    .secondary(home_file, template.name.span, "the template")
                    .help("a template can hold instances of other templates only"),
            ));
        }
        let arguments: &'a [Argument] =
            path.segments.last().and_then(|segment| segment.arguments.as_deref()).unwrap_or_default();
        let count = match &declaration.array {
            Some(array) => Some(self.elements(array, scope)?),
            None => None,
        };
        let mut chain = chain.clone();
        chain.push(id);
        let mut made = Vec::new();
        for element in 1..=count.unwrap_or(1) {
            if !self.grow(INSTANCE, file, declaration.name.span) {
                return Ok(());
            }
            let index = count.map(|_| element);
            let parameters = self.parameters(
                &template.parameters,
                arguments,
                Scope { index, ..scope },
                class.span,
                home_file,
            )?;
            let outer_path = &self.module(module).path;
            let dot = if outer_path.is_empty() { "" } else { "." };
            let name = &declaration.name.text;
            let path = match index {
                Some(index) => format!("{outer_path}{dot}{name}[{index}]"),
                None => format!("{outer_path}{dot}{name}"),
            };
            let made_id = ModuleId(self.modules.len() as u32);
            self.modules.push(Module {
                path,
                outer: Some(home),
                parameters,
                instance: Some((file, declaration.name.span)),
                ..Module::default()
            });
            self.modules[module.0 as usize].inner.push(made_id);
            made.push(made_id);
        }
        let symbol = match (count, made.as_slice()) {
            (None, [only]) => Symbol::Module(*only),
            _ => Symbol::Modules(Arc::from(made.as_slice())),
        };
        self.name(&declaration.name.text, declaration.name.span, symbol, module, file);
        for module in made {
            if self.size > MOST_DECLARATIONS {
                break;
            }
            self.declare_all(&template.items, module, home_file, &chain, pending);
        }
        Ok(())
    }

    fn parameters(
        &self,
        declared: &'a [Parameter],
        arguments: &'a [Argument],
        scope: Scope,
        span: Span,
        home_file: FileId,
    ) -> Result<FxHashMap<SmolStr, Value<'a>>, Box<Diagnostic>> {
        let mismatch = |span: Span, message: String, help: String| {
            Box::new(
                Diagnostic::new(&codes::E0214, message)
                    .primary(scope.file, span, "does not match")
                    .help(help),
            )
        };
        let mut values: FxHashMap<SmolStr, Value<'a>> = FxHashMap::default();
        for argument in arguments {
            let (Some(name), Some(value), None) = (&argument.name, &argument.value, &argument.selector)
            else {
                return Err(mismatch(
                    argument.span,
                    "arguments of a template have names".into(),
                    "write `name = value` for each".into(),
                ));
            };
            let Some(parameter) = declared.iter().find(|parameter| parameter.name.text == name.text) else {
                let known = declared.iter().map(|parameter| parameter.name.text.as_str());
                let list = format!("its parameters are: {}", known.clone().collect::<Vec<_>>().join(", "));
                let message = format!("the template has no parameter `{}`", name.text);
                let mismatch = mismatch(name.span, message, list);
                return Err(Box::new(mismatch.did_you_mean(&name.text, scope.file, name.span, known)));
            };
            let typed = self.argument_value(parameter, value, scope)?;
            if values.insert(name.text.clone(), typed).is_some() {
                let help = "remove one of the two".into();
                return Err(mismatch(name.span, format!("parameter `{}` is given twice", name.text), help));
            }
        }
        for parameter in declared {
            if values.contains_key(&parameter.name.text) {
                continue;
            }
            let Some(default) = &parameter.default else {
                return Err(mismatch(
                    span,
                    format!("parameter `{}` is missing", parameter.name.text),
                    format!("add `{} = …` ({})", parameter.name.text, parameter.kind.text),
                ));
            };
            let home = Scope { module: self.root, file: home_file, index: None };
            values.insert(parameter.name.text.clone(), self.argument_value(parameter, default, home)?);
        }
        Ok(values)
    }

    /// The value of an argument, of the parameter's type.
    fn argument_value(
        &self,
        parameter: &Parameter,
        expr: &'a weir_syntax::ast::Expr,
        scope: Scope,
    ) -> Result<Value<'a>, Box<Diagnostic>> {
        let value = self.evaluate(expr, scope)?;
        let expected = parameter.kind.text.as_str();
        let fits = match (expected, &value) {
            ("integer", Value::Integer(_))
            | ("text", Value::Text(_))
            | ("boolean", Value::Boolean(_))
            | ("prefix", Value::Prefix(_))
            | ("address", Value::Address(_)) => true,
            (kind, Value::Entity(id, _)) => {
                let found = self.entity(*id).kind;
                schema::by_keyword(kind).is_some_and(|schema| schema.kind == found)
                    || (kind == "group" && !matches!(found, Kind::Protocol | Kind::Policy | Kind::Conduit))
            }
            ("group", Value::Expression(..)) => true,
            _ => false,
        };
        if fits {
            Ok(value)
        } else {
            Err(wrong(scope.file, expr.span, &format!("a value of type `{expected}`"), &value))
        }
    }
}

/// Types of template parameters besides the kinds of declaration.
pub(super) const PARAMETER_TYPES: &[&str] = &["integer", "text", "boolean", "prefix", "address"];

impl FlowStatement<'_> {
    pub fn is_allow(&self) -> bool {
        self.flow.effect == Effect::Allow
    }
}

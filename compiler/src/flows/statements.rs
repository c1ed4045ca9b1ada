//! `allow` and `deny` lines with their sets, services and conditions resolved.

use rustc_hash::{FxHashMap, FxHashSet};
use sha2::{Digest, Sha256};
use smol_str::{SmolStr, format_smolstr};
use weir_syntax::{
    Diagnostic, FileId, Span,
    ast::{self, Effect},
    diagnostic::codes,
    lexer,
};

use crate::{
    model::{Assurance, Model, PrincipalKind, PrincipalSet, Service, Sets, Typed, fiveg::FlowQuality},
    names::{EntityId, FlowStatement, Kind, Universe, schema},
    package::Sources,
    plan::{Limit, Ranges},
};

/// What a flow's block says.
#[derive(Clone, Debug, Default)]
pub struct Conditions {
    pub limit: Option<Limit>,
    pub log: bool,
    pub audit: bool,
    pub until: Option<i64>,
    pub via: Option<EntityId>,
    pub requires: Assurance,
    /// 5G quality of service.
    pub quality: Option<FlowQuality>,
}

#[derive(Clone, Debug)]
pub struct Statement {
    /// Stable under reordering: the policy's path and a hash of the statement's text.
    pub id: SmolStr,
    pub policy: SmolStr,
    pub effect: Effect,
    pub sources: PrincipalSet,
    pub destinations: PrincipalSet,
    pub services: Vec<Service>,
    pub conditions: Conditions,
    pub is_exception: bool,
    pub file: FileId,
    pub span: Span,
    pub source_span: Span,
    pub destination_span: Span,
    pub service_span: Span,
    pub text: SmolStr,
    pub documentation: SmolStr,
}

/// A permission that is not in force yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pending {
    /// Seconds since 1970.
    pub from: i64,
    pub until: Option<i64>,
    pub policy: SmolStr,
    pub text: SmolStr,
    pub file: FileId,
    pub span: Span,
}

/// What the lines of a package say at some time.
#[derive(Clone, Debug, Default)]
pub struct Statements {
    pub list: Vec<Statement>,
    /// Left out of the list, the next one first.
    pub pending: Vec<Pending>,
}

/// Resolves every statement; exceptions that have ended or not begun at `now` are left out and said.
pub fn statements<'a>(
    sources: &Sources,
    universe: &Universe<'a>,
    model: &Model,
    sets: &mut Sets<'_, 'a>,
    now: i64,
    diagnostics: &mut Vec<Diagnostic>,
) -> Statements {
    statements_of(&universe.flows, sources, universe, model, sets, now, diagnostics)
}

/// The same of some flows.
pub fn statements_of<'a>(
    flows: &[FlowStatement<'a>],
    sources: &Sources,
    universe: &Universe<'a>,
    model: &Model,
    sets: &mut Sets<'_, 'a>,
    now: i64,
    diagnostics: &mut Vec<Diagnostic>,
) -> Statements {
    let mut reader = Reader {
        sources,
        universe,
        model,
        roles: model.principals_where(|principal| principal.kind == PrincipalKind::Role),
        now,
        blocks: FxHashMap::default(),
        pending: Vec::new(),
    };
    let mut ids: FxHashSet<SmolStr> = FxHashSet::default();
    let mut all: Vec<Statement> = Vec::with_capacity(flows.len());
    for flow in flows {
        let mut found = Vec::new();
        for mut statement in reader.statement(flow, sets, &mut found) {
            let mut number = 2;
            let id = statement.id.clone();
            if ids.contains(&id) && !flow.flow.both {
                found.push(
                    Diagnostic::new(&codes::W0506, "this rule is in its policy already")
                        .primary(statement.file, statement.span, "said again")
                        .help("remove one of the two"),
                );
            }
            while !ids.insert(statement.id.clone()) {
                statement.id = format_smolstr!("{id}-{number}");
                number += 1;
            }
            all.push(statement);
        }
        diagnostics.append(&mut found);
    }
    let mut pending = reader.pending;
    pending.sort_by_key(|one| (one.from, one.file, one.span.start));
    Statements { list: all, pending }
}

/// A policy's or exception's attributes.
#[derive(Clone, Debug, Default)]
struct BlockConditions {
    path: SmolStr,
    log: bool,
    audit: bool,
    from: Option<i64>,
    until: Option<i64>,
    is_exception: bool,
}

struct Reader<'r, 'a> {
    sources: &'r Sources,
    universe: &'r Universe<'a>,
    model: &'r Model,
    roles: Ranges<u32>,
    now: i64,
    blocks: FxHashMap<EntityId, BlockConditions>,
    pending: Vec<Pending>,
}

impl<'a> Reader<'_, 'a> {
    fn statement(
        &mut self,
        flow: &FlowStatement<'a>,
        sets: &mut Sets<'_, 'a>,
        diagnostics: &mut Vec<Diagnostic>,
    ) -> Vec<Statement> {
        let block = flow.block.map(|id| self.block(id)).unwrap_or_default();
        let ast = flow.flow;
        let file = flow.scope.file;
        if block.is_exception && ast.effect == Effect::Deny {
            diagnostics.push(
                Diagnostic::new(&codes::E0512, "an exception only permits")
                    .primary(file, flow.span, "a `deny` with an end")
                    .help("put the `deny` into a policy"),
            );
            return Vec::new();
        }
        let mut conditions = self.conditions(flow, &block, diagnostics);
        let mut set = |expr: &'a ast::Expr, sets: &mut Sets<'_, 'a>| match sets.evaluate(expr, flow.scope) {
            Ok(set) => {
                if set.is_empty() {
                    diagnostics.push(
                        Diagnostic::new(&codes::E0507, "this set is empty")
                            .primary(file, expr.span, "no principal is in it")
                            .help("a rule about nobody says nothing: name somebody, or remove the rule"),
                    );
                    return None;
                }
                Some(set)
            }
            Err(diagnostic) => {
                diagnostics.push(*diagnostic);
                None
            }
        };
        let sources = set(&ast.source, sets);
        let destinations = set(&ast.destination, sets);
        let services = self.model.protocols.services(self.universe, &ast.service, flow.scope);
        let services = services.map_err(|diagnostic| diagnostics.push(*diagnostic)).ok();
        let (Some(sources), Some(destinations), Some(services)) = (sources, destinations, services) else {
            return Vec::new();
        };
        if ast.effect == Effect::Deny {
            conditions = Conditions::default();
        }
        if let (Some(from), Some(until)) = (block.from, conditions.until)
            && from >= until
        {
            diagnostics.push(
                Diagnostic::new(&codes::E0512, "this permission ends before it begins")
                    .primary(file, flow.span, "can never be in force")
                    .help("write a `from` that lies before the `until`"),
            );
            return Vec::new();
        }
        let written = self.sources.file(file).map_or("", |source| flow.span.of(&source.text));
        let words = one_line(written);
        // without commas, the entries of a block run into each other
        let text = if words.contains('{') { weir_syntax::one_line(written).into() } else { words.clone() };
        let policy: SmolStr = match flow.block {
            Some(_) => block.path,
            None => match self.universe.module(flow.scope.module).path.as_str() {
                "" => "package".into(),
                path => path.into(),
            },
        };
        let ended = conditions.until.is_some_and(|until| until <= self.now);
        let not_begun = block.from.is_some_and(|from| from > self.now);
        if ended || not_begun {
            let (code, message, help) = if ended {
                (
                    &codes::W0503,
                    "this permission has ended",
                    "it is in no artifact: remove it, or give it a new `until`",
                )
            } else {
                (
                    &codes::W0507,
                    "this permission has not begun",
                    "it is in no artifact yet: build again after its `from`",
                )
            };
            diagnostics.push(Diagnostic::new(code, message).primary(file, flow.span, "left out").help(help));
            if let Some(from) = block.from.filter(|_| !ended && ast.effect == Effect::Allow) {
                let (until, span) = (conditions.until, flow.span);
                self.pending.push(Pending { from, until, policy, text, file, span });
            }
            return Vec::new();
        }
        let id = |text: &str| {
            let digest = Sha256::digest(text.as_bytes());
            format_smolstr!("{policy}.{:02x}{:02x}{:02x}", digest[0], digest[1], digest[2])
        };
        let statement = Statement {
            id: id(&words),
            policy: policy.clone(),
            effect: ast.effect,
            sources,
            destinations,
            services,
            conditions,
            is_exception: block.is_exception,
            file,
            span: flow.span,
            source_span: ast.source.span,
            destination_span: ast.destination.span,
            service_span: ast.service.span,
            text,
            documentation: flow.documentation.into(),
        };
        let reverse = ast.both.then(|| Statement {
            id: id(&format!("{words} reverse")),
            sources: statement.destinations.clone(),
            destinations: statement.sources.clone(),
            source_span: statement.destination_span,
            destination_span: statement.source_span,
            ..statement.clone()
        });
        let both = [Some(statement), reverse].into_iter().flatten();
        both.filter(|statement| self.sides_fit(statement, diagnostics)).collect()
    }

    /// A role starts flows and never ends one.
    fn sides_fit(&self, statement: &Statement, diagnostics: &mut Vec<Diagnostic>) -> bool {
        if statement.effect == Effect::Deny {
            return true;
        }
        let role = statement.destinations.intersection(&self.roles).members().next();
        if let Some(role) = role {
            diagnostics.push(
                Diagnostic::new(
                    &codes::E0510,
                    format!("`{}` is a role and cannot be a destination", self.model.principal(role).name),
                )
                .primary(
                    statement.file,
                    statement.destination_span,
                    "people start flows, nothing connects to them",
                )
                .help("name the device or workload that they use"),
            );
        }
        role.is_none()
    }

    fn block(&mut self, id: EntityId) -> BlockConditions {
        if let Some(block) = self.blocks.get(&id) {
            return block.clone();
        }
        let mut block = BlockConditions {
            path: self.universe.path(id).into(),
            is_exception: self.universe.entity(id).kind == Kind::Exception,
            ..BlockConditions::default()
        };
        let declaration = self.universe.entity(id).declaration;
        let known = schema::of(self.universe.entity(id).kind).attributes;
        let scope = self.universe.scope(id, None);
        let mut reported_with_the_model = Vec::new();
        for (name, typed) in
            crate::model::read_block(self.universe, declaration, known, scope, &mut reported_with_the_model)
        {
            match (name, typed) {
                ("log", Typed::Boolean(log)) => block.log = log,
                ("mode", Typed::Word(word)) => block.audit = word == "audit",
                ("from", Typed::Time(time)) => block.from = Some(time),
                ("until", Typed::Time(time)) => block.until = Some(time),
                _ => {}
            }
        }
        self.blocks.insert(id, block.clone());
        block
    }

    fn conditions(
        &mut self,
        flow: &FlowStatement<'a>,
        block: &BlockConditions,
        diagnostics: &mut Vec<Diagnostic>,
    ) -> Conditions {
        let mut conditions =
            Conditions { log: block.log, audit: block.audit, until: block.until, ..Conditions::default() };
        let file = flow.scope.file;
        for attribute in flow.flow.body.iter().flat_map(weir_syntax::ast::Block::attributes) {
            let Some(known) = schema::FLOW.iter().find(|known| known.name == attribute.name.text) else {
                continue;
            };
            if flow.flow.effect == Effect::Deny && known.name != "reason" {
                diagnostics.push(
                    Diagnostic::new(&codes::E0207, format!("a `deny` has no `{}`", known.name))
                        .primary(file, attribute.name.span, "not here")
                        .help("a `deny` holds without conditions; `reason` is what it can have"),
                );
                continue;
            }
            match self.universe.typed(&attribute.value, known.kind, flow.scope) {
                Err(diagnostic) => diagnostics.push(*diagnostic),
                Ok(typed) => match (known.name, typed) {
                    ("limit", Typed::EventRate(limit)) => conditions.limit = Some(limit),
                    ("log", Typed::Boolean(log)) => conditions.log = log,
                    ("mode", Typed::Word(word)) => conditions.audit = word == "audit",
                    ("until", Typed::Time(time)) => {
                        conditions.until = Some(conditions.until.map_or(time, |until| until.min(time)));
                    }
                    ("via", Typed::References(list)) => {
                        conditions.via = list.first().map(|(entity, _)| *entity);
                    }
                    ("requires", Typed::Assurance(assurance)) => conditions.requires = assurance,
                    ("qos", Typed::Record(record)) => {
                        conditions.quality = Some(FlowQuality::of(&record, attribute.span));
                    }
                    _ => {}
                },
            }
        }
        conditions
    }
}

/// A statement or assertion on one line, without comments.
pub(crate) fn one_line(source: &str) -> SmolStr {
    if is_plain(source) {
        return source.into();
    }
    let words = lexer::lex(source);
    let mut text = String::with_capacity(source.len());
    let mut gap = false;
    for token in words {
        if token.kind.is_trivia() {
            gap = !text.is_empty();
        } else {
            if gap {
                text.push(' ');
            }
            gap = false;
            text.push_str(token.span.of(source));
        }
    }
    text.into()
}

/// Whether a text has no white space but single spaces, and no comment, as most statements: then it is on one line.
fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ')
        && !text.contains("  ")
        && !text.contains("//")
}

/// A shortened list of names: `a, b, c and 12 more`.
pub(crate) fn some_names(model: &Model, ids: impl IntoIterator<Item = u32>) -> String {
    let mut names: Vec<SmolStr> = Vec::new();
    let mut more = 0usize;
    for id in ids {
        if names.len() < 3 {
            names.push(model.principal(id).name.clone());
        } else {
            more += 1;
        }
    }
    let shown = names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    if more == 0 { shown } else { format!("{shown} and {more} more") }
}

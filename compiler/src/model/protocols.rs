//! Protocols, and the services that flows name.

use rustc_hash::FxHashMap;
use smol_str::SmolStr;
use weir_syntax::{
    Diagnostic, FileId, Span,
    ast::{Argument, Declaration, Expr, ExprKind, Segment},
    diagnostic::codes,
};

use super::typed::Typed;
use crate::{
    names::{EntityId, Kind, Scope, Target, Universe, schema},
    plan::{PortMatch, Ranges},
};

/// What a protocol runs over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TransportMatch {
    Ports(PortMatch),
    /// A layer-2 protocol, by its ethertype.
    Ethertype(u16),
}

/// A protocol that a principal serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Served {
    pub protocol: EntityId,
    /// Where it listens, if not on the protocol's default.
    pub port: Option<TransportMatch>,
    pub file: FileId,
    pub span: Span,
}

/// The direction of data in an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OperationEffect {
    Observe,
    Actuate,
    Publish,
    Subscribe,
    Manage,
}

impl OperationEffect {
    /// Whether the client changes the process or the device by it.
    pub fn commands(self) -> bool {
        matches!(self, Self::Actuate | Self::Manage)
    }
}

#[derive(Clone, Debug)]
pub struct Operation {
    pub name: SmolStr,
    pub effect: OperationEffect,
    pub functions: Vec<u64>,
    pub methods: Vec<SmolStr>,
    pub arguments: Vec<OperationArgument>,
}

#[derive(Clone, Debug)]
pub struct OperationArgument {
    pub name: SmolStr,
    /// `range`, `assignment`, `topic`, `path`, `text`.
    pub kind: &'static str,
    pub positional: bool,
    pub functions: Vec<u64>,
    pub max: u64,
}

#[derive(Clone, Debug)]
pub struct Protocol {
    pub entity: EntityId,
    pub name: String,
    pub transports: Vec<TransportMatch>,
    pub dynamic_port: bool,
    pub client_speaks_first: bool,
    /// Group MAC addresses that its frames go to.
    pub groups: Vec<([u8; 6], [u8; 6])>,
    /// What may stand behind the ethertype in its frames; anything, where it is `None`.
    pub frame_ids: Option<Ranges<u16>>,
    pub operations: Vec<Operation>,
}

impl Protocol {
    pub fn is_layer_2(&self) -> bool {
        !self.transports.is_empty()
            && self.transports.iter().all(|t| matches!(t, TransportMatch::Ethertype(_)))
    }
}

/// A service as a flow names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Service {
    Any,
    Transport(TransportMatch),
    /// A protocol, or one of its operations.
    Protocol {
        protocol: u32,
        operation: Option<OperationUse>,
    },
}

/// One operation of a protocol with the arguments that narrow it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperationUse {
    /// Index into [`Protocol::operations`].
    pub operation: u32,
    pub arguments: Vec<ArgumentUse>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArgumentUse {
    /// Index into [`Operation::arguments`].
    pub argument: u32,
    /// `100..103`, or one number twice.
    pub range: Option<(u64, u64)>,
    /// `= on` is 1, `= off` is 0.
    pub value: Option<u64>,
    pub text: Option<SmolStr>,
}

/// All protocols, by entity.
#[derive(Debug, Default)]
pub struct Protocols {
    pub list: Vec<Protocol>,
    by_entity: FxHashMap<EntityId, u32>,
}

impl Protocols {
    pub(super) fn build(universe: &Universe<'_>, diagnostics: &mut Vec<Diagnostic>) -> Self {
        let mut protocols = Self::default();
        for entity in universe.entities_of(Kind::Protocol) {
            let (protocol, mut found) = read(universe, entity);
            diagnostics.append(&mut found);
            protocols.by_entity.insert(entity, protocols.list.len() as u32);
            protocols.list.push(protocol);
        }
        protocols
    }

    pub fn get(&self, index: u32) -> &Protocol {
        &self.list[index as usize]
    }

    pub fn index(&self, entity: EntityId) -> u32 {
        self.by_entity.get(&entity).copied().unwrap_or(0)
    }

    /// The services that an expression names, in its order.
    pub fn services<'a>(
        &self,
        universe: &Universe<'a>,
        expr: &'a Expr,
        scope: Scope,
    ) -> Result<Vec<Service>, Box<Diagnostic>> {
        let parts = match &expr.kind {
            ExprKind::Union(parts) | ExprKind::List(parts) => parts.as_slice(),
            _ => std::slice::from_ref(expr),
        };
        let mut services = Vec::new();
        for part in parts {
            let service = match &part.kind {
                ExprKind::Union(_) | ExprKind::List(_) => {
                    services.extend(self.services(universe, part, scope)?);
                    continue;
                }
                _ => self.service(universe, part, scope)?,
            };
            if !services.contains(&service) {
                services.push(service);
            }
        }
        Ok(services)
    }

    fn service<'a>(
        &self,
        universe: &Universe<'a>,
        expr: &'a Expr,
        scope: Scope,
    ) -> Result<Service, Box<Diagnostic>> {
        if expr.as_word().is_some_and(|word| word.text == "any") {
            return Ok(Service::Any);
        }
        if let Some(transport) = universe.transport_of(expr, scope)? {
            return Ok(Service::Transport(transport));
        }
        let ExprKind::Path(path) = &expr.kind else {
            if let ExprKind::Integer(port) = expr.kind {
                return Err(Box::new(
                    Diagnostic::new(&codes::E0301, "expected a service")
                        .primary(scope.file, expr.span, "a port without its transport")
                        .help(format!("write `tcp/{port}` or `udp/{port}`, or name the protocol"))
                        .fix(format!("write `tcp/{port}`"), scope.file, expr.span, format!("tcp/{port}")),
                ));
            }
            if let ExprKind::On(protocol, port) = &expr.kind {
                let behind = Span::new(protocol.span.end, port.span.end);
                return Err(Box::new(
                    Diagnostic::new(&codes::E0301, "expected a service")
                        .primary(scope.file, behind, "the port is the server's")
                        .help("the port of a protocol stands where it is served: `serves = [opcua on tcp/4841]`")
                        .fix("remove it", scope.file, behind, ""),
                ));
            }
            return Err(Box::new(
                Diagnostic::new(&codes::E0301, "expected a service")
                    .primary(scope.file, expr.span, "not a service")
                    .help("name a protocol, an operation (`modbus.write(coils 100..103)`), a transport (`tcp/8443`) or `any`"),
            ));
        };
        let is_protocol = |targets: &[Target]| {
            targets
                .iter()
                .any(|t| matches!(t, Target::Entity(id, _) if universe.entity(*id).kind == Kind::Protocol))
        };
        let found = universe.find(path, scope, is_protocol)?;
        let [Target::Entity(id, _)] = found.targets.as_slice() else {
            return Err(not_protocol(universe, None, path.span, scope));
        };
        if universe.entity(*id).kind != Kind::Protocol {
            return Err(not_protocol(universe, Some(*id), path.span, scope));
        }
        let index = self.index(*id);
        let protocol = self.get(index);
        let operation = match found.rest {
            [] => None,
            [segment] => Some(operation_use(universe, protocol, segment, scope)?),
            [_, extra, ..] => {
                return Err(Box::new(
                    Diagnostic::new(&codes::E0307, format!("an operation has no `{}`", extra.name.text))
                        .primary(scope.file, extra.name.span, "nothing of this name")
                        .help("an operation is the last part of a service"),
                ));
            }
        };
        Ok(Service::Protocol { protocol: index, operation })
    }
}

fn not_protocol(
    universe: &Universe<'_>,
    found: Option<EntityId>,
    span: Span,
    scope: Scope,
) -> Box<Diagnostic> {
    let what = found.map_or("several declarations", |id| schema::of(universe.entity(id).kind).keyword);
    Box::new(
        Diagnostic::new(&codes::E0203, format!("expected a protocol, found {what}"))
            .primary(scope.file, span, "not a protocol")
            .help("after `:` stands what flows: a protocol, an operation, a transport or `any`"),
    )
}

fn operation_use<'a>(
    universe: &Universe<'a>,
    protocol: &Protocol,
    segment: &'a Segment,
    scope: Scope,
) -> Result<OperationUse, Box<Diagnostic>> {
    let name = &segment.name;
    let Some(index) = protocol.operations.iter().position(|operation| operation.name == name.text) else {
        let known = protocol.operations.iter().map(|operation| operation.name.as_str());
        return Err(Box::new(
            Diagnostic::new(&codes::E0307, format!("`{}` has no operation `{}`", protocol.name, name.text))
                .primary(scope.file, name.span, "unknown operation")
                .did_you_mean(&name.text, scope.file, name.span, known.clone())
                .help_otherwise(|| {
                    if protocol.operations.is_empty() {
                        format!("`{}` has no operations: name the protocol alone", protocol.name)
                    } else {
                        format!("its operations are: {}", known.collect::<Vec<_>>().join(", "))
                    }
                }),
        ));
    };
    let operation = &protocol.operations[index];
    let arguments =
        segment.arguments.iter().flatten().map(|argument| argument_use(universe, operation, argument, scope));
    Ok(OperationUse { operation: index as u32, arguments: arguments.collect::<Result<_, _>>()? })
}

fn argument_use<'a>(
    universe: &Universe<'a>,
    operation: &Operation,
    argument: &'a Argument,
    scope: Scope,
) -> Result<ArgumentUse, Box<Diagnostic>> {
    let wrong = |span: Span, message: String, help: String| {
        Box::new(Diagnostic::new(&codes::E0308, message).primary(scope.file, span, "does not fit").help(help))
    };
    let known = || {
        let names = operation.arguments.iter().map(|argument| argument.name.as_str()).collect::<Vec<_>>();
        if names.is_empty() { "it takes none".to_owned() } else { format!("it takes: {}", names.join(", ")) }
    };
    let position = match &argument.name {
        Some(name) => {
            operation.arguments.iter().position(|known| known.name == name.text).ok_or_else(|| {
                let names = operation.arguments.iter().map(|known| known.name.as_str());
                let message = format!("`{}` has no argument `{}`", operation.name, name.text);
                let wrong = wrong(name.span, message, known());
                Box::new(wrong.did_you_mean(&name.text, scope.file, name.span, names))
            })?
        }
        None => operation.arguments.iter().position(|known| known.positional).ok_or_else(|| {
            wrong(argument.span, format!("`{}` takes no argument without a name", operation.name), known())
        })?,
    };
    let declared = &operation.arguments[position];
    let mut used = ArgumentUse { argument: position as u32, range: None, value: None, text: None };
    if matches!(declared.kind, "topic" | "path" | "text") {
        let Some(value) = argument.value.as_ref().filter(|_| argument.selector.is_none()) else {
            return Err(wrong(
                argument.span,
                format!("`{}` is a text", declared.name),
                "put it into quotes".into(),
            ));
        };
        let Typed::Text(text) = universe.typed(value, schema::Type::Text, scope)? else { return Ok(used) };
        if declared.kind == "topic"
            && let Err(reason) = check_topic_filter(&text)
        {
            let help =
                "`+` and `#` stand alone between slashes, `#` only at the end (MQTT 5.0, 4.7.1)".into();
            return Err(wrong(value.span, format!("`{text}` is no MQTT topic filter: {reason}"), help));
        }
        used.text = Some(text);
        return Ok(used);
    }
    let selector = argument.selector.as_deref().or(argument.value.as_ref());
    let (first, last) = match selector.map(|expr| (&expr.kind, expr)) {
        Some((ExprKind::Range(from, to), _)) => {
            (universe.integer(from, scope)?, universe.integer(to, scope)?)
        }
        Some((_, expr)) => {
            let number = universe.integer(expr, scope)?;
            (number, number)
        }
        None => {
            return Err(wrong(
                argument.span,
                format!("`{}` needs a number", declared.name),
                "write `coils 100..103`".into(),
            ));
        }
    };
    if first > last || last > declared.max {
        let help = format!("numbers go from 0 to {}", declared.max);
        return Err(wrong(
            argument.span,
            format!("{first} to {last} is no range of `{}`", declared.name),
            help,
        ));
    }
    used.range = Some((first, last));
    if let (Some(_), Some(value)) = (&argument.selector, &argument.value) {
        used.value = Some(match value.as_word().map(|word| word.text.as_str()) {
            Some("on" | "true") => 1,
            Some("off" | "false") => 0,
            _ => universe.integer(value, scope)?,
        });
    }
    if declared.kind == "assignment" && used.value.is_none() {
        let help = format!("write `{} {first} = on`", declared.name);
        return Err(wrong(argument.span, format!("`{}` needs a value", declared.name), help));
    }
    Ok(used)
}

/// MQTT 5.0, 4.7.1: `+` fills a level, `#` fills the last.
fn check_topic_filter(filter: &str) -> Result<(), &'static str> {
    if filter.is_empty() || filter.len() > 65_535 || filter.contains('\0') {
        return Err("it is empty, too long, or holds U+0000");
    }
    let levels: Vec<&str> = filter.split('/').collect();
    for (index, level) in levels.iter().enumerate() {
        if level.contains('+') && *level != "+" {
            return Err("`+` does not stand alone");
        }
        if level.contains('#') && (*level != "#" || index + 1 != levels.len()) {
            return Err("`#` does not stand alone at the end");
        }
    }
    Ok(())
}

fn read(universe: &Universe<'_>, entity: EntityId) -> (Protocol, Vec<Diagnostic>) {
    let mut diagnostics = Vec::new();
    let scope = universe.scope(entity, None);
    let declaration = universe.entity(entity).declaration;
    let mut protocol = Protocol {
        entity,
        name: universe.path(entity),
        transports: Vec::new(),
        dynamic_port: false,
        client_speaks_first: true,
        groups: Vec::new(),
        frame_ids: None,
        operations: Vec::new(),
    };
    for (name, typed) in super::read_block(
        universe,
        declaration,
        schema::of(Kind::Protocol).attributes,
        scope,
        &mut diagnostics,
    ) {
        match (name, typed) {
            ("transport", Typed::Transports(transports)) => protocol.transports = transports,
            ("dynamic_port", Typed::Boolean(dynamic)) => protocol.dynamic_port = dynamic,
            ("client_speaks_first", Typed::Boolean(first)) => protocol.client_speaks_first = first,
            ("groups", Typed::Groups(groups)) => protocol.groups = groups,
            ("frame_ids", Typed::Numbers(ranges)) => protocol.frame_ids = Some(Ranges::from_unsorted(ranges)),
            _ => {}
        }
    }
    let given = universe.attribute(entity, "transport").is_some();
    if protocol.transports.is_empty() && !given && !protocol.dynamic_port {
        diagnostics.push(
            Diagnostic::new(&codes::E0209, format!("protocol `{}` runs over nothing", protocol.name))
                .primary(scope.file, declaration.name.span, "no transport")
                .help("add `transport = tcp/502`, or `dynamic_port = true` where each server has its own"),
        );
    }
    let operation_block = &schema::of(Kind::Protocol).blocks[0];
    for inner in universe.blocks(entity, "operation") {
        let operation = read_operation(universe, inner, operation_block, scope, &mut diagnostics);
        protocol.operations.push(operation);
    }
    (protocol, diagnostics)
}

fn read_operation<'a>(
    universe: &Universe<'a>,
    declaration: &'a Declaration,
    block: &schema::InnerBlock,
    scope: Scope,
    diagnostics: &mut Vec<Diagnostic>,
) -> Operation {
    let mut operation = Operation {
        name: declaration.name.text.clone(),
        effect: OperationEffect::Manage,
        functions: Vec::new(),
        methods: Vec::new(),
        arguments: Vec::new(),
    };
    for (name, typed) in super::read_block(universe, declaration, block.attributes, scope, diagnostics) {
        match (name, typed) {
            ("effect", Typed::Word(word)) => {
                operation.effect = match word {
                    "observe" => OperationEffect::Observe,
                    "actuate" => OperationEffect::Actuate,
                    "publish" => OperationEffect::Publish,
                    "subscribe" => OperationEffect::Subscribe,
                    _ => OperationEffect::Manage,
                };
            }
            ("functions", Typed::Integers(functions)) => operation.functions = functions,
            ("methods", Typed::Texts(methods)) => operation.methods = methods,
            _ => {}
        }
    }
    for inner in crate::names::blocks(declaration.body.as_ref(), "argument") {
        let mut argument = OperationArgument {
            name: inner.name.text.clone(),
            kind: "text",
            positional: false,
            functions: Vec::new(),
            max: u64::from(u16::MAX),
        };
        for (name, typed) in
            super::read_block(universe, inner, block.blocks[0].attributes, scope, diagnostics)
        {
            match (name, typed) {
                ("type", Typed::Word(word)) => argument.kind = word,
                ("positional", Typed::Boolean(positional)) => argument.positional = positional,
                ("functions", Typed::Integers(functions)) => argument.functions = functions,
                ("max", Typed::Integer(max)) => argument.max = max,
                _ => {}
            }
        }
        operation.arguments.push(argument);
    }
    operation
}

//! Values of expressions, before anyone asks whether they fit where they stand.

use std::{cell::Cell, net::IpAddr};

use ipnet::IpNet;
use smol_str::{SmolStr, format_smolstr};
use weir_syntax::{
    Diagnostic, FileId, Span,
    ast::{Argument, Expr, ExprKind, Path, Segment, Sign, StringLiteral, StringPart},
    diagnostic::codes,
};

use super::{EntityId, Found, Kind, Scope, Target, Universe};

/// A value; sets and services stay expressions, evaluated where they are used.
#[derive(Clone, Debug)]
pub enum Value<'a> {
    Integer(u64),
    Boolean(bool),
    Text(SmolStr),
    Address(IpAddr),
    Prefix(IpNet),
    AddressRange(IpAddr, IpAddr),
    Mac([u8; 6]),
    /// One entity, or one element of an array.
    Entity(EntityId, Option<u32>),
    /// Anything else, with where its names are to be looked up.
    Expression(&'a Expr, Scope),
}

impl Value<'_> {
    /// What it is, for messages.
    pub fn describe(&self) -> &'static str {
        match self {
            Self::Integer(_) => "a number",
            Self::Boolean(_) => "a boolean",
            Self::Text(_) => "a text",
            Self::Address(_) => "an address",
            Self::Prefix(_) => "a prefix",
            Self::AddressRange(..) => "an address range",
            Self::Mac(_) => "a MAC address",
            Self::Entity(..) => "a declaration",
            Self::Expression(expr, _) => match expr.kind {
                ExprKind::Decimal(_) => "a number with a fraction",
                ExprKind::Quantity(..) => "a number with a unit",
                ExprKind::Date(_) => "a date",
                ExprKind::List(_) => "a list",
                ExprKind::Map(_) => "a block",
                ExprKind::Path(_) => "a set",
                _ => "an expression",
            },
        }
    }
}

type Evaluated<T> = Result<T, Box<Diagnostic>>;

fn error(
    file: FileId,
    span: Span,
    code: &'static weir_syntax::Code,
    message: String,
    label: &str,
    help: impl Into<String>,
) -> Box<Diagnostic> {
    Box::new(Diagnostic::new(code, message).primary(file, span, label).help(help))
}

thread_local! {
    static NESTED: Cell<u32> = const { Cell::new(0) };
}

/// Counts the evaluations that wait for each other: an attribute may name another's attribute, and that one the first.
struct Nested;

impl Nested {
    /// Nesting of brackets in each of a few attributes.
    const MOST: u32 = 100;

    fn enter() -> Option<Self> {
        let depth = NESTED.get();
        (depth < Self::MOST).then(|| {
            NESTED.set(depth + 1);
            Self
        })
    }
}

impl Drop for Nested {
    fn drop(&mut self) {
        NESTED.set(NESTED.get().saturating_sub(1));
    }
}

impl<'a> Universe<'a> {
    /// The value of an expression. Bare words that are no names are an error: words of an enumeration are looked at
    /// before.
    pub fn evaluate(&self, expr: &'a Expr, scope: Scope) -> Evaluated<Value<'a>> {
        let Some(_nested) = Nested::enter() else {
            return Err(error(
                scope.file,
                expr.span,
                &codes::E0212,
                "this value is defined by itself, or by a long chain of others".into(),
                "its value leads back here",
                "write the value out in one of the declarations",
            ));
        };
        match &expr.kind {
            ExprKind::Error => Err(already_said()),
            ExprKind::Integer(number) | ExprKind::Hexadecimal(number, _) => Ok(Value::Integer(*number)),
            ExprKind::String(literal) => Ok(Value::Text(self.text(literal, scope)?)),
            ExprKind::Address(address) => Ok(Value::Address(*address)),
            ExprKind::Prefix(address, length) => self.prefix(*address, *length, expr.span, scope),
            ExprKind::Mac(bytes) => Ok(Value::Mac(*bytes)),
            ExprKind::Range(from, to) => self.range(from, to, expr, scope),
            ExprKind::Sum(first, rest) => self.sum(first, rest, expr, scope),
            ExprKind::Product(factors) => {
                let mut product: u64 = 1;
                for factor in factors {
                    let next = self.integer(factor, scope)?;
                    product = product.checked_mul(next).ok_or_else(|| too_large(scope.file, expr.span))?;
                }
                Ok(Value::Integer(product))
            }
            ExprKind::Path(path) => self.path_value(path, expr, scope),
            ExprKind::Method(on, path) => {
                let value = self.evaluate(on, scope)?;
                self.call(value, &path.segments, scope)
            }
            _ => Ok(Value::Expression(expr, scope)),
        }
    }

    /// The number an expression stands for.
    pub fn integer(&self, expr: &'a Expr, scope: Scope) -> Evaluated<u64> {
        match self.evaluate(expr, scope)? {
            Value::Integer(number) => Ok(number),
            other => Err(wrong(scope.file, expr.span, "a number", &other)),
        }
    }

    /// As [`Self::evaluate`]; a bare word that names nothing is its own text.
    pub fn evaluate_word_or_value(&self, expr: &'a Expr, scope: Scope) -> Evaluated<Value<'a>> {
        match expr.as_word() {
            Some(word) if !matches!(word.text.as_str(), "true" | "false" | "index") => {
                match self.parameter(&word.text, scope) {
                    Some(value) => Ok(value),
                    None => Ok(Value::Text(word.text.clone())),
                }
            }
            _ => self.evaluate(expr, scope),
        }
    }

    fn prefix(&self, address: IpAddr, length: u8, span: Span, scope: Scope) -> Evaluated<Value<'a>> {
        let net = IpNet::new(address, length).map_err(|_| {
            let help = "write a prefix such as `10.20.0.0/16`";
            error(scope.file, span, &codes::E0103, "not a prefix".into(), "no such prefix", help)
        })?;
        if net.network() != address {
            let first = net.trunc().to_string();
            return Err(Box::new(
                Diagnostic::new(&codes::E0303, format!("`{net}` has host bits set"))
                    .primary(scope.file, span, "not a prefix's first address")
                    .help(format!("write `{first}`"))
                    .fix("write the prefix", scope.file, span, first),
            ));
        }
        Ok(Value::Prefix(net))
    }

    fn range(&self, from: &'a Expr, to: &'a Expr, whole: &'a Expr, scope: Scope) -> Evaluated<Value<'a>> {
        match (self.evaluate(from, scope)?, self.evaluate(to, scope)?) {
            (Value::Address(first), Value::Address(last)) => {
                if first.is_ipv4() != last.is_ipv4() || first > last {
                    let message =
                        "the range is empty: its first address comes after its last, or is of another family";
                    return Err(error(
                        scope.file,
                        whole.span,
                        &codes::E0303,
                        message.into(),
                        "no address lies in it",
                        "write the lower address first, and both of one family: `10.0.0.10..10.0.0.20`",
                    ));
                }
                Ok(Value::AddressRange(first, last))
            }
            _ => Ok(Value::Expression(whole, scope)),
        }
    }

    fn sum(
        &self,
        first: &'a Expr,
        rest: &'a [(Sign, Expr)],
        whole: &'a Expr,
        scope: Scope,
    ) -> Evaluated<Value<'a>> {
        let Value::Integer(mut total) = self.evaluate(first, scope)? else {
            return Ok(Value::Expression(whole, scope));
        };
        for (sign, operand) in rest {
            let number = self.integer(operand, scope)?;
            total = match sign {
                Sign::Plus => total.checked_add(number),
                Sign::Minus => total.checked_sub(number),
            }
            .ok_or_else(|| too_large(scope.file, whole.span))?;
        }
        Ok(Value::Integer(total))
    }

    /// A string with its holes filled.
    pub fn text(&self, literal: &'a StringLiteral, scope: Scope) -> Evaluated<SmolStr> {
        if let Some(plain) = literal.as_plain() {
            return Ok(plain.into());
        }
        let mut text = String::new();
        for part in &literal.parts {
            match part {
                StringPart::Text(plain) => text.push_str(plain),
                StringPart::Hole { path, width, span } => {
                    let value = match path.as_str() {
                        "index" => scope.index.map(|index| Value::Integer(index.into())),
                        name => self.parameter(name, scope),
                    };
                    match value {
                        Some(Value::Integer(number)) => {
                            text.push_str(&format!("{number:0width$}", width = usize::from(*width)));
                        }
                        Some(Value::Text(inner)) => text.push_str(&inner),
                        Some(Value::Address(address)) => text.push_str(&address.to_string()),
                        Some(other) => return Err(wrong(scope.file, *span, "a number or a text", &other)),
                        None => {
                            let message = format!("`{path}` is no parameter here");
                            let help = "a string can name `index` in an array and the parameters of its template; write `{{` for a brace";
                            return Err(error(
                                scope.file,
                                *span,
                                &codes::E0202,
                                message,
                                "nothing to fill in",
                                help,
                            ));
                        }
                    }
                }
            }
        }
        Ok(text.into())
    }

    fn path_value(&self, path: &'a Path, whole: &'a Expr, scope: Scope) -> Evaluated<Value<'a>> {
        if let Some(word) = path.as_word() {
            match word.text.as_str() {
                "true" => return Ok(Value::Boolean(true)),
                "false" => return Ok(Value::Boolean(false)),
                "index" if scope.index.is_some() => {
                    return Ok(Value::Integer(scope.index.unwrap_or(0).into()));
                }
                name => {
                    if let Some(value) = self.parameter(name, scope) {
                        return Ok(value);
                    }
                }
            }
        }
        let [first, rest @ ..] = path.segments.as_slice() else { return Ok(Value::Expression(whole, scope)) };
        if first.index.is_none()
            && first.arguments.is_none()
            && !rest.is_empty()
            && let Some(value) = self.parameter(&first.name.text, scope)
        {
            return self.call(value, rest, scope);
        }
        let Found { targets, rest } = self.find(path, scope, |found| {
            rest.is_empty() || found.iter().any(|target| matches!(target, Target::Entity(..)))
        })?;
        match targets.as_slice() {
            [Target::Entity(id, element)] if rest.is_empty() => Ok(Value::Entity(*id, *element)),
            [Target::Entity(id, element)] => self.call(Value::Entity(*id, *element), rest, scope),
            _ => Ok(Value::Expression(whole, scope)),
        }
    }

    /// `.host(n)`, `.subnet(length, n)`, and an entity's address attributes on the way to them.
    fn call(&self, mut value: Value<'a>, segments: &'a [Segment], scope: Scope) -> Evaluated<Value<'a>> {
        for segment in segments {
            value = match (&segment.arguments, value) {
                (Some(arguments), Value::Entity(id, element)) => {
                    let prefix = self.prefix_of(id, element, segment, scope)?;
                    self.function(Value::Prefix(prefix), segment, arguments, scope)?
                }
                (Some(arguments), value) => self.function(value, segment, arguments, scope)?,
                (None, Value::Entity(id, element)) => {
                    let Some(attribute) = self.attribute(id, &segment.name.text) else {
                        let message = format!("`{}` has no attribute `{}`", self.path(id), segment.name.text);
                        return Err(error(
                            scope.file,
                            segment.name.span,
                            &codes::E0207,
                            message,
                            "not given there",
                            match segment.name.text.as_str() {
                                "host" => "write `.host(16)`: the number stands in parentheses".to_owned(),
                                "subnet" => {
                                    "write `.subnet(24, 3)`: the numbers stand in parentheses".to_owned()
                                }
                                _ => format!("give it in the declaration of `{}`", self.path(id)),
                            },
                        ));
                    };
                    let expr = match &attribute.value.kind {
                        ExprKind::List(list) if list.len() == 1 => &list[0],
                        _ => &attribute.value,
                    };
                    self.evaluate(expr, self.scope(id, element))?
                }
                (None, other) => {
                    return Err(wrong(
                        scope.file,
                        segment.name.span,
                        "a declaration with attributes",
                        &other,
                    ));
                }
            };
        }
        Ok(value)
    }

    /// The prefix that `network.host(…)` or `slice.host(…)` counts in.
    fn prefix_of(
        &self,
        id: EntityId,
        element: Option<u32>,
        segment: &Segment,
        scope: Scope,
    ) -> Evaluated<IpNet> {
        let length =
            segment.arguments.as_deref().filter(|list| segment.name.text == "subnet" && list.len() == 2);
        let length =
            length.and_then(|list| list[0].value.as_ref()).map(|length| self.evaluate(length, scope));
        let beyond_v4 = matches!(length, Some(Ok(Value::Integer(33..))));
        let name = match self.entity(id).kind {
            Kind::Network => "subnet",
            Kind::Slice => "pool",
            Kind::Cluster => "pods",
            _ => "prefixes",
        };
        let value = self.attribute(id, name).map(|attribute| {
            let home = self.scope(id, element);
            let expr = match &attribute.value.kind {
                // of two families, the length says which is meant
                ExprKind::List(list) => list
                    .iter()
                    .find(|one| {
                        let net = self.evaluate(one, home);
                        beyond_v4 && matches!(net, Ok(Value::Prefix(IpNet::V6(_))))
                    })
                    .or_else(|| list.first())
                    .unwrap_or(&attribute.value),
                _ => &attribute.value,
            };
            self.evaluate(expr, home)
        });
        match value.transpose()? {
            Some(Value::Prefix(net)) => Ok(net),
            _ => {
                let message = format!("`{}` has no `{name}` to count in", self.path(id));
                let help = format!("give `{}` a `{name}`, or write the address out", self.path(id));
                Err(error(scope.file, segment.name.span, &codes::E0304, message, "needs a prefix", help))
            }
        }
    }

    fn function(
        &self,
        on: Value<'a>,
        segment: &'a Segment,
        arguments: &'a [Argument],
        scope: Scope,
    ) -> Evaluated<Value<'a>> {
        let span = segment.name.span;
        let Value::Prefix(net) = on else { return Err(wrong(scope.file, span, "a prefix", &on)) };
        let mut numbers = Vec::new();
        for argument in arguments {
            match (&argument.name, &argument.selector, &argument.value) {
                (None, None, Some(value)) => numbers.push(self.integer(value, scope)?),
                _ => {
                    let message = format!("`{}` takes numbers", segment.name.text);
                    let help = "write `.host(16)` or `.subnet(24, 3)`";
                    return Err(error(
                        scope.file,
                        argument.span,
                        &codes::E0304,
                        message,
                        "not a number",
                        help,
                    ));
                }
            }
        }
        let outside = |what: String| {
            let help = format!("`{net}` goes from `{}` to `{}`", net.network(), net.broadcast());
            error(scope.file, span, &codes::E0303, what, "outside of the prefix", help)
        };
        match (segment.name.text.as_str(), numbers.as_slice()) {
            ("host", [number]) => {
                let address =
                    offset(net.network(), u128::from(*number)).filter(|address| net.contains(address));
                address.map(Value::Address).ok_or_else(|| outside(format!("`{net}` has no host {number}")))
            }
            ("subnet", [length, number]) => {
                let most = net.max_prefix_len();
                let length = u8::try_from(*length)
                    .ok()
                    .filter(|length| *length >= net.prefix_len() && *length <= most);
                let Some(length) = length else {
                    return Err(outside(format!(
                        "a subnet of `{net}` has a length from {} to {most}",
                        net.prefix_len()
                    )));
                };
                let step = 1u128.checked_shl(u32::from(most - length));
                let distance = match number {
                    0 => Some(0), // also of all addresses there are, whose count is above 128 bits
                    _ => step.and_then(|step| step.checked_mul(u128::from(*number))),
                };
                let subnet = distance
                    .and_then(|distance| offset(net.network(), distance))
                    .and_then(|address| IpNet::new(address, length).ok())
                    .filter(|subnet| net.contains(subnet));
                subnet
                    .map(Value::Prefix)
                    .ok_or_else(|| outside(format!("`{net}` has no /{length} number {number}")))
            }
            (name, _) => {
                let known = ["host", "subnet"];
                let message = if known.contains(&name) {
                    let count = if name == "host" { "one number" } else { "two numbers" };
                    format!("`{name}` takes {count}, not {}", numbers.len())
                } else {
                    format!("no such function on a prefix: `{name}`")
                };
                Err(Box::new(
                    Diagnostic::new(&codes::E0304, message)
                        .primary(scope.file, span, "not like this")
                        .did_you_mean(
                            name,
                            scope.file,
                            span,
                            known.into_iter().filter(|known| *known != name),
                        )
                        .help_otherwise(|| {
                            "prefixes, networks and pools have `.host(number)` and `.subnet(length, number)`"
                                .into()
                        }),
                ))
            }
        }
    }

    /// The value of a template's parameter of this name, if one is in scope.
    pub fn parameter(&self, name: &str, scope: Scope) -> Option<Value<'a>> {
        let mut module = Some(scope.module);
        while let Some(id) = module {
            let current = self.module(id);
            if let Some(value) = current.parameters.get(name) {
                return Some(value.clone());
            }
            if current.names.contains_key(name) {
                return None;
            }
            module = current.instance.and(current.outer);
        }
        None
    }
}

fn offset(address: IpAddr, distance: u128) -> Option<IpAddr> {
    match address {
        IpAddr::V4(v4) => {
            let bits = u128::from(v4.to_bits()).checked_add(distance)?;
            u32::try_from(bits).ok().map(|bits| IpAddr::V4(bits.into()))
        }
        IpAddr::V6(v6) => v6.to_bits().checked_add(distance).map(|bits| IpAddr::V6(bits.into())),
    }
}

/// Stands for a mistake that was said where it was read: it has no place, and [`crate::analyze`] drops it.
pub(crate) fn already_said() -> Box<Diagnostic> {
    Box::new(Diagnostic::new(&codes::E0101, ""))
}

fn too_large(file: FileId, span: Span) -> Box<Diagnostic> {
    let message = "the result is below 0 or above 64 bits".into();
    error(file, span, &codes::E0303, message, "no such number", "numbers go from 0 to 18446744073709551615")
}

/// Expected one thing, found another.
pub(crate) fn wrong(file: FileId, span: Span, expected: &str, found: &Value<'_>) -> Box<Diagnostic> {
    let message = format_smolstr!("expected {expected}, found {}", found.describe());
    let help = format!("write {expected} here");
    error(file, span, &codes::E0301, message.to_string(), &format!("not {expected}"), help)
}

/// Whether an expression differs from element to element of an array.
pub fn mentions_index(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Path(path) => path.segments.iter().any(segment_mentions_index),
        ExprKind::Method(on, path) => mentions_index(on) || path.segments.iter().any(segment_mentions_index),
        ExprKind::String(literal) => {
            literal.parts.iter().any(|part| matches!(part, StringPart::Hole { path, .. } if path == "index"))
        }
        ExprKind::Slash(a, b)
        | ExprKind::Range(a, b)
        | ExprKind::On(a, b)
        | ExprKind::Arrow(a, b)
        | ExprKind::Where(a, b)
        | ExprKind::Compare(_, a, b) => mentions_index(a) || mentions_index(b),
        ExprKind::Not(inner) => mentions_index(inner),
        ExprKind::List(list)
        | ExprKind::Union(list)
        | ExprKind::Intersection(list)
        | ExprKind::Product(list)
        | ExprKind::And(list)
        | ExprKind::Or(list) => list.iter().any(mentions_index),
        ExprKind::Sum(first, rest) => {
            mentions_index(first) || rest.iter().any(|(_, operand)| mentions_index(operand))
        }
        ExprKind::Map(entries) => entries.iter().any(|entry| mentions_index(&entry.value)),
        _ => false,
    }
}

fn segment_mentions_index(segment: &Segment) -> bool {
    segment.name.text == "index"
        || segment.index.as_deref().is_some_and(mentions_index)
        || segment.arguments.iter().flatten().any(|argument| {
            argument.selector.as_deref().is_some_and(mentions_index)
                || argument.value.as_ref().is_some_and(mentions_index)
        })
}

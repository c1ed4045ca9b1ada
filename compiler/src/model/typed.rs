//! Attribute values of the types that the schema gives them.

use std::{net::IpAddr, sync::Arc};

use ipnet::IpNet;
use smol_str::SmolStr;
use weir_syntax::{
    Diagnostic, FileId, Span,
    ast::{Attribute, Expr, ExprKind, Path},
    diagnostic::{codes, nearest},
};

use super::{
    protocols::{Served, TransportMatch},
    quantities::{DATA_RATES, DATA_SIZES, DURATIONS, event_rate, quantity, time},
};
use crate::{
    names::{EntityId, Kind, Scope, Target, Universe, Value, already_said, schema, schema::Type},
    plan::{Limit, PortMatch, Transport},
};

/// How well a source is known (language reference, “Assurance”); ordered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Assurance {
    #[default]
    None,
    Address,
    Shared,
    Certified,
    Hardware,
    Attested,
}

impl Assurance {
    /// As the language spells it.
    pub fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Address => "address",
            Self::Shared => "shared",
            Self::Certified => "certified",
            Self::Hardware => "hardware",
            Self::Attested => "attested",
        }
    }
}

/// How far data can be trusted (Biba); ordered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Integrity {
    #[default]
    Untrusted,
    Field,
    Verified,
    Safety,
}

impl Integrity {
    /// All, ascending.
    pub const ALL: [Self; 4] = [Self::Untrusted, Self::Field, Self::Verified, Self::Safety];

    /// As the language spells it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Untrusted => "untrusted",
            Self::Field => "field",
            Self::Verified => "verified",
            Self::Safety => "safety",
        }
    }
}

/// How a principal proves who it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// `none`, `psk`, `mac`, `x509`, `spiffe`, `sim`, `oidc`, `attested`.
    pub scheme: &'static str,
    /// `san`, `supi` and the like, in the order of the text; without `key`.
    pub parts: Vec<(SmolStr, SmolStr)>,
    pub key: Option<Key>,
}

/// Where a key is; the key itself is never written.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Key {
    /// In a chip that does not give it away: TPM, secure element, UICC.
    Hardware,
    Software,
    /// `ref("vault:…")`.
    Reference(SmolStr),
}

impl Identity {
    pub fn part(&self, name: &str) -> Option<&str> {
        self.parts.iter().find(|(part, _)| part == name).map(|(_, value)| value.as_str())
    }
}

/// A value of a known type.
#[derive(Clone, Debug)]
pub enum Typed<'a> {
    Boolean(bool),
    Integer(u64),
    Text(SmolStr),
    Word(&'static str),
    Words(Vec<&'static str>),
    /// 1 to 4.
    Level(u8),
    Assurance(Assurance),
    Integrity(Integrity),
    Addresses(Vec<(IpAddr, IpAddr)>),
    Prefixes(Vec<IpNet>),
    Address(IpAddr),
    Mac([u8; 6]),
    Groups(Vec<([u8; 6], [u8; 6])>),
    Numbers(Vec<(u16, u16)>),
    References(Vec<(EntityId, Option<u32>)>),
    /// Sets and services: read where they are used.
    Expression(&'a Expr, Scope),
    Transports(Vec<TransportMatch>),
    Serves(Arc<[Served]>),
    Identity(Arc<Identity>),
    Endorsement(Integrity, Integrity),
    /// Nanoseconds.
    Duration(u64),
    /// Bits per second.
    DataRate(u64),
    /// Bytes.
    DataSize(u64),
    EventRate(Limit),
    /// Seconds since 1970-01-01T00:00Z.
    Time(i64),
    /// SST, and SD where it is given.
    Snssai(u8, Option<u32>),
    UserPlane {
        dedicated: bool,
        gateway: EntityId,
    },
    Labels(Vec<(SmolStr, SmolStr)>),
    Texts(Vec<SmolStr>),
    Integers(Vec<u64>),
    Record(Vec<(&'static str, Typed<'a>)>),
}

pub(super) type Read<T> = Result<T, Box<Diagnostic>>;

pub(super) fn mistyped(file: FileId, span: Span, expected: &str, help: String) -> Box<Diagnostic> {
    Box::new(
        Diagnostic::new(&codes::E0301, format!("expected {expected}"))
            .primary(file, span, ANOTHER_TYPE)
            .help(help),
    )
}

pub(super) fn out_of_range(file: FileId, span: Span, message: String, help: String) -> Box<Diagnostic> {
    Box::new(Diagnostic::new(&codes::E0303, message).primary(file, span, "out of range").help(help))
}

const ANOTHER_TYPE: &str = "of another type";

/// Says what was found where something else was due, and offers what was probably meant.
fn explain(wrong: Diagnostic, expr: &Expr) -> Diagnostic {
    let (file, span, _) = wrong.position();
    let Some(found) = list(expr).iter().find(|one| one.span == span) else { return wrong };
    if wrong.code != &codes::E0301 || wrong.labels.first().is_none_or(|label| label.message != ANOTHER_TYPE) {
        return wrong;
    }
    let what = match &found.kind {
        ExprKind::Integer(_) | ExprKind::Hexadecimal(..) | ExprKind::Decimal(_) => "a number",
        ExprKind::Quantity(..) => "a number with a unit",
        ExprKind::String(_) => "a text",
        ExprKind::Address(_) => "an address",
        ExprKind::Prefix(..) => "a prefix",
        ExprKind::Mac(_) => "a MAC address",
        ExprKind::List(_) => "a list",
        ExprKind::Map(_) => "a block",
        ExprKind::Sum(..) => "a sum or difference",
        ExprKind::Path(_) => "a name",
        _ => "an expression",
    };
    let mut wrong = wrong;
    if let Some(label) = wrong.labels.first_mut() {
        label.message = format!("this is {what}");
    }
    match &found.kind {
        ExprKind::String(literal) if wrong.fixes.is_empty() => {
            let Some(text) = literal.as_plain() else { return wrong };
            let is_name = text.starts_with(|first: char| first.is_ascii_alphabetic())
                && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
            let is_rate = text.split_once('/').is_some_and(|(count, unit)| count.parse::<u64>().is_ok() && matches!(unit, "s" | "min" | "h" | "d"));
            let is_quantity = text.starts_with(|first: char| first.is_ascii_digit()) && text.ends_with(|last: char| last.is_ascii_alphabetic());
            if is_name || is_rate || is_quantity || text.parse::<IpAddr>().is_ok() || text.parse::<IpNet>().is_ok() {
                return wrong.help(format!("write `{text}`, without quotes")).fix("remove the quotes", file, span, text);
            }
            wrong
        }
        ExprKind::Sum(..) => wrong.note("`-` subtracts numbers; a range of addresses is written `10.0.0.10..10.0.0.20`, a MAC address with colons"),
        _ => wrong,
    }
}

impl<'a> Universe<'a> {
    /// Reads a value as the schema's type.
    pub fn typed(&self, expr: &'a Expr, kind: Type, scope: Scope) -> Read<Typed<'a>> {
        if let (Type::Address | Type::Addresses, ExprKind::Prefix(address, _)) = (kind, &expr.kind)
            && self.evaluate(expr, scope).is_err()
        {
            let wrong = mistyped(scope.file, expr.span, "an address", format!("write `{address}`"));
            return Err(Box::new(wrong.fix(
                "remove the prefix length",
                scope.file,
                expr.span,
                address.to_string(),
            )));
        }
        self.read_typed(expr, kind, scope).map_err(|wrong| Box::new(explain(*wrong, expr)))
    }

    fn read_typed(&self, expr: &'a Expr, kind: Type, scope: Scope) -> Read<Typed<'a>> {
        if matches!(expr.kind, ExprKind::Error) {
            return Err(already_said());
        }
        let (file, span) = (scope.file, expr.span);
        Ok(match kind {
            Type::Boolean => Typed::Boolean(self.boolean(expr, scope)?),
            Type::Integer { min, max } => {
                let number = self.integer(expr, scope)?;
                if number < min || number > max {
                    let message = format!("{number} is not between {min} and {max}");
                    return Err(out_of_range(
                        file,
                        span,
                        message,
                        format!("write a number from {min} to {max}"),
                    ));
                }
                Typed::Integer(number)
            }
            Type::Text => Typed::Text(self.plain_text(expr, scope)?),
            Type::Version => {
                let text = self.plain_text(expr, scope)?;
                if !text.bytes().any(|byte| byte.is_ascii_digit()) {
                    return Err(out_of_range(
                        file,
                        span,
                        format!("`{text}` is no version"),
                        "write `\"2.8\"`".into(),
                    ));
                }
                Typed::Text(text)
            }
            Type::Word(words) => Typed::Word(self.word(expr, words, scope)?),
            Type::Words(words) => {
                Typed::Words(list(expr).iter().map(|one| self.word(one, words, scope)).collect::<Read<_>>()?)
            }
            Type::Level => {
                let word = self.word(expr, schema::LEVELS, scope)?;
                Typed::Level(word.as_bytes().last().map_or(1, |digit| digit - b'0'))
            }
            Type::Assurance => Typed::Assurance(match self.word(expr, schema::ASSURANCES, scope)? {
                "address" => Assurance::Address,
                "shared" => Assurance::Shared,
                "certified" => Assurance::Certified,
                "hardware" => Assurance::Hardware,
                "attested" => Assurance::Attested,
                _ => Assurance::None,
            }),
            Type::Integrity => Typed::Integrity(self.integrity(expr, scope)?),
            Type::Addresses => {
                let ranges = list(expr).iter().map(|one| self.address_range(one, scope));
                Typed::Addresses(ranges.collect::<Read<_>>()?)
            }
            Type::Prefixes => {
                let prefixes: Vec<IpNet> =
                    list(expr).iter().map(|one| self.one_prefix(one, scope)).collect::<Read<_>>()?;
                if prefixes.is_empty() {
                    return Err(mistyped(file, span, "a prefix", "write `10.20.0.0/16`".into()));
                }
                Typed::Prefixes(prefixes)
            }
            Type::Address => match self.evaluate(expr, scope)? {
                Value::Address(address) => Typed::Address(address),
                _ => return Err(mistyped(file, span, "an address", "write `10.20.0.1`".into())),
            },
            Type::Mac if matches!(expr.kind, ExprKind::Sum(..)) => {
                return Err(mistyped(file, span, "a MAC address", "write `02:00:00:00:00:01`".into()));
            }
            Type::Mac => match self.mac(expr, scope)? {
                Some(bytes) if bytes[0] & 1 == 1 => {
                    let message = "a group MAC address belongs to no device".to_owned();
                    return Err(out_of_range(
                        file,
                        span,
                        message,
                        "the first byte of a device's MAC is even".into(),
                    ));
                }
                Some(bytes) => Typed::Mac(bytes),
                None => {
                    return Err(mistyped(file, span, "a MAC address", "write `02:00:00:00:00:01`".into()));
                }
            },
            Type::Groups => {
                let group = |one| Ok(self.mac(one, scope)?.filter(|bytes| bytes[0] & 1 == 1));
                let ends = |one| {
                    self.ends(
                        one,
                        group,
                        "a group MAC address",
                        "write `01:0c:cd:01:00:00`: its first byte is odd",
                        scope,
                    )
                };
                Typed::Groups(list(expr).iter().map(ends).collect::<Read<_>>()?)
            }
            Type::Numbers => {
                let number = |one| Ok(u16::try_from(self.integer(one, scope)?).ok());
                let ends =
                    |one| self.ends(one, number, "a number of 16 bits", "write `0x8000..0xbfff`", scope);
                Typed::Numbers(list(expr).iter().map(ends).collect::<Read<_>>()?)
            }
            Type::Reference(kinds) => Typed::References(vec![self.reference(expr, kinds, scope)?]),
            Type::References(kinds) => Typed::References(
                list(expr).iter().map(|one| self.reference(one, kinds, scope)).collect::<Read<_>>()?,
            ),
            Type::Set | Type::Services => Typed::Expression(expr, scope),
            Type::Transports => Typed::Transports(
                list(expr).iter().map(|one| self.transport(one, scope)).collect::<Read<_>>()?,
            ),
            Type::Serves => Typed::Serves(
                list(expr).iter().map(|one| self.served(one, scope)).collect::<Read<Vec<_>>>()?.into(),
            ),
            Type::Identity => Typed::Identity(Arc::new(self.identity(expr, scope)?)),
            Type::Endorsement => match &expr.kind {
                ExprKind::Arrow(from, to) => {
                    let (from, to) = (self.integrity(from, scope)?, self.integrity(to, scope)?);
                    if from >= to {
                        let message = "an endorsement raises integrity".to_owned();
                        return Err(out_of_range(
                            file,
                            span,
                            message,
                            "write the lower one first: `field -> verified`".into(),
                        ));
                    }
                    Typed::Endorsement(from, to)
                }
                _ => return Err(mistyped(file, span, "an endorsement", "write `field -> verified`".into())),
            },
            Type::Duration => Typed::Duration(quantity(expr, scope, "a duration", "`5 ms`", DURATIONS)?),
            Type::DataRate => Typed::DataRate(quantity(expr, scope, "a data rate", "`10 Mbps`", DATA_RATES)?),
            Type::DataSize => Typed::DataSize(quantity(expr, scope, "a data size", "`128 B`", DATA_SIZES)?),
            Type::EventRate => Typed::EventRate(event_rate(expr, scope)?),
            Type::Time => Typed::Time(time(expr, scope)?),
            Type::Snssai => self.snssai(expr, scope)?,
            Type::UserPlane => self.user_plane(expr, scope)?,
            Type::Labels => match &expr.kind {
                ExprKind::Map(entries) => Typed::Labels(
                    entries
                        .iter()
                        .map(|entry| Ok((entry.name.text.clone(), self.plain_text(&entry.value, scope)?)))
                        .collect::<Read<_>>()?,
                ),
                _ => return Err(mistyped(file, span, "labels", "write `{ app = \"mosquitto\" }`".into())),
            },
            Type::Texts => {
                Typed::Texts(list(expr).iter().map(|one| self.plain_text(one, scope)).collect::<Read<_>>()?)
            }
            Type::Integers => {
                Typed::Integers(list(expr).iter().map(|one| self.integer(one, scope)).collect::<Read<_>>()?)
            }
            Type::Record(attributes) => match &expr.kind {
                ExprKind::Map(entries) => Typed::Record(self.record(entries, attributes, scope)?),
                _ => return Err(mistyped(file, span, "a block", "write `{ five_qi = 83 }`".into())),
            },
        })
    }

    fn boolean(&self, expr: &'a Expr, scope: Scope) -> Read<bool> {
        let word = expr.as_word().map(|name| name.text.as_str());
        let unknown = word.filter(|word| {
            !matches!(*word, "true" | "false")
                && self.parameter(word, scope).is_none()
                && self.symbols(word, scope).is_empty()
        });
        if unknown.is_none()
            && let Value::Boolean(boolean) = self.evaluate(expr, scope)?
        {
            return Ok(boolean);
        }
        let quoted = match &expr.kind {
            ExprKind::String(literal) => literal.as_plain(),
            ExprKind::Integer(0) => Some("false"),
            ExprKind::Integer(1) => Some("true"),
            _ => None,
        };
        let meant = match unknown.or(quoted).unwrap_or_default().to_ascii_lowercase().as_str() {
            "true" => Some("true"),
            "false" => Some("false"),
            "yes" | "on" | "y" | "enabled" | "enable" => Some("true"),
            "no" | "off" | "n" | "disabled" | "disable" => Some("false"),
            other => nearest(other, ["true", "false"]),
        };
        let wrong =
            mistyped(scope.file, expr.span, "`true` or `false`", "a boolean is `true` or `false`".into());
        Err(match meant {
            Some(word) => Box::new(wrong.fix(format!("write `{word}`"), scope.file, expr.span, word)),
            None => wrong,
        })
    }

    fn record(
        &self,
        entries: &'a [Attribute],
        known: &'static [schema::Attribute],
        scope: Scope,
    ) -> Read<Vec<(&'static str, Typed<'a>)>> {
        entries
            .iter()
            .map(|entry| {
                let Some(attribute) = known.iter().find(|known| known.name == entry.name.text) else {
                    let names = known.iter().map(|known| known.name);
                    return Err(Box::new(
                        Diagnostic::new(&codes::E0207, format!("unknown attribute `{}`", entry.name.text))
                            .primary(scope.file, entry.name.span, "not known here")
                            .did_you_mean(&entry.name.text, scope.file, entry.name.span, names.clone())
                            .help_otherwise(|| {
                                format!("known are: {}", names.collect::<Vec<_>>().join(", "))
                            }),
                    ));
                };
                Ok((attribute.name, self.typed(&entry.value, attribute.kind, scope)?))
            })
            .collect()
    }

    pub(super) fn plain_text(&self, expr: &'a Expr, scope: Scope) -> Read<SmolStr> {
        if let Some(word) =
            expr.as_word().filter(|word| !matches!(word.text.as_str(), "true" | "false" | "index"))
            && self.parameter(&word.text, scope).is_none()
            && self.symbols(&word.text, scope).is_empty()
        {
            let quoted = format!("\"{}\"", word.text);
            let wrong = mistyped(scope.file, expr.span, "a text", format!("put it into quotes: `{quoted}`"));
            return Err(Box::new(wrong.fix("put it into quotes", scope.file, expr.span, quoted)));
        }
        match self.evaluate(expr, scope)? {
            Value::Text(text) => Ok(text),
            _ => Err(mistyped(scope.file, expr.span, "a text", "put it into quotes".into())),
        }
    }

    /// One of a list of words. A word is not looked up as a name.
    pub fn word(&self, expr: &'a Expr, words: &'static [&'static str], scope: Scope) -> Read<&'static str> {
        let known = words.join(", ");
        let Some(name) = expr.as_word() else {
            let wrong = mistyped(scope.file, expr.span, "a word", format!("write one of: {known}"));
            let quoted = match &expr.kind {
                ExprKind::String(literal) => literal.as_plain(),
                _ => None,
            };
            return Err(match quoted.and_then(|text| words.iter().find(|word| **word == text)) {
                Some(word) => Box::new(wrong.help(format!("write `{word}`, without quotes")).fix(
                    "remove the quotes",
                    scope.file,
                    expr.span,
                    *word,
                )),
                None => wrong,
            });
        };
        words.iter().find(|word| **word == name.text).copied().ok_or_else(|| {
            Box::new(
                Diagnostic::new(&codes::E0302, format!("`{}` is none of the known words", name.text))
                    .primary(scope.file, expr.span, "unknown word")
                    .did_you_mean(&name.text, scope.file, expr.span, words.iter().copied())
                    .help_otherwise(|| format!("write one of: {known}")),
            )
        })
    }

    /// A MAC address as such, or as a text, which may hold `{index:02}`.
    fn mac(&self, expr: &'a Expr, scope: Scope) -> Read<Option<[u8; 6]>> {
        Ok(match self.evaluate(expr, scope)? {
            Value::Mac(bytes) => Some(bytes),
            Value::Text(text) => {
                let mut bytes = [0; 6];
                let mut parts = text.split(':');
                let read = bytes.iter_mut().all(|byte| {
                    let digits = parts.next().filter(|part| part.len() == 2 && !part.starts_with('+'));
                    digits
                        .and_then(|digits| u8::from_str_radix(digits, 16).ok())
                        .map(|value| *byte = value)
                        .is_some()
                });
                (read && parts.next().is_none()).then_some(bytes)
            }
            _ => None,
        })
    }

    /// The ends of a range of values; one value twice.
    fn ends<T>(
        &self,
        expr: &'a Expr,
        read: impl Fn(&'a Expr) -> Read<Option<T>>,
        expected: &str,
        help: &str,
        scope: Scope,
    ) -> Read<(T, T)>
    where
        T: Copy + Ord,
    {
        let (first, last) = match &expr.kind {
            ExprKind::Range(first, last) => (read(first)?, read(last)?),
            _ => {
                let one = read(expr)?;
                (one, one)
            }
        };
        match (first, last) {
            (Some(first), Some(last)) if first <= last => Ok((first, last)),
            _ => Err(mistyped(scope.file, expr.span, expected, help.into())),
        }
    }

    fn integrity(&self, expr: &'a Expr, scope: Scope) -> Read<Integrity> {
        Ok(match self.word(expr, schema::INTEGRITIES, scope)? {
            "field" => Integrity::Field,
            "verified" => Integrity::Verified,
            "safety" => Integrity::Safety,
            _ => Integrity::Untrusted,
        })
    }

    fn address_range(&self, expr: &'a Expr, scope: Scope) -> Read<(IpAddr, IpAddr)> {
        match self.evaluate(expr, scope)? {
            Value::Address(address) => Ok((address, address)),
            Value::AddressRange(first, last) => Ok((first, last)),
            Value::Prefix(net) => Ok((net.network(), net.broadcast())),
            _ => Err(mistyped(
                scope.file,
                expr.span,
                "an address",
                "write an address, a range `10.0.0.10..10.0.0.20`, or `some_network.host(16)`".into(),
            )),
        }
    }

    fn one_prefix(&self, expr: &'a Expr, scope: Scope) -> Read<IpNet> {
        if let ExprKind::Slash(address, length) = &expr.kind
            && let (ExprKind::Address(address), ExprKind::Integer(length)) = (&address.kind, &length.kind)
        {
            let whole = format!("{address}/{length}");
            let wrong =
                mistyped(scope.file, expr.span, "a prefix", format!("write `{whole}`, without a space"));
            return Err(Box::new(wrong.fix("remove the space", scope.file, expr.span, whole)));
        }
        match self.evaluate(expr, scope)? {
            Value::Prefix(net) => Ok(net),
            // a host; the first address of a network was to have a length
            Value::Address(IpAddr::V4(address)) if address.octets()[3] == 0 => {
                let help =
                    format!("write its length: `{address}/24`, or `{address}/32` for this address alone");
                Err(mistyped(scope.file, expr.span, "a prefix", help))
            }
            Value::Address(address) => Ok(IpNet::from(address)),
            _ => Err(mistyped(scope.file, expr.span, "a prefix", "write `10.20.0.0/16`".into())),
        }
    }

    /// A declaration of one of these kinds.
    pub fn reference(
        &self,
        expr: &'a Expr,
        kinds: &'static [Kind],
        scope: Scope,
    ) -> Read<(EntityId, Option<u32>)> {
        let names = kinds.iter().map(|kind| schema::of(*kind).keyword).collect::<Vec<_>>().join(" or ");
        let ExprKind::Path(path) = &expr.kind else {
            return Err(mistyped(
                scope.file,
                expr.span,
                &format!("the name of a {names}"),
                format!("name a declared {names}"),
            ));
        };
        self.reference_path(path, kinds, scope)
    }

    /// As [`Self::reference`], for a path.
    pub fn reference_path(
        &self,
        path: &'a Path,
        kinds: &'static [Kind],
        scope: Scope,
    ) -> Read<(EntityId, Option<u32>)> {
        let names = kinds.iter().map(|kind| schema::of(*kind).keyword).collect::<Vec<_>>().join(" or ");
        let is_fit = |target: &Target| matches!(target, Target::Entity(id, _) if kinds.contains(&self.entity(*id).kind));
        let found = self.find(path, scope, |targets| targets.iter().any(is_fit))?;
        match found.targets.as_slice() {
            [Target::Entity(id, element)]
                if kinds.contains(&self.entity(*id).kind) && found.rest.is_empty() =>
            {
                Ok((*id, *element))
            }
            targets => Err(self.of_another_kind(path, targets, &names, scope)),
        }
    }

    fn of_another_kind(&self, path: &Path, targets: &[Target], names: &str, scope: Scope) -> Box<Diagnostic> {
        let what = match targets {
            [Target::Entity(id, _)] => format!("a {}", schema::of(self.entity(*id).kind).keyword),
            [Target::Module(_)] => "a module".into(),
            [Target::Template(_)] => "a template".into(),
            _ => "several declarations".into(),
        };
        let mut wrong = Diagnostic::new(&codes::E0203, format!("expected a {names}, found {what}"))
            .primary(scope.file, path.span, format!("this is {what}"))
            .help(format!("name a declared {names}"));
        if let [Target::Entity(id, _)] = targets {
            let (file, span) = self.name_span(*id);
            wrong = wrong.secondary(file, span, "declared here");
        }
        Box::new(wrong)
    }

    fn transport(&self, expr: &'a Expr, scope: Scope) -> Read<TransportMatch> {
        if let ExprKind::Integer(port) = expr.kind {
            let help = format!("say over what: `tcp/{port}` or `udp/{port}`");
            let wrong = mistyped(scope.file, expr.span, "a transport", help);
            return Err(Box::new(wrong.fix(
                format!("write `tcp/{port}`"),
                scope.file,
                expr.span,
                format!("tcp/{port}"),
            )));
        }
        self.transport_of(expr, scope)?.ok_or_else(|| {
            mistyped(
                scope.file,
                expr.span,
                "a transport",
                "write `tcp/502`, `udp/5000..5010`, `sctp/38412`, `icmp` or `ethertype/0x88b8`".into(),
            )
        })
    }

    /// The transport that an expression spells, or nothing where it spells something else.
    pub fn transport_of(&self, expr: &'a Expr, scope: Scope) -> Read<Option<TransportMatch>> {
        if expr.as_word().is_some_and(|name| name.text == "icmp") {
            return Ok(Some(TransportMatch::Ports(PortMatch {
                transport: Transport::IcmpEcho,
                first: 0,
                last: 0,
            })));
        }
        let ExprKind::Slash(name, number) = &expr.kind else { return Ok(None) };
        let Some(word) = name.as_word() else { return Ok(None) };
        let transport = match word.text.as_str() {
            "tcp" => Some(Transport::Tcp),
            "udp" => Some(Transport::Udp),
            "sctp" => Some(Transport::Sctp),
            "ethertype" => None,
            "icmp" => {
                return Err(Box::new(
                    Diagnostic::new(&codes::E0302, "`icmp` has no ports")
                        .primary(scope.file, expr.span, "echo requests, and nothing to number")
                        .help("write `icmp` alone"),
                ));
            }
            other => {
                let known = ["tcp", "udp", "sctp", "ethertype"];
                return Err(Box::new(
                    Diagnostic::new(&codes::E0302, format!("`{other}` is no transport"))
                        .primary(scope.file, word.span, "unknown transport")
                        .did_you_mean(other, scope.file, word.span, known)
                        .help_otherwise(|| format!("known are: {}, icmp", known.join(", "))),
                ));
            }
        };
        if let Some(name) = number.as_word().filter(|name| self.parameter(&name.text, scope).is_none()) {
            let help = "write the number, `tcp/443`, or the protocol without a transport, `https`".into();
            let message = "the number of a port";
            if self.symbols(&name.text, scope).is_empty() && name.text != "index" {
                return Err(mistyped(scope.file, number.span, message, help));
            }
        }
        let (first, last) = match &number.kind {
            ExprKind::Range(from, to) => (self.integer(from, scope)?, self.integer(to, scope)?),
            _ => {
                let number = self.integer(number, scope)?;
                (number, number)
            }
        };
        let (lowest, most, what) =
            if transport.is_some() { (1, 65_535, "port") } else { (0x600, 0xffff, "ethertype") };
        if first > last || first < lowest || last > most {
            let message = format!("`{first}` to `{last}` is no range of {what}s");
            return Err(out_of_range(
                scope.file,
                number.span,
                message,
                format!("a {what} goes from {lowest} to {most}"),
            ));
        }
        let (first, last) = (first as u16, last as u16);
        Ok(Some(match transport {
            Some(transport) => TransportMatch::Ports(PortMatch { transport, first, last }),
            None if first == last => TransportMatch::Ethertype(first),
            None => {
                let help = "write one transport per ethertype".to_owned();
                return Err(out_of_range(scope.file, number.span, "an ethertype is one number".into(), help));
            }
        }))
    }

    fn served(&self, expr: &'a Expr, scope: Scope) -> Read<Served> {
        let (protocol, port) = match &expr.kind {
            ExprKind::On(protocol, port) => (&**protocol, Some(self.transport(port, scope)?)),
            _ => (expr, None),
        };
        let (entity, _) = self.reference(protocol, &[Kind::Protocol], scope)?;
        Ok(Served { protocol: entity, port, span: expr.span, file: scope.file })
    }
}

/// The elements of a list; anything else is a list of itself.
pub(super) fn list(expr: &Expr) -> &[Expr] {
    match &expr.kind {
        ExprKind::List(list) => list,
        _ => std::slice::from_ref(expr),
    }
}

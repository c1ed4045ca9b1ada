//! What a name is, in Markdown: its declaration and documentation at once; resolved addresses, effective rules and what they
//! become from the last analysis.

use std::fmt::Write as _;

use weir_compiler::{
    flows::Statement,
    model::PrincipalKind,
    names::{
        Kind,
        schema::{self, Type},
    },
    plan::AddressSet,
};
use weir_syntax::{
    FileId, Span,
    ast::{Effect, ItemKind},
};

use crate::{database::DeclarationId, facts::Facts, host::Ide, names::Symbol};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hover {
    pub span: Span,
    pub markdown: String,
}

/// Lines of a list, before the rest is counted.
const SHOWN: usize = 8;

impl Ide {
    pub fn hover(&self, file: FileId, offset: u32) -> Option<Hover> {
        match self.occurrence_at(file, offset) {
            Some(found) => {
                let markdown = self.describe(&found.symbol)?;
                Some(Hover { span: found.span, markdown })
            }
            None => self.hover_statement(file, offset),
        }
    }

    pub(crate) fn describe(&self, symbol: &Symbol) -> Option<String> {
        Some(match symbol {
            Symbol::Declaration(id, kind) => {
                let mut text = self.signature_text(*id)?;
                if let Some(documentation) = self.item(*id).map(|item| &item.documentation).filter(|text| !text.is_empty()) {
                    let _ = write!(text, "\n\n{documentation}");
                }
                self.describe_facts(*id, *kind, &mut text);
                text
            }
            Symbol::Module(module) => {
                let path = &self.names().modules.get(*module as usize)?.path;
                format!("```weir\nmodule {path}\n```")
            }
            Symbol::Parameter(id, at) => {
                let parameter = self.template_of(*id)?.parameters.get(*at as usize)?;
                format!("```weir\n{}: {}\n```\n\nA parameter of template `{}`.", parameter.name.text, parameter.kind.text, self.path_of(DeclarationId { inner: None, ..*id }))
            }
            Symbol::Inner(id, at, deeper) => {
                let (item, inner) = self.inner(*id, *at, *deeper)?;
                let head = inner.body.as_ref().map_or(item.span, |body| Span::new(item.span.start, body.span.start));
                let source = self.text(id.file)?;
                let mut text = format!("```weir\n{}\n```\n\nOf `{}`.", head.of(source).trim_end(), self.path_of(*id));
                if !item.documentation.is_empty() {
                    let _ = write!(text, "\n\n{}", item.documentation);
                }
                for attribute in inner.body.iter().flat_map(weir_syntax::ast::Block::attributes) {
                    let _ = write!(text, "\n- `{}`", attribute.span.of(source));
                }
                text
            }
            Symbol::Given(id, at) => {
                let source = self.text(id.file)?;
                match self.declaration(*id)?.body.as_ref()?.entries.get(*at as usize)? {
                    weir_syntax::ast::Entry::Attribute(one) => {
                        format!("```weir\n{}\n```\n\nOf `{}`.", one.span.of(source), self.path_of(*id))
                    }
                    _ => return None,
                }
            }
            Symbol::Attribute(of, attribute) => {
                let required = if attribute.required { ", required" } else { "" };
                format!("```weir\n{} = {}\n```\n\nOf a {of}{required}. {}", attribute.name, type_text(attribute.kind), attribute.documentation)
            }
            Symbol::Keyword(word, documentation) => format!("```weir\n{word}\n```\n\n{documentation}"),
            Symbol::Word(word, of) => {
                let of = (*of)?;
                format!("```weir\n{} = {word}\n```\n\n{}\n\n{}", of.name, of.documentation, type_text(of.kind))
            }
            Symbol::BuiltIn(name) => match name.as_str() {
                "internet" => "```weir\nexternal internet\n```\n\nWhat lies outside of everything that the package declares.".into(),
                "index" => "```weir\nindex\n```\n\nThe number of the array's element, from 1.".into(),
                "any" => "```weir\nany\n```\n\nEvery service; with `deny`, layer 2 too.".into(),
                _ => return None,
            },
            Symbol::Function(name) => match name.as_str() {
                "host" => "```weir\nNETWORK.host(n)\n```\n\nThe n-th address of a network, counted from its first.".into(),
                "subnet" => "```weir\nPREFIX.subnet(length, n)\n```\n\nThe n-th prefix of this length in a prefix.".into(),
                "ref" => "```weir\nref(\"store:path\")\n```\n\nA secret by reference: the value never stands in a package.".into(),
                "x509" | "spiffe" | "sim" | "oidc" => format!("```weir\n{name}(…)\n```\n\nHow a principal proves who it is."),
                "dedicated" | "shared" => format!("```weir\n{name}(GATEWAY)\n```\n\nThe user plane function of a slice, of its own or shared with others."),
                _ => return None,
            },
        })
    }

    /// A declaration's head and, where it is short, its body.
    pub(crate) fn signature_text(&self, id: DeclarationId) -> Option<String> {
        let item = self.item(id)?;
        let source = self.text(id.file)?;
        let shown = match &item.kind {
            ItemKind::Declaration(one) => match &one.body {
                Some(body) if item.span.end - item.span.start > 600 => {
                    Span::new(item.span.start, body.span.start)
                }
                _ => item.span,
            },
            ItemKind::Template(template) => {
                let end = template.items.first().map_or(item.span.end, |first| first.span.start);
                let head = Span::new(item.span.start, end).of(source);
                return Some(format!("```weir\n{}\n```", head.split('{').next().unwrap_or(head).trim_end()));
            }
            _ => return None,
        };
        let text = shown.of(source).trim_end();
        let path = self.path_of(id);
        let place = if path.contains('.') { format!("\n\n`{path}`") } else { String::new() };
        Some(format!("```weir\n{text}\n```{place}"))
    }

    fn describe_facts(&self, id: DeclarationId, kind: Kind, text: &mut String) {
        let Some((facts, entities)) = self.entities(id) else { return };
        let Some(relation) = facts.relation() else { return };
        let model = &relation.model;
        match kind {
            Kind::Device | Kind::Workload | Kind::Gateway | Kind::Role | Kind::External => {
                let mut principals = Vec::new();
                for entity in entities {
                    if let Some((first, count)) = model.principals_of.get(entity) {
                        principals.extend(*first..first + count);
                    }
                    principals.extend(model.regions_of.get(entity).into_iter().flatten());
                }
                self.describe_principals(facts, &principals, text);
            }
            Kind::Group => {
                let group = relation.groups.iter().find(|(group, _)| entities.contains(group));
                if let Some((_, set)) = group {
                    let names: Vec<&str> =
                        set.members().take(SHOWN).map(|id| model.principal(id).name.as_str()).collect();
                    let more = if set.count() > SHOWN as u64 { ", …" } else { "" };
                    let _ = write!(text, "\n\n{}: {}{more}", count(set.count(), "member"), names.join(", "));
                }
            }
            Kind::Zone => {
                let zones: Vec<_> = entities.iter().filter_map(|id| model.zone_of.get(id)).copied().collect();
                let inside = |zone: &weir_compiler::model::ZoneId| {
                    model.zones_around(*zone).any(|one| zones.contains(&one))
                };
                let members = model.principals.iter().filter(|one| one.zones.iter().any(inside)).count();
                let conduits =
                    model.conduits.iter().filter(|one| one.ends.iter().any(|end| entities.contains(end)));
                let conduits: Vec<&str> = conduits.map(|one| one.name.as_str()).collect();
                let _ = write!(
                    text,
                    "\n\n{}; conduits: {}",
                    count(members as u64, "principal"),
                    if conduits.is_empty() { "none".into() } else { conduits.join(", ") }
                );
            }
            Kind::Network | Kind::Slice | Kind::Cluster => {
                let segments: Vec<_> =
                    entities.iter().filter_map(|id| model.segment_of.get(id)).copied().collect();
                let stations = model
                    .principals
                    .iter()
                    .filter(|one| one.attachments.iter().any(|at| segments.contains(&at.segment)));
                let _ = write!(text, "\n\n{}", count(stations.count() as u64, "station"));
            }
            Kind::Class => {
                let of = |class: Option<_>| {
                    std::iter::successors(class, |one| model.bases.get(one).copied())
                        .any(|one| entities.contains(&one))
                };
                let devices = model.principals.iter().filter(|one| of(one.details.class)).count();
                let _ = write!(text, "\n\n{}", count(devices as u64, "device"));
            }
            _ => {}
        }
    }

    fn describe_principals(&self, facts: &Facts, principals: &[u32], text: &mut String) {
        let Some(relation) = facts.relation() else { return };
        let mut addresses: Vec<String> = Vec::new();
        for id in principals.iter().take(SHOWN) {
            let principal = relation.model.principal(*id);
            let shown = address_text(&principal.addresses());
            if principal.kind != PrincipalKind::External && !shown.is_empty() {
                addresses.push(if principals.len() > 1 {
                    format!("`{}` {shown}", principal.name)
                } else {
                    shown
                });
            }
        }
        if !addresses.is_empty() {
            let more = if principals.len() > SHOWN {
                format!("; {} in all", principals.len())
            } else {
                String::new()
            };
            let _ = write!(text, "\n\n**Addresses**: {}{more}", addresses.join("; "));
        }
        for (title, incoming) in [("May be reached by", true), ("May reach", false)] {
            let rules = self.rules_of(facts, principals, incoming);
            if rules.is_empty() {
                let _ = write!(text, "\n\n**{title}**: nobody");
                continue;
            }
            let _ = write!(text, "\n\n**{title}**:");
            for statement in rules.iter().take(SHOWN) {
                let _ = write!(text, "\n- `{}`", statement.text);
                if !statement.policy.is_empty() {
                    let _ = write!(text, " ({})", statement.policy);
                }
            }
            if rules.len() > SHOWN {
                let _ = write!(text, "\n- and {} more", rules.len() - SHOWN);
            }
        }
    }

    /// The statements that really permit something to or from one of these principals, denies taken away.
    fn rules_of<'f>(&self, facts: &'f Facts, principals: &[u32], incoming: bool) -> Vec<&'f Statement> {
        let Some(relation) = facts.relation() else { return Vec::new() };
        let mut numbers: Vec<u32> = relation
            .rectangles
            .iter()
            .filter(|one| {
                let set = if incoming { &one.destinations } else { &one.sources };
                principals.iter().any(|id| set.contains(*id))
            })
            .map(|one| one.statement)
            .collect();
        numbers.sort_unstable();
        numbers.dedup();
        numbers.iter().filter_map(|at| relation.statements.get(*at as usize)).collect()
    }

    /// On `allow`, `deny` or an arrow: what the rule comes to.
    fn hover_statement(&self, file: FileId, offset: u32) -> Option<Hover> {
        let tree = self.tree(file)?;
        let around = crate::navigation::items_at(tree, file, Span::new(offset, offset));
        let (_, item) = around.iter().rev().find(|(_, item)| matches!(item.kind, ItemKind::Flow(_)))?;
        let ItemKind::Flow(flow) = &item.kind else { return None };
        let keyword = Span::new(item.span.start, flow.source.span.start);
        let arrow = Span::new(flow.source.span.end, flow.destination.span.start);
        let span = [keyword, arrow].into_iter().find(|span| span.start <= offset && offset <= span.end)?;
        let (facts, statement) = self.statement_at(file, item.span.start)?;
        let mut text = format!("```weir\n{}\n```", statement.text);
        if !statement.documentation.is_empty() {
            let _ = write!(text, "\n\n{}", statement.documentation);
        }
        let (sources, destinations) = (statement.sources.count(), statement.destinations.count());
        let verb = if statement.effect == Effect::Allow { "permits" } else { "denies" };
        let _ =
            write!(text, "\n\n{verb} {} -> {}", count(sources, "source"), count(destinations, "destination"));
        if statement.effect == Effect::Allow {
            let relation = facts.relation()?;
            let index = relation.statements.iter().position(|one| one.id == statement.id)? as u32;
            let mut ports: Vec<String> = relation
                .rectangles
                .iter()
                .filter(|one| one.statement == index)
                .map(|one| one.ports.describe())
                .collect();
            ports.sort_unstable();
            ports.dedup();
            match ports.as_slice() {
                [] => text.push_str("; nothing of it is left: denies cover it"),
                ports => {
                    let _ = write!(text, " on {}", ports.join(", "));
                }
            }
        }
        text.push_str(&carried(facts, &statement.id));
        Some(Hover { span, markdown: text })
    }
}

/// What a statement becomes: the lines of rulesets, which say it all, and where it stands in files whose lines say little.
fn carried(facts: &Facts, statement: &str) -> String {
    let (mut rulesets, mut others) = (String::new(), String::new());
    for name in facts.carriers(statement) {
        for (path, contents) in facts.artifacts_of(name).unwrap_or_default() {
            let named = (1..).zip(contents.lines()).filter(|(_, line)| line.contains(statement));
            let lines: Vec<(u32, &str)> = named.map(|(number, line)| (number, line.trim())).collect();
            let Some((first, _)) = lines.first() else { continue };
            if path.strip_suffix(".nft").is_none() {
                let _ = write!(others, "\n- `{path}`, line {first}");
                continue;
            }
            let _ = write!(rulesets, "\n\n`{path}`:\n```\n");
            for (_, line) in lines.iter().take(SHOWN) {
                let short: String = line.chars().take(160).collect();
                let _ = writeln!(rulesets, "{short}");
            }
            rulesets.push_str("```");
        }
    }
    if !others.is_empty() {
        rulesets.push('\n');
    }
    rulesets + &others
}

/// `10.0.0.1`, `10.0.0.1..10.0.0.9`, at most four parts.
pub(crate) fn address_text(set: &AddressSet) -> String {
    use std::net::{Ipv4Addr, Ipv6Addr};
    let v4 =
        set.v4.iter().map(|(a, b)| (Ipv4Addr::from_bits(a).to_string(), Ipv4Addr::from_bits(b).to_string()));
    let v6 =
        set.v6.iter().map(|(a, b)| (Ipv6Addr::from_bits(a).to_string(), Ipv6Addr::from_bits(b).to_string()));
    let mut parts: Vec<String> =
        v4.chain(v6).take(5).map(|(a, b)| if a == b { a } else { format!("{a}..{b}") }).collect();
    if parts.len() > 4 {
        parts.truncate(4);
        parts.push("…".into());
    }
    parts.join(", ")
}

/// `1 source`, `3 sources`.
pub(crate) fn count(number: u64, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

/// A type of an attribute, in words.
pub(crate) fn type_text(kind: Type) -> String {
    let kinds =
        |kinds: &[Kind]| kinds.iter().map(|kind| schema::of(*kind).keyword).collect::<Vec<_>>().join(" | ");
    match kind {
        Type::Boolean => "true | false".into(),
        Type::Integer { min, max } if max == u64::MAX => format!("{min}.."),
        Type::Integer { min, max } => format!("{min}..{max}"),
        Type::Text => "\"text\"".into(),
        Type::Version => "\"2.10\"".into(),
        Type::Word(words) => words.join(" | "),
        Type::Words(words) => format!("[{}]", words.join(", ")),
        Type::Level => schema::LEVELS.join(" | "),
        Type::Assurance => schema::ASSURANCES.join(" | "),
        Type::Integrity => schema::INTEGRITIES.join(" | "),
        Type::Addresses => "10.0.0.1, 10.0.0.1..10.0.0.9, or a list".into(),
        Type::Prefixes => "10.0.0.0/24, or a list".into(),
        Type::Address => "10.0.0.1".into(),
        Type::Mac => "00:1b:1b:00:00:01".into(),
        Type::Groups => "01:0c:cd:01:00:00..01:0c:cd:01:01:ff".into(),
        Type::Numbers => "0x0001..0x3fff".into(),
        Type::Reference(of) => kinds(of),
        Type::References(of) => format!("[{}]", kinds(of)),
        Type::Set => "set".into(),
        Type::Transports => "tcp/502, or a list".into(),
        Type::Serves => "[protocol, protocol on tcp/1502]".into(),
        Type::Services => "[protocol, protocol.operation, tcp/8443]".into(),
        Type::Identity => "psk | x509(san = \"…\") | spiffe(\"spiffe://…\") | sim(…) | oidc(…)".into(),
        Type::Endorsement => "field -> verified".into(),
        Type::Duration => "5 ms".into(),
        Type::DataRate => "10 Mbps".into(),
        Type::DataSize => "128 B".into(),
        Type::EventRate => "50/s".into(),
        Type::Time => "2026-11-01T08:00Z".into(),
        Type::Snssai => "urllc/0x000001".into(),
        Type::UserPlane => "dedicated(gateway) | shared(gateway)".into(),
        Type::Labels => "{ app = \"name\" }".into(),
        Type::Texts => "[\"text\"]".into(),
        Type::Integers => "[1, 2]".into(),
        Type::Record(_) => "{ … }".into(),
    }
}

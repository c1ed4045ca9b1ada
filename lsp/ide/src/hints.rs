//! What the text does not say and the last analysis knows: sizes of groups and sets, resolved ports, addresses of arrays.

use weir_compiler::names::Kind;
use weir_syntax::{
    FileId, Span,
    ast::{Effect, Item, ItemKind},
};

use crate::{
    database::DeclarationId,
    host::Ide,
    hover::{address_text, count},
};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hint {
    /// Behind this offset.
    pub offset: u32,
    pub label: String,
}

impl Ide {
    /// The hints of what touches a span.
    pub fn hints(&self, file: FileId, within: Span) -> Vec<Hint> {
        let mut hints = Vec::new();
        let Some(tree) = self.tree(file) else { return hints };
        let shown = |item: &Item| item.span.start <= within.end && within.start <= item.span.end;
        for (at, item) in tree.items.iter().enumerate().filter(|(_, item)| shown(item)) {
            let id = DeclarationId { file, item: at as u32, inner: None };
            match &item.kind {
                ItemKind::Template(template) => {
                    for (at, inner) in template.items.iter().enumerate().filter(|(_, inner)| shown(inner)) {
                        self.hints_of(inner, DeclarationId { inner: Some(at as u32), ..id }, &mut hints);
                    }
                }
                _ => self.hints_of(item, id, &mut hints),
            }
        }
        hints
    }

    fn hints_of(&self, item: &Item, id: DeclarationId, hints: &mut Vec<Hint>) {
        match &item.kind {
            ItemKind::Declaration(one) => {
                for entry in one.body.iter().flat_map(|body| &body.entries) {
                    if let weir_syntax::ast::Entry::Flow(item) = entry {
                        self.flow_hints(item, id.file, hints);
                    }
                }
                let Some((facts, [entity, rest @ ..])) = self.entities(id) else { return };
                let Some(relation) = facts.relation() else { return };
                if one.keyword.text == "group" {
                    if let Some((_, set)) =
                        relation.groups.iter().find(|(group, _)| group == entity).filter(|_| rest.is_empty())
                    {
                        hints.push(Hint { offset: item.span.end, label: count(set.count(), "member") });
                    }
                } else if one.array.is_some()
                    && relation
                        .declarations
                        .get(entity.0 as usize)
                        .is_some_and(|one| one.kind == Kind::Device)
                    && let Some((first, number)) =
                        relation.model.principals_of.get(entity).filter(|_| rest.is_empty())
                    && *number > 0
                {
                    let address = |id: u32| relation.model.principal(id).addresses();
                    let mut all = address(*first);
                    if *number <= 10_000 {
                        all = weir_compiler::plan::AddressSet::union_of(
                            &(*first..first + number).map(address).collect::<Vec<_>>(),
                        );
                    }
                    let text = address_text(&all);
                    let given = one
                        .body
                        .iter()
                        .flat_map(weir_syntax::ast::Block::attributes)
                        .find(|one| one.name.text == "address");
                    if let Some(given) = given.filter(|_| !text.is_empty()) {
                        hints.push(Hint { offset: given.value.span.end, label: text });
                    }
                }
            }
            ItemKind::Flow(_) => self.flow_hints(item, id.file, hints),
            _ => {}
        }
    }

    /// Sizes where a name stands for more than one, and the ports of services.
    fn flow_hints(&self, item: &Item, file: FileId, hints: &mut Vec<Hint>) {
        let ItemKind::Flow(flow) = &item.kind else { return };
        let Some((facts, earlier, span)) = self.to_facts(file, item.span) else { return };
        let Some(relation) = facts.relation() else { return };
        let same = |one: &&weir_compiler::flows::Statement| one.file == earlier && one.span == span;
        let mut statements = relation.statements.iter().zip(0_u32..).filter(|(one, _)| same(one));
        // of a template, or of both directions, there are several, and the first says nothing of the rest
        let (Some((statement, index)), None) = (statements.next(), statements.next()) else { return };
        for (expr, set) in [(&flow.source, &statement.sources), (&flow.destination, &statement.destinations)]
        {
            if set.count() > 1 {
                hints.push(Hint { offset: expr.span.end, label: format!("({})", set.count()) });
            }
        }
        if flow.effect == Effect::Allow && flow.service.as_word().is_none_or(|word| word.text != "any") {
            let rectangles = relation.rectangles.iter().filter(|one| one.statement == index);
            let mut ports: Vec<String> = rectangles.map(|one| one.ports.describe()).collect();
            ports.sort_unstable();
            ports.dedup();
            let written = self.text(file).map_or("", |text| flow.service.span.of(text));
            if !ports.is_empty()
                && ports.len() <= 3
                && ports.iter().any(|port| !written.contains(port.as_str()))
            {
                hints.push(Hint { offset: flow.service.span.end, label: ports.join(", ") });
            }
        }
    }
}

//! Gives a tree that was made, not written, one place: that of what it was made from.

use weir_syntax::{
    Span,
    ast::{
        Argument, Attribute, Block, Claim, Declaration, Entry, Expr, ExprKind, Flow, Item, ItemKind, Name,
        Path,
    },
};

/// Everything in it is at this place. Templates are never made.
pub(super) fn item(item: &mut Item, at: Span) {
    item.span = at;
    match &mut item.kind {
        ItemKind::Use(uses) => {
            for import in &mut uses.imports {
                import.path.iter_mut().chain(&mut import.alias).for_each(|one| name(one, at));
            }
        }
        ItemKind::Declaration(one) => declaration(one, at),
        ItemKind::Flow(one) => flow(one, at),
        ItemKind::Assertion(assertion) => {
            name(&mut assertion.kind, at);
            match &mut assertion.claim {
                Claim::Flow { source, destination, service, .. } => {
                    [source, destination].into_iter().chain(service).for_each(|one| expr(one, at));
                }
                Claim::Members(members) => members.iter_mut().for_each(|one| expr(one, at)),
            }
            assertion.body.iter_mut().for_each(|body| block(body, at));
        }
        ItemKind::Template(_) | ItemKind::Error => {}
    }
}

fn name(name: &mut Name, at: Span) {
    name.span = at;
}

fn declaration(declaration: &mut Declaration, at: Span) {
    name(&mut declaration.keyword, at);
    name(&mut declaration.name, at);
    let expressions = [&mut declaration.array, &mut declaration.class, &mut declaration.value];
    expressions.into_iter().flatten().for_each(|one| expr(one, at));
    declaration.cluster.iter_mut().chain(&mut declaration.between).for_each(|one| path(one, at));
    declaration.body.iter_mut().for_each(|body| block(body, at));
}

fn flow(flow: &mut Flow, at: Span) {
    for one in [&mut flow.source, &mut flow.destination, &mut flow.service] {
        expr(one, at);
    }
    flow.body.iter_mut().for_each(|body| block(body, at));
}

fn block(block: &mut Block, at: Span) {
    block.span = at;
    for entry in &mut block.entries {
        match entry {
            Entry::Attribute(one) => attribute(one, at),
            Entry::Block(inner) | Entry::Flow(inner) => item(inner, at),
            Entry::Error(span) => *span = at,
        }
    }
}

fn attribute(attribute: &mut Attribute, at: Span) {
    attribute.span = at;
    name(&mut attribute.name, at);
    expr(&mut attribute.value, at);
}

fn path(path: &mut Path, at: Span) {
    path.span = at;
    for segment in &mut path.segments {
        name(&mut segment.name, at);
        segment.index.iter_mut().for_each(|index| expr(index, at));
        segment.arguments.iter_mut().flatten().for_each(|one| argument(one, at));
    }
}

fn argument(argument: &mut Argument, at: Span) {
    argument.span = at;
    argument.name.iter_mut().for_each(|one| name(one, at));
    argument.selector.iter_mut().for_each(|one| expr(one, at));
    argument.value.iter_mut().for_each(|one| expr(one, at));
}

fn expr(one: &mut Expr, at: Span) {
    one.span = at;
    match &mut one.kind {
        ExprKind::Path(inner) => path(inner, at),
        ExprKind::Method(inner, call) => {
            expr(inner, at);
            path(call, at);
        }
        ExprKind::Slash(a, b)
        | ExprKind::Range(a, b)
        | ExprKind::On(a, b)
        | ExprKind::Arrow(a, b)
        | ExprKind::Where(a, b)
        | ExprKind::Compare(_, a, b) => [a, b].into_iter().for_each(|inner| expr(inner, at)),
        ExprKind::List(all)
        | ExprKind::Union(all)
        | ExprKind::Intersection(all)
        | ExprKind::Product(all)
        | ExprKind::And(all)
        | ExprKind::Or(all) => all.iter_mut().for_each(|inner| expr(inner, at)),
        ExprKind::Map(entries) => entries.iter_mut().for_each(|inner| attribute(inner, at)),
        ExprKind::Sum(first, rest) => {
            expr(first, at);
            for (_, inner) in rest {
                expr(inner, at);
            }
        }
        ExprKind::Not(inner) => expr(inner, at),
        ExprKind::Integer(_)
        | ExprKind::Hexadecimal(..)
        | ExprKind::Quantity(_)
        | ExprKind::Decimal(_)
        | ExprKind::String(_)
        | ExprKind::Address(_)
        | ExprKind::Prefix(..)
        | ExprKind::Mac(_)
        | ExprKind::Date(_)
        | ExprKind::Error => {}
    }
}

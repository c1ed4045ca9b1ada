//! From the text of assertions to claims.

use weir_syntax::{
    Diagnostic,
    ast::{self, Arrow},
    diagnostic::codes,
};

use super::{Body, Claim, Claims, Kind, Pivots};
use crate::{
    model::{Model, PrincipalSet, Service, Sets, Typed},
    names::{Assertion, Scope, Universe, schema},
};

struct Reader<'r, 'm, 'a> {
    universe: &'m Universe<'a>,
    model: &'m Model,
    sets: &'r mut Sets<'m, 'a>,
    /// For chains: a gateway on the border of a zone is in none of the two.
    without_borders: Option<Sets<'m, 'a>>,
    diagnostics: &'r mut Vec<Diagnostic>,
}

/// What an assertion's block says.
#[derive(Default)]
struct Block {
    reason: Option<String>,
    pivots: Pivots,
}

impl Claims {
    /// Reads every assertion.
    pub fn read<'a, 'm>(
        universe: &'m Universe<'a>,
        model: &'m Model,
        sets: &mut Sets<'m, 'a>,
        diagnostics: &mut Vec<Diagnostic>,
    ) -> Self {
        let mut reader = Reader { universe, model, sets, without_borders: None, diagnostics };
        let mut claims = Vec::new();
        for assertion in &universe.assertions {
            reader.claims(assertion, &mut claims);
        }
        Self(claims)
    }
}

impl<'a> Reader<'_, '_, 'a> {
    fn claims(&mut self, assertion: &Assertion<'a>, claims: &mut Vec<Claim>) {
        let (scope, span, ast) = (assertion.scope, assertion.span, assertion.assertion);
        let word = ast.kind.text.as_str();
        let about_chains = matches!(word, "never" | "isolated");
        let block = self.block(ast, about_chains, scope);
        let mut push = |body| {
            let reason = block.reason.clone();
            claims.push(Claim { body, reason, file: scope.file, span });
        };
        match &ast.claim {
            ast::Claim::Members(members) => {
                let sets: Vec<_> = members
                    .iter()
                    .map(|member| Some((self.side(member, scope, about_chains)?, member.span)))
                    .collect();
                if let Some(members) = sets.into_iter().collect()
                    && word == "isolated"
                {
                    push(Body::Isolated { members, pivots: block.pivots.clone() });
                }
            }
            ast::Claim::Flow { source, arrow, destination, service } => {
                let sources = self.side(source, scope, about_chains);
                let destinations = self.side(destination, scope, about_chains);
                let services = service.as_ref().map(|service| self.services(service, scope));
                let (Some(sources), Some(destinations)) = (sources, destinations) else { return };
                let kind = match (word, services) {
                    ("never", Some(None)) => return,
                    ("never", services) => {
                        let (services, pivots) = (services.flatten(), block.pivots.clone());
                        push(Body::Never { sources, destinations, services, pivots });
                        return;
                    }
                    ("allow", Some(Some(services))) => (Kind::Allow, services),
                    ("deny", Some(Some(services))) => (Kind::Deny, services),
                    ("only", Some(Some(services))) => (Kind::Only, services),
                    _ => return,
                };
                let (kind, services) = kind;
                if *arrow == Arrow::Both {
                    let (sources, destinations) = (destinations.clone(), sources.clone());
                    push(Body::Direct { kind, sources, destinations, services: services.clone() });
                }
                push(Body::Direct { kind, sources, destinations, services });
            }
        }
    }

    fn block(&mut self, assertion: &'a ast::Assertion, about_chains: bool, scope: Scope) -> Block {
        let mut block = Block::default();
        for attribute in assertion.body.iter().flat_map(ast::Block::attributes) {
            match attribute.name.text.as_str() {
                "pivot" if !about_chains => self.diagnostics.push(
                    Diagnostic::new(
                        &codes::E0207,
                        format!("`assert {}` has no `pivot`", assertion.kind.text),
                    )
                    .primary(scope.file, attribute.name.span, "not here")
                    .help("it is about single flows; `pivot` narrows the chains of `never` and `isolated`"),
                ),
                "pivot" => block.pivots = self.services(&attribute.value, scope),
                "reason" => match self.universe.typed(&attribute.value, schema::Type::Text, scope) {
                    Ok(Typed::Text(text)) => block.reason = Some(text.to_string()),
                    Ok(_) => {}
                    Err(diagnostic) => self.diagnostics.push(*diagnostic),
                },
                _ => {}
            }
        }
        block
    }

    fn services(&mut self, expr: &'a ast::Expr, scope: Scope) -> Option<Vec<Service>> {
        let services = self.model.protocols.services(self.universe, expr, scope);
        services.map_err(|diagnostic| self.diagnostics.push(*diagnostic)).ok()
    }

    fn side(&mut self, expr: &'a ast::Expr, scope: Scope, about_chains: bool) -> Option<PrincipalSet> {
        let sets = if about_chains {
            let (universe, model) = (self.universe, self.model);
            self.without_borders.get_or_insert_with(|| Sets::without_borders(universe, model))
        } else {
            &mut *self.sets
        };
        match sets.evaluate(expr, scope) {
            Ok(set) if set.is_empty() => {
                let label = if about_chains {
                    "no principal is in it, apart from gateways on its border"
                } else {
                    "no principal is in it"
                };
                self.diagnostics.push(
                    Diagnostic::new(&codes::E0507, "this set is empty")
                        .primary(scope.file, expr.span, label)
                        .help("an assertion about nobody holds without saying anything"),
                );
            }
            Ok(set) => return Some(set),
            Err(diagnostic) => self.diagnostics.push(*diagnostic),
        }
        None
    }
}

//! Who may do what: Envoy's role-based access control, with one policy for each permission.

use std::collections::BTreeMap;

use serde::Serialize;
use weir_compiler::plan::proxies::{
    Client, Evidence, HttpMatch, Listener, PathMatch, Permission, ProxyOperations, ProxyPlan,
};
use weir_targets::is_plain;

use crate::{EmitError, http::issuer_key, tls::Text};

#[derive(Serialize)]
pub(crate) struct Rbac {
    #[serde(skip_serializing_if = "Option::is_none")]
    stat_prefix: Option<String>,
    /// Without it, Envoy permits everything.
    rules: Rules,
    /// What would be in force without permissions on trial: its refusals are logged.
    #[serde(skip_serializing_if = "Option::is_none")]
    shadow_rules: Option<Rules>,
    #[serde(skip_serializing_if = "Option::is_none")]
    shadow_rules_stat_prefix: Option<&'static str>,
}

#[derive(Serialize)]
struct Rules {
    action: &'static str,
    policies: BTreeMap<String, Policy>,
}

#[derive(Serialize)]
struct Policy {
    /// One of them.
    permissions: Vec<Rule>,
    principals: Vec<Who>,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Rule {
    Any(bool),
    AndRules(Rulesets),
    OrRules(Rulesets),
    #[serde(rename = "not_rule")]
    Not(Box<Rule>),
    Header(Header),
    UrlPath(UrlPath),
}

#[derive(Serialize)]
struct Rulesets {
    rules: Vec<Rule>,
}

#[derive(Serialize)]
struct Header {
    name: &'static str,
    string_match: Text,
}

#[derive(Serialize)]
struct UrlPath {
    path: Text,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Who {
    Authenticated(Authenticated),
    SourcedMetadata(SourcedMetadata),
}

#[derive(Serialize)]
struct Authenticated {
    principal_name: Text,
}

#[derive(Serialize)]
struct SourcedMetadata {
    metadata_matcher: MetadataMatcher,
}

#[derive(Serialize)]
struct MetadataMatcher {
    filter: &'static str,
    path: Vec<PathKey>,
    value: ListValue,
}

#[derive(Serialize)]
struct PathKey {
    key: String,
}

#[derive(Serialize)]
struct ListValue {
    list_match: ListMatch,
}

#[derive(Serialize)]
struct ListMatch {
    one_of: StringValue,
}

#[derive(Serialize)]
struct StringValue {
    string_match: Text,
}

/// Refusals of the shadow rules are in the log under this name.
pub(crate) const SHADOW: &str = "weir_audit_";

pub(crate) fn of(
    plan: &ProxyPlan,
    listener: &Listener,
    stat_prefix: Option<String>,
) -> Result<Rbac, EmitError> {
    let on_trial = listener.permissions.iter().any(|permission| permission.audit);
    let rules = rules(plan, listener.permissions.iter())?;
    let shadow = on_trial.then(|| self::rules(plan, listener.permissions.iter().filter(|one| !one.audit)));
    Ok(Rbac {
        stat_prefix,
        rules,
        shadow_rules: shadow.transpose()?,
        shadow_rules_stat_prefix: on_trial.then_some(SHADOW),
    })
}

fn rules<'p>(
    plan: &ProxyPlan,
    permissions: impl Iterator<Item = &'p Permission>,
) -> Result<Rules, EmitError> {
    let mut policies = BTreeMap::new();
    for permission in permissions {
        let statement =
            plan.statements.get(permission.statement as usize).map_or("", |statement| statement.id.as_str());
        if !is_plain(statement) {
            return Err(EmitError::UnsafeName { kind: "statement", name: statement.into() });
        }
        // a policy without principals is no policy to Envoy
        if permission.clients.is_empty() {
            continue;
        }
        let mut name = statement.to_owned();
        let mut number = 2;
        while policies.contains_key(&name) {
            name = format!("{statement}/{number}");
            number += 1;
        }
        let principals = permission.clients.iter().map(who).collect::<Result<_, _>>()?;
        policies
            .insert(name, Policy { permissions: vec![what(statement, &permission.operations)?], principals });
    }
    Ok(Rules { action: "ALLOW", policies })
}

fn who(client: &Client) -> Result<Who, EmitError> {
    match &client.evidence {
        Evidence::Uri(text) | Evidence::Dns(text) => {
            Ok(Who::Authenticated(Authenticated { principal_name: Text::Exact(text.clone()) }))
        }
        Evidence::Token { issuer, group } => {
            let path = [issuer_key(issuer), "groups".to_owned()].map(|key| PathKey { key });
            let one_of = StringValue { string_match: Text::Exact(group.clone()) };
            Ok(Who::SourcedMetadata(SourcedMetadata {
                metadata_matcher: MetadataMatcher {
                    filter: "envoy.filters.http.jwt_authn",
                    path: path.into(),
                    value: ListValue { list_match: ListMatch { one_of } },
                },
            }))
        }
        _ => Err(EmitError::WrongPlan { statement: client.name.clone() }),
    }
}

fn what(statement: &str, operations: &ProxyOperations) -> Result<Rule, EmitError> {
    match operations {
        ProxyOperations::Everything => Ok(Rule::Any(true)),
        ProxyOperations::Http { permit, refuse } => {
            let any_of =
                |list: &[HttpMatch]| Rule::OrRules(Rulesets { rules: list.iter().map(request).collect() });
            let permitted = any_of(permit);
            if refuse.is_empty() {
                return Ok(permitted);
            }
            let rules = vec![permitted, Rule::Not(Box::new(any_of(refuse)))];
            Ok(Rule::AndRules(Rulesets { rules }))
        }
        _ => Err(EmitError::WrongPlan { statement: statement.into() }),
    }
}

fn request(one: &HttpMatch) -> Rule {
    let method =
        |method: &String| Rule::Header(Header { name: ":method", string_match: Text::Exact(method.clone()) });
    let mut rules = Vec::new();
    if !one.methods.is_empty() {
        rules.push(Rule::OrRules(Rulesets { rules: one.methods.iter().map(method).collect() }));
    }
    match &one.path {
        Some(PathMatch::Exact(path)) => {
            rules.push(Rule::UrlPath(UrlPath { path: Text::Exact(path.clone()) }));
        }
        Some(PathMatch::Below(path)) => {
            rules.push(Rule::UrlPath(UrlPath { path: Text::Prefix(path.clone()) }));
        }
        None => {}
    }
    if rules.is_empty() { Rule::Any(true) } else { Rule::AndRules(Rulesets { rules }) }
}

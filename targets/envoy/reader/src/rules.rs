//! Role-based access control, as Envoy evaluates it: permitted, if a policy has both a permission and a principal that
//! match.

use std::collections::BTreeMap;

use crate::{
    Identity, Path, Policy, Request,
    message::{PolicyText, Rbac, Rule, Rules, SHADOW, Who},
};

pub(crate) fn read(
    rbac: &Rbac,
    issuers: &BTreeMap<String, String>,
    http: bool,
) -> Result<Vec<Policy>, String> {
    let enforced = of(&rbac.rules, issuers, http)?;
    let prefix = rbac.shadow_rules.as_ref().map(|_| SHADOW);
    if rbac.shadow_rules_stat_prefix.as_deref() != prefix {
        return Err("where refusals on trial are noted".into());
    }
    let Some(shadow) = &rbac.shadow_rules else { return Ok(enforced) };
    let trial = of(shadow, issuers, http)?;
    // what is refused on trial only is permitted, and logged as refused; the rest is the same in both
    let mut policies = Vec::new();
    let mut rest = trial.as_slice();
    for policy in enforced {
        match rest.iter().position(|other| *other == policy) {
            Some(at) => {
                rest = &rest[at + 1..];
                policies.push(policy);
            }
            None => policies.push(Policy { audit: true, ..policy }),
        }
    }
    // numbers of parts may differ between the two: nothing on trial may be left that is not enforced
    if policies.iter().filter(|policy| !policy.audit).count() != trial.len() {
        return Err("the rules on trial permit what the rules in force do not".into());
    }
    Ok(policies)
}

fn of(rules: &Rules, issuers: &BTreeMap<String, String>, http: bool) -> Result<Vec<Policy>, String> {
    if rules.action != "ALLOW" {
        return Err(format!("the action {}", rules.action));
    }
    rules.policies.iter().map(|(name, policy)| one(name, policy, issuers, http)).collect()
}

fn one(
    name: &str,
    text: &PolicyText,
    issuers: &BTreeMap<String, String>,
    http: bool,
) -> Result<Policy, String> {
    let mut clients =
        text.principals.iter().map(|who| client(who, issuers)).collect::<Result<Vec<_>, _>>()?;
    clients.sort();
    if clients.is_empty() {
        return Err(format!("the policy {name} is nobody's"));
    }
    let [rule] = text.permissions.as_slice() else {
        return Err(format!("the policy {name} has not one rule"));
    };
    let (permit, refuse) = match alternatives(rule)? {
        Alternative::Any => (None, Vec::new()),
        Alternative::Or(list) => (Some(requests(list)?), Vec::new()),
        Alternative::And([permit, refuse]) => match (alternatives(permit)?, alternatives(refuse)?) {
            (Alternative::Or(permit), Alternative::Not(refuse)) => match alternatives(refuse)? {
                Alternative::Or(refuse) => (Some(requests(permit)?), requests(refuse)?),
                _ => return Err(format!("what the policy {name} refuses")),
            },
            _ => return Err(format!("the rule of the policy {name}")),
        },
        _ => return Err(format!("the rule of the policy {name}")),
    };
    if permit.is_some() && !http {
        return Err(format!("the policy {name} is about requests, and bytes are passed on"));
    }
    Ok(Policy { statement: name.into(), clients, permit, refuse, audit: false })
}

fn client(who: &Who, issuers: &BTreeMap<String, String>) -> Result<Identity, String> {
    match (&who.authenticated, &who.sourced_metadata) {
        (Some(found), None) => {
            found.principal_name.exact().map(Identity::Name).ok_or("a name that is not exact".into())
        }
        (None, Some(found)) => {
            let matcher = &found.metadata_matcher;
            let group = matcher.value.list_match.one_of.string_match.exact();
            match (matcher.path.as_slice(), group) {
                ([issuer, claim], Some(group))
                    if matcher.filter == "envoy.filters.http.jwt_authn" && claim.key == "groups" =>
                {
                    let issuer = issuers.get(&issuer.key).ok_or("a token of an unknown issuer")?;
                    Ok(Identity::Token { issuer: issuer.clone(), group })
                }
                _ => Err("this part of a token".into()),
            }
        }
        _ => Err("not one principal".into()),
    }
}

enum Alternative<'r> {
    Any,
    And(&'r [Rule]),
    Or(&'r [Rule]),
    Not(&'r Rule),
    Method(String),
    Path(Path),
}

/// The one field that is set.
fn alternatives(rule: &Rule) -> Result<Alternative<'_>, String> {
    let mut found = Vec::new();
    if let Some(any) = rule.any {
        if !any {
            return Err("`any: false`".into());
        }
        found.push(Alternative::Any);
    }
    found.extend(rule.and_rules.as_ref().map(|set| Alternative::And(&set.rules)));
    found.extend(rule.or_rules.as_ref().map(|set| Alternative::Or(&set.rules)));
    found.extend(rule.not.as_deref().map(Alternative::Not));
    if let Some(header) = &rule.header {
        let method = header.string_match.exact().filter(|_| header.name == ":method");
        found.push(Alternative::Method(method.ok_or("a header that is not the method")?));
    }
    if let Some(url) = &rule.url_path {
        found.push(Alternative::Path(match (url.path.exact(), url.path.prefix()) {
            (Some(path), None) => Path::Exact(path),
            (None, Some(path)) if path.ends_with('/') => Path::Below(path),
            _ => return Err("a path that is neither exact nor a folder".into()),
        }));
    }
    let only = found.pop().ok_or("a rule without a field")?;
    if found.is_empty() { Ok(only) } else { Err("a rule with two fields".into()) }
}

fn requests(rules: &[Rule]) -> Result<Vec<Request>, String> {
    let mut requests = Vec::new();
    for rule in rules {
        let mut request = Request { methods: Vec::new(), path: None };
        match alternatives(rule)? {
            Alternative::Any => {}
            Alternative::And(parts) => {
                for part in parts {
                    match alternatives(part)? {
                        Alternative::Or(methods) if request.methods.is_empty() && !methods.is_empty() => {
                            for method in methods {
                                let Alternative::Method(method) = alternatives(method)? else {
                                    return Err("methods".into());
                                };
                                request.methods.push(method);
                            }
                        }
                        Alternative::Path(path) if request.path.is_none() => request.path = Some(path),
                        _ => return Err("a part of a request".into()),
                    }
                }
                if parts.is_empty() {
                    return Err("a request of no parts".into());
                }
            }
            _ => return Err("a request".into()),
        }
        request.methods.sort();
        requests.push(request);
    }
    requests.sort();
    Ok(requests)
}

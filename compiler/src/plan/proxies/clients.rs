//! By what a point knows the sources of what it takes, and what it could not tell apart.

use std::{collections::BTreeMap, sync::Arc};

use weir_syntax::{Diagnostic, diagnostic::codes};

use super::{
    Client, Evidence, Listener, ProxyKind, ProxyOperations, evidence,
    listeners::{Builder, Draft},
};
use crate::model::PrincipalSet;

impl Builder<'_, '_> {
    pub(super) fn clients(
        &mut self,
        point: u32,
        port: u16,
        draft: &Draft,
        rectangle: u32,
    ) -> Option<Arc<[Client]>> {
        let sources = self.rectangles[rectangle as usize].sources.clone();
        let key = (Arc::as_ptr(&sources) as usize, point, draft.kind, draft.speaks);
        if let Some((_, known)) = self.clients.get(&key) {
            return Some(known.clone());
        }
        let mut clients = Vec::new();
        for id in sources.members().filter(|id| *id != point) {
            let principal = self.model.principal(id);
            let found = evidence::of(principal, draft.kind, draft.speaks);
            let found =
                found.and_then(|evidence| match self.owners.other(self.model, draft.kind, id, &evidence) {
                    Some(other) => Err(evidence::Unknown {
                        why: format!("`{}` shows the same", self.model.principal(other).name),
                        help: "give each an identity of its own: in an array, let its name depend on `index`"
                            .into(),
                    }),
                    None if matches!(&evidence, Evidence::Addresses(all) if all.is_empty()) => {
                        Err(evidence::Unknown {
                            why: "it has neither a certificate nor an address".into(),
                            help: "give it a certificate: `identity = x509(san = \"…\")`".into(),
                        })
                    }
                    None if draft.takes.is_some() && !matches!(evidence, Evidence::Addresses(_)) => {
                        Err(evidence::Unknown {
                            why: "it shows a certificate, and connections that are taken on their way are plain".into(),
                            help: "leave its certificate out of the package (`identity = none`), or lead it through a gateway that is not `transparent`".into(),
                        })
                    }
                    None => Ok(evidence),
                });
            match found {
                Ok(evidence) => clients.push(Client { name: principal.name.to_string(), evidence }),
                Err(unknown) => {
                    let statement = self.statement(rectangle);
                    let diagnostic = Diagnostic::new(
                        &codes::E0607,
                        format!(
                            "`{}` cannot verify who `{}` is: {}",
                            self.model.principal(point).name,
                            principal.name,
                            unknown.why
                        ),
                    )
                    .primary(statement.file, statement.source_span, "not told from others")
                    .help(unknown.help);
                    self.diagnostics.push(diagnostic);
                    return None;
                }
            }
        }
        let without = sources.members().find(|id| {
            draft.kind == ProxyKind::Mosquitto && !evidence::has_certificate(self.model.principal(*id))
        });
        if let Some(without) = without {
            let statement = self.statement(rectangle);
            let (asks, asked) = (&self.model.principal(point).name, &self.model.principal(without).name);
            let diagnostic = Diagnostic::new(
                &codes::W0607,
                format!("`{asks}` asks `{asked}` for a certificate that it is not declared to have"),
            )
            .primary(statement.file, statement.source_span, format!("known by the common name `{asked}`"))
            .help(format!("issue it that certificate, and say so: `identity = x509(cn = \"{asked}\")`"));
            self.diagnostics.push(diagnostic);
        }
        if clients.iter().any(|client| matches!(client.evidence, Evidence::Addresses(_))) {
            self.check_address_translation(point, port, &sources, rectangle);
        }
        clients.sort_unstable();
        let clients: Arc<[Client]> = clients.into();
        self.clients.insert(key, (sources, clients.clone()));
        Some(clients)
    }

    /// Where clients are known by their addresses, nobody on the way may change them.
    fn check_address_translation(&mut self, point: u32, port: u16, sources: &PrincipalSet, rectangle: u32) {
        let attachments = |id: u32| self.model.principal(id).attachments.iter().map(|one| one.segment);
        let mut from: Vec<_> = sources.members().flat_map(attachments).collect();
        from.sort_unstable();
        from.dedup();
        for (start, end) in from.iter().flat_map(|start| attachments(point).map(move |end| (*start, end))) {
            let Some(route) = self.routes.route(start, end) else { continue };
            let hides = |hop: &&crate::plan::routes::Hop| {
                let gateway = self.model.gateway(hop.gateway);
                gateway.masquerade.contains(&hop.to) && gateway.principal.is_none_or(|own| own.0 != point)
            };
            let Some(hop) = route.hops.iter().find(hides) else { continue };
            let statement = self.statement(rectangle);
            let diagnostic = Diagnostic::new(
                &codes::E0504,
                format!("`{}` hides the source of this flow", self.model.gateway(hop.gateway).name),
            )
            .primary(
                statement.file,
                statement.source_span,
                format!("known by its address alone on port {port}"),
            )
            .help("give the source a certificate (`identity = …`), or route without masquerading");
            self.diagnostics.push(diagnostic);
            return;
        }
    }

    /// A broker knows its clients, and not by which port they came.
    pub(super) fn check_ports_alike(&mut self, point: u32, listeners: &[Listener]) {
        if listeners.len() < 2 {
            return;
        }
        // by client and port: what it may, and by which statement
        let mut rights: BTreeMap<&str, BTreeMap<u16, Vec<(u32, &ProxyOperations)>>> = BTreeMap::new();
        for listener in listeners {
            for permission in &listener.permissions {
                for client in permission.clients.iter() {
                    let ports = rights.entry(&client.name).or_default();
                    let all = ports.entry(listener.port).or_default();
                    all.push((permission.statement, &permission.operations));
                }
            }
        }
        let mut found = None;
        for (client, ports) in &rights {
            let mut ports = ports.iter();
            let Some((first, known)) = ports.next() else { continue };
            if let Some((other, rights)) = ports.find(|(_, rights)| *rights != known)
                && let Some((statement, _)) = rights.iter().chain(known).next()
            {
                found = Some((*statement, (*client).to_owned(), *first, *other));
                break;
            }
        }
        let Some((statement, client, first, other)) = found else { return };
        let statement = &self.statements[statement as usize];
        let name = &self.model.principal(point).name;
        let message =
            format!("`{name}` cannot give `{client}` other rights on port {other} than on port {first}");
        let diagnostic = Diagnostic::new(&codes::E0606, message)
            .primary(statement.file, statement.service_span, "by one port only")
            .help("a broker knows who somebody is, not by which port they came: permit the same on both, or use one port");
        self.diagnostics.push(diagnostic);
    }

    /// A port asks for certificates, or it does not.
    pub(super) fn check_mixture(&mut self, point: u32, listener: &Listener) {
        let clients =
            || listener.permissions.iter().flat_map(|p| p.clients.iter().map(move |client| (p, client)));
        let by_address = clients().find(|(_, client)| matches!(client.evidence, Evidence::Addresses(_)));
        let by_certificate = clients().find(|(_, client)| !matches!(client.evidence, Evidence::Addresses(_)));
        let (Some((permission, plain)), Some((_, other))) = (by_address, by_certificate) else { return };
        let statement = &self.statements[permission.statement as usize];
        let diagnostic = Diagnostic::new(
            &codes::E0607,
            format!(
                "port {} of `{}` asks `{}` for a certificate, and `{}` has none",
                listener.port, self.model.principal(point).name, other.name, plain.name
            ),
        )
        .primary(statement.file, statement.source_span, "known by its address alone")
        .help("give all clients of the port certificates, or none of them: a port either asks for them or does not");
        self.diagnostics.push(diagnostic);
    }
}

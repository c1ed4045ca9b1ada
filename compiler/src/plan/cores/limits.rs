//! What a core cannot be told: permissions that its own filter would widen, and more rules or filters than it has room for.

use std::collections::BTreeSet;

use ipnet::IpNet;
use weir_syntax::{Diagnostic, diagnostic::codes};

use super::{CorePlan, build::Planner};
use crate::plan::{PortMatch, Transport};

impl Planner<'_, '_, '_> {
    /// Whether the core's own filter can say this; if not, it is an error.
    pub(super) fn filterable(
        &mut self,
        (statement, started_by_ue): (u32, bool),
        far: &[IpNet],
        ports: &[PortMatch],
        refused: &mut BTreeSet<u32>,
    ) -> bool {
        let wide = |net: &IpNet| matches!(net, IpNet::V4(net) if net.network().is_unspecified());
        let (label, help) = if !started_by_ue {
            (
                "its filter knows ports of the far end only, and here the UE serves",
                "let the UE start the connection, or run this slice on Open5GS, where the packet filter of the UPF's host holds it",
            )
        } else if ports.iter().any(|port| !matches!(port.transport, Transport::Tcp | Transport::Udp)) {
            (
                "of all but TCP and UDP, its filter makes any protocol",
                "name what runs over TCP or UDP, or run this slice on Open5GS, where the packet filter of the UPF's host holds ICMP and SCTP",
            )
        } else if far.iter().any(wide) {
            (
                "an endpoint that begins with 0.0.0.0 is anybody to its filter",
                "name the prefixes: `external cloud { prefixes = 203.0.113.0/24 }`",
            )
        } else if far.iter().any(|net| matches!(net, IpNet::V6(_)))
            && far.iter().all(|net| matches!(net, IpNet::V6(_)))
        {
            ("its filter knows IPv4 only", "give the other end an IPv4 address")
        } else {
            return true;
        };
        if refused.insert(statement) {
            let statement = &self.statements[statement as usize];
            self.diagnostics.push(
                Diagnostic::new(
                    &codes::E0718,
                    format!("{} cannot permit this flow and no other", self.known.product.name()),
                )
                .primary(statement.file, statement.span, label)
                .help(help),
            );
        }
        false
    }

    /// Rules of one session and filters of one flow, at most.
    pub(super) fn counts(&mut self, plan: &CorePlan) {
        let too_many = |statement: u32, what: String, label: String| {
            let id = &plan.statements[statement as usize].id;
            let found = self.statements.iter().find(|one| one.id == *id)?;
            let place = found.conditions.quality.as_ref().map_or(found.span, |quality| quality.span);
            Some(
                Diagnostic::new(&codes::E0718, what).primary(found.file, place, label).help(
                    "name fewer, adjacent addresses and ports, or leave the quality to the slice: all its flows have that one",
                ),
            )
        };
        let product = self.known.product.name();
        let mut found = Vec::new();
        for flow in &plan.flows {
            if flow.filters.len() > self.known.filters_per_flow {
                let what = format!("{product} takes {} filters of one flow", self.known.filters_per_flow);
                let label = format!("{} of them", flow.filters.len());
                found.extend(too_many(flow.statement, what, label));
            }
        }
        let sessions = plan.subscribers.iter().flat_map(|one| &one.sessions);
        let most = sessions.max_by_key(|session| session.flows.len());
        if let Some(session) = most.filter(|session| session.flows.len() > self.known.rules_per_session)
            && let Some(last) = session.flows.last()
        {
            let what = format!("{product} takes {} rules of one session", self.known.rules_per_session);
            let label = format!("one of {} flows with a quality of their own", session.flows.len());
            found.extend(too_many(plan.flows[*last].statement, what, label));
        }
        self.diagnostics.extend(found);
    }
}

//! What a pod may do that decides whether a network policy holds it.

use weir_syntax::{Code, Diagnostic, diagnostic::codes};

use super::{Container, Pods};
use crate::Place;

/// Something about pods that weakens what policies promise.
#[derive(Clone, Debug)]
pub struct Finding {
    pub code: &'static Code,
    /// “Deployment `shop/web` uses the network of its node”.
    pub what: String,
    pub place: Place,
    label: &'static str,
    why: &'static str,
    help: &'static str,
}

impl Finding {
    pub fn diagnostic(&self) -> Diagnostic {
        Diagnostic::new(self.code, self.what.clone())
            .primary(self.place.file, self.place.span, self.label)
            .note(self.why)
            .help(self.help)
    }
}

/// Capabilities with which a container rules its node's network, or its node.
const POWERFUL: [&str; 8] =
    ["ALL", "BPF", "DAC_READ_SEARCH", "NET_ADMIN", "SYS_ADMIN", "SYS_MODULE", "SYS_PTRACE", "SYS_RAWIO"];

/// All that is found about some pods; `judged` says that somebody else has judged their network.
pub fn posture(pods: &Pods, judged: bool) -> Vec<Finding> {
    let object = &pods.object;
    let mut findings = Vec::new();
    let shared =
        [("network", pods.host_network && !judged), ("processes", pods.host_pid), ("IPC", pods.host_ipc)];
    let shared: Vec<&str> = shared.iter().filter(|(_, shared)| *shared).map(|(name, _)| *name).collect();
    if !shared.is_empty() {
        findings.push(Finding {
            code: &codes::W0215,
            what: format!("{object} uses the {} of its node", shared.join(" and ")),
            place: object.place,
            label: "`hostNetwork`, `hostPID` or `hostIPC`",
            why: "no network policy holds a pod with its node's network; with its node's processes it can enter those of other pods",
            help: "give its pods a network and processes of their own",
        });
    }
    let host_port = pods.ports().find_map(|port| port.host_port.map(|host| (host, port.place)));
    if let (Some((port, place)), false) = (host_port, pods.host_network) {
        findings.push(Finding {
            code: &codes::W0215,
            what: format!("{object} uses port {port} of its node"),
            place,
            label: "`hostPort`",
            why: "whoever reaches the node reaches the pod; policies on the way see the node's address",
            help: "offer the port by a Service, and remove `hostPort`",
        });
    }
    let of_containers = |code, is: &dyn Fn(&Container) -> bool, what: &str, label, why, help| {
        let mut found = pods.containers.iter().filter(|container| is(container));
        let first = found.next()?;
        let names: Vec<String> =
            std::iter::once(first).chain(found).map(|container| format!("`{}`", container.name)).collect();
        let place = match (code, &first.image) {
            (code, Some((_, place))) if code == &codes::W0219 => *place,
            _ => first.place,
        };
        let what = match names.as_slice() {
            [name] => format!("{object}: container {name} {what}"),
            several => format!("{object}: each of the containers {} {what}", several.join(", ")),
        };
        Some(Finding { code, what, place, label, why, help })
    };
    findings.extend(of_containers(
        &codes::W0216,
        &is_powerful,
        "may rule the node",
        "privileged, or a capability such as NET_ADMIN",
        "it can change the node's packet filter, and so what its policies hold",
        "remove `privileged`, and the capability",
    ));
    findings.extend(of_containers(
        &codes::W0217,
        &|container| !is_powerful(container) && may_forge(container),
        "may send raw packets",
        "NET_RAW is not dropped",
        "with NET_RAW it can forge the address of another pod of its node, where the plug-in does not bind addresses",
        "drop it: `securityContext: { capabilities: { drop: [ALL] } }`",
    ));
    if pods.service_account.as_deref().is_none_or(|account| account == "default") {
        findings.push(Finding {
            code: &codes::W0218,
            what: format!("{object} runs as the default service account"),
            place: object.place,
            label: "no `serviceAccountName`",
            why: "all pods of the namespace that say none share it: an identity made from it is not this workload's",
            help: "give it a service account of its own",
        });
    }
    findings.extend(of_containers(
        &codes::W0219,
        &|container| container.image.as_ref().is_none_or(|(image, _)| !image.contains("@sha256:")),
        "has an image without a digest",
        "no digest",
        "a tag can be moved to other code, which then has this workload's permissions",
        "name the image by its digest: `image: registry/name@sha256:…`",
    ));
    findings
}

fn is_powerful(container: &Container) -> bool {
    container.privileged || container.added.iter().any(|added| POWERFUL.contains(&added.as_str()))
}

fn may_forge(container: &Container) -> bool {
    let has = |list: &[String], name: &str| list.iter().any(|own| own == name);
    has(&container.added, "NET_RAW")
        || !(has(&container.dropped, "ALL") || has(&container.dropped, "NET_RAW"))
}

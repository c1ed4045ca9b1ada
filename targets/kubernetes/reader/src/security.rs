//! Pod Security Standards: which pods a namespace's level admits.

use crate::objects::{Container, PodManifest};

/// `pod-security.kubernetes.io/enforce` of a namespace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    #[default]
    Privileged,
    Baseline,
    Restricted,
}

/// Capabilities that the baseline level lets a container add.
const BASELINE_CAPABILITIES: [&str; 13] = [
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
];
/// Kinds of volume that the restricted level has.
const RESTRICTED_VOLUMES: [&str; 8] = [
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
];

/// What of a pod its namespace's level refuses.
pub(crate) fn violations(pod: &PodManifest, level: Level) -> Vec<String> {
    let mut found = Vec::new();
    let spec = &pod.spec;
    let containers = || spec.containers.iter().chain(&spec.init_containers).chain(&spec.ephemeral_containers);
    if level >= Level::Baseline {
        for (name, shared) in
            [("hostNetwork", spec.host_network), ("hostPID", spec.host_pid), ("hostIPC", spec.host_ipc)]
        {
            if shared {
                found.push(format!("shares a namespace of the host (`{name}`)"));
            }
        }
        if spec.volumes.iter().any(|volume| volume.contains_key("hostPath")) {
            found.push("mounts a path of the host".into());
        }
        containers().for_each(|container| baseline(container, &mut found));
    }
    if level >= Level::Restricted {
        let kinds = spec.volumes.iter().flat_map(|volume| volume.keys()).filter(|key| *key != "name");
        for kind in kinds.filter(|kind| !RESTRICTED_VOLUMES.contains(&kind.as_str())) {
            found.push(format!("has a volume of the kind `{kind}`"));
        }
        containers().for_each(|container| restricted(pod, container, &mut found));
    }
    found
}

fn baseline(container: &Container, found: &mut Vec<String>) {
    let (name, security) = (&container.name, &container.security_context);
    if security.privileged {
        found.push(format!("container `{name}` is privileged"));
    }
    if container.ports.iter().any(|port| port.host_port.is_some_and(|port| port != 0)) {
        found.push(format!("container `{name}` uses a port of the host"));
    }
    if security.proc_mount.as_deref().is_some_and(|kind| kind != "Default") {
        found.push(format!("container `{name}` unmasks `/proc`"));
    }
    for added in
        security.capabilities.add.iter().filter(|added| !BASELINE_CAPABILITIES.contains(&added.as_str()))
    {
        found.push(format!("container `{name}` adds the capability {added}"));
    }
}

fn restricted(pod: &PodManifest, container: &Container, found: &mut Vec<String>) {
    let (name, security, around) = (&container.name, &container.security_context, &pod.spec.security_context);
    if security.allow_privilege_escalation != Some(false) {
        found.push(format!("container `{name}` may gain privileges (`allowPrivilegeEscalation`)"));
    }
    let drops_all = security.capabilities.drop.iter().any(|dropped| dropped == "ALL");
    if !drops_all || security.capabilities.add.iter().any(|added| added != "NET_BIND_SERVICE") {
        found.push(format!("container `{name}` keeps capabilities (`drop: [ALL]`)"));
    }
    if security.run_as_non_root.or(around.run_as_non_root) != Some(true)
        || security.run_as_user.or(around.run_as_user) == Some(0)
    {
        found.push(format!("container `{name}` may run as root (`runAsNonRoot`)"));
    }
    let profile = security.seccomp_profile.as_ref().or(around.seccomp_profile.as_ref());
    if !profile.is_some_and(|profile| matches!(profile.kind.as_str(), "RuntimeDefault" | "Localhost")) {
        found.push(format!("container `{name}` has no seccomp profile"));
    }
}

//! What the README of an output tree says about this target.

use std::fmt::Write as _;

use weir_compiler::plan::ClusterPlan;
use weir_targets::file_name;

use crate::names::label_value;

/// The section on this target: how to deploy, check and roll back, and what no policy holds.
pub fn readme_section(clusters: &[&ClusterPlan]) -> String {
    let mut out = String::from(
        "## Kubernetes\n\n\
         A withdrawn permission ends for new connections when the cluster's network plug-in has taken the change, mostly \
         within seconds of `kubectl apply`. What becomes of live connections is the plug-in's affair: some cut them, \
         some let them end. To be sure, delete the pod (`kubectl delete pod`): its successor starts under the new \
         policies. Objects that are gone from this tree have to be deleted (below); until then they permit what they did.\n\n\
         | cluster | folder | namespaces that deny by default | names (DNS) |\n| --- | --- | --- | --- |\n",
    );
    for plan in clusters {
        let namespaces: Vec<String> = plan.namespaces.iter().map(|name| format!("`{name}`")).collect();
        let asks = plan.statements.iter().any(|statement| statement.id == format!("{}.dns", plan.name));
        let names =
            if asks { "permitted to every workload" } else { "not permitted: the cluster has no `dns`" };
        let _ = writeln!(
            out,
            "| `{}` | `kubernetes/{}` | {} | {names} |",
            plan.name,
            file_name(&plan.name),
            namespaces.join(", ")
        );
    }
    let (folder, package) = clusters.first().map_or_else(
        || (String::new(), String::new()),
        |plan| (file_name(&plan.name), label_value(&plan.package)),
    );
    let _ = write!(
        out,
        "\n**Deploy**: the namespaces have to exist. See what would change, apply it, then delete what is gone:\n\n\
         ```sh\n\
         kubectl diff --server-side -k kubernetes/{folder}\n\
         kubectl apply --server-side --field-manager=weir -k kubernetes/{folder}\n\
         columns=custom-columns=:.metadata.namespace,:.metadata.name\n\
         comm -23 \\\n\
         \x20   <(kubectl get networkpolicy -A -l weir/package={package} --no-headers -o $columns | awk '{{print $1, $2}}' | sort) \\\n\
         \x20   <(kubectl get -k kubernetes/{folder} --no-headers -o $columns | awk '{{print $1, $2}}' | sort) |\n\
         \x20   while read -r namespace name; do kubectl delete networkpolicy -n \"$namespace\" \"$name\"; done\n\
         ```\n\n\
         With GitOps, point the tool at the folder and let it prune. Permissions come before the default deny, so that a first \
         roll-out cuts nothing that is permitted; until its end, nothing is denied either.\n\n\
         **Check**: `kubectl get networkpolicy -A -l weir/package={package}`; `kubectl diff` prints nothing when the cluster holds \
         what this tree does.\n\n\
         **Roll back**: apply the folder of the tree before, and delete what is gone, as above.\n\n\
         **What no network policy holds**: pods with the host's network; what a node itself sends to its pods; pods of \
         namespaces that are not in the table, towards each other and towards whatever the gateways let the pods' addresses \
         reach; interfaces beside the pods' own (Multus). The cluster needs a network plug-in that enforces policies both ways, \
         port ranges (`endPort`) included; without one, all of this does nothing.\n"
    );
    for plan in clusters {
        guard_rails(&mut out, plan);
    }
    out
}

/// What guard rails of a cluster need, and what they leave out.
fn guard_rails(out: &mut String, plan: &ClusterPlan) {
    let Some(guard_rails) = &plan.guard_rails else { return };
    let (folder, package) = (file_name(&plan.name), label_value(&plan.package));
    // Writing into a String does not fail.
    let _ = write!(
        out,
        "\n**Guard rails of `{}`** (`kubernetes/{folder}/_cluster`): what a `deny` or an `assert never` forbids pods, denied in the \
         tier `Admin` at priority {}, so that no network policy that somebody adds permits it. They permit nothing. The cluster \
         needs the CRD `ClusterNetworkPolicy` (`policy.networking.k8s.io/v1alpha2`) and a network plug-in that enforces it; \
         without the CRD, `kubectl apply` fails. Policies of the same tier with a lower number go before them. One that is gone \
         from this tree still forbids what it did, until it is deleted:\n\n\
         ```sh\n\
         comm -23 \\\n\
         \x20   <(kubectl get clusternetworkpolicies -l weir/package={package} --no-headers -o custom-columns=:.metadata.name | sort) \\\n\
         \x20   <(kubectl get -k kubernetes/{folder} --no-headers -o custom-columns=:.metadata.name | sort) |\n\
         \x20   while read -r name; do kubectl delete clusternetworkpolicy \"$name\"; done\n\
         ```\n",
        plan.name, guard_rails.priority
    );
    if !guard_rails.left_out.is_empty() {
        out.push_str(
            "\nNot, or not wholly, said by guard rails, and held by all else that is in this tree:\n\n",
        );
        for (id, why) in &guard_rails.left_out {
            let _ = writeln!(out, "- `{id}`: {why}");
        }
    }
}

//! Real answers: what a real API server said to manifests, and truth tables that two independent evaluators agree on.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod support;

use std::collections::BTreeMap;

use weir_kubernetes_reader::{
    Cluster, ContainerPort, End, Level, NetworkPolicy, Object, Pod, Protocol, World, read,
};

/// The cluster of the recorded answers.
fn recorded() -> Cluster {
    let levels = [("edge", Level::Privileged), ("base", Level::Baseline), ("psa", Level::Restricted)];
    Cluster { namespaces: levels.map(|(name, level)| (name.to_owned(), level)).into() }
}

#[test]
fn verdicts_of_the_api_server() {
    let vectors = support::lines("apiserver-vectors.jsonl");
    assert_eq!(vectors.len(), 130);
    let cluster = recorded();
    let mut wrong = Vec::new();
    for vector in &vectors {
        let (name, text) = (vector["name"].as_str().unwrap(), vector["manifest"].as_str().unwrap());
        let ours = cluster.admit("-", text);
        if ours.is_ok() != vector["accepted"].as_bool().unwrap() {
            wrong.push(format!("{name}: the server said {}, and we {ours:?}", vector["accepted"]));
        }
        if let Err(refused) = ours {
            assert!(refused.line > 0 && !refused.what.is_empty(), "{name}: {refused}");
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What the server stores is what we read: reading the stored form gives the same meaning.
#[test]
fn stored_forms_say_the_same() {
    let vectors = support::lines("apiserver-vectors.jsonl");
    let mut seen = 0;
    for vector in
        vectors.iter().filter(|vector| vector["kind"] == "NetworkPolicy" && vector["accepted"] == true)
    {
        let text = vector["manifest"].as_str().unwrap();
        let given = policies(text);
        let mut object: serde_json::Value = serde_json::json!({
            "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
            "metadata": {"name": "t", "namespace": "edge"},
        });
        object["spec"] = vector["stored_spec"].clone();
        let stored = policies(&object.to_string());
        let world = truth_world();
        for source in 0..9 {
            for destination in 0..9 {
                for (protocol, port) in SERVICES {
                    let ends = (End::Pod(source), End::Pod(destination));
                    let say = |policies: &[NetworkPolicy]| {
                        let mut moved = policies.to_vec();
                        for policy in &mut moved {
                            policy.metadata.namespace = "x".into();
                        }
                        world.permits(&moved, ends.0, ends.1, protocol, port)
                    };
                    assert_eq!(say(&given), say(&stored), "{}", vector["name"]);
                }
            }
        }
        seen += 1;
    }
    assert!(seen > 40, "{seen}");
}

fn policies(text: &str) -> Vec<NetworkPolicy> {
    let objects = read("-", text).unwrap_or_else(|unread| panic!("{unread}\n{text}"));
    objects
        .into_iter()
        .map(|object| match object {
            Object::NetworkPolicy(policy) => *policy,
            other => panic!("{other:?}"),
        })
        .collect()
}

const SERVICES: [(Protocol, u16); 6] = [
    (Protocol::Tcp, 80),
    (Protocol::Tcp, 81),
    (Protocol::Udp, 80),
    (Protocol::Udp, 81),
    (Protocol::Sctp, 80),
    (Protocol::Sctp, 81),
];

/// Three namespaces of three pods.
fn truth_world() -> World {
    let mut world = World::default();
    for (index, namespace) in ["x", "y", "z"].into_iter().enumerate() {
        let labels = [("ns", namespace), ("kubernetes.io/metadata.name", namespace)];
        let labels: BTreeMap<_, _> = labels.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
        world.namespaces.insert(namespace.into(), labels);
        for (position, name) in ["a", "b", "c"].into_iter().enumerate() {
            world.pods.push(Pod {
                namespace: namespace.into(),
                name: name.into(),
                labels: [("pod".to_owned(), name.to_owned())].into(),
                addresses: vec![[10, 244, 0, (11 + index * 3 + position) as u8].into()],
                ports: SERVICES
                    .iter()
                    .map(|(protocol, number)| ContainerPort {
                        name: format!("serve-{number}-{protocol}"),
                        protocol: *protocol,
                        number: *number,
                    })
                    .collect(),
                host_network: false,
            });
        }
    }
    world
}

#[test]
fn truth_tables() {
    let states = support::lines("netpol-truth-239.jsonl");
    assert_eq!(states.len(), 239);
    let world = truth_world();
    let hosts = ["192.168.50.10", "10.244.0.200"].map(|text| End::Outside(text.parse().unwrap()));
    let ends: Vec<End> = (0..9).map(End::Pod).chain(hosts).collect();
    let (mut bits, mut wrong) = (0, Vec::new());
    for state in &states {
        let given = state["policies"].as_array().into_iter().flatten();
        let policies: Vec<NetworkPolicy> = given.flat_map(|policy| policies(&policy.to_string())).collect();
        let allowed = state["allowed"].as_str().unwrap().as_bytes();
        for (source, from) in ends.iter().enumerate() {
            for (destination, to) in ends.iter().enumerate() {
                for (service, (protocol, port)) in SERVICES.into_iter().enumerate() {
                    if source == destination {
                        continue;
                    }
                    let truth = allowed[(source * 11 + destination) * 6 + service] == b'1';
                    let ours = world.permits(&policies, *from, *to, protocol, port);
                    bits += 1;
                    if ours != truth {
                        let step = (&state["desc"], &state["step"]);
                        wrong.push(format!(
                            "{step:?}: {source} -> {destination} {protocol}/{port} is {truth}"
                        ));
                    }
                }
            }
        }
    }
    assert_eq!(bits, 239 * 110 * 6);
    assert!(wrong.is_empty(), "{} of {bits}\n{}", wrong.len(), wrong[..wrong.len().min(20)].join("\n"));
}

//! What is not in the normal form is refused with its line; and comparing models decides what the evaluator decides.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests stop at the first surprise")]

use proptest::prelude::*;
use weir_kubernetes_reader::{
    Direction, End, Fault, Grant, Labels, NetworkPolicy, Object, Peer, Pod, Protocol, Requirement, Selector,
    World, compare, read, read_folder,
};

const KUSTOMIZATION: &str = r#"apiVersion: "kustomize.config.k8s.io/v1beta1"
kind: "Kustomization"
resources:
  - "edge/a.yaml"
sortOptions:
  order: "fifo"
"#;

const POLICY: &str = r#"apiVersion: "networking.k8s.io/v1"
kind: "NetworkPolicy"
metadata:
  name: "a"
  namespace: "edge"
spec:
  podSelector:
    matchLabels:
      "app": "broker"
  policyTypes:
    - "Ingress"
  ingress:
    - from:
        - namespaceSelector:
            matchLabels:
              "kubernetes.io/metadata.name": "edge"
          podSelector: {}
        - ipBlock:
            cidr: "10.0.0.0/8"
      ports:
        - protocol: "TCP"
          port: 8883
"#;

fn folder(policy: &str) -> Result<weir_kubernetes_reader::PolicyModel, weir_kubernetes_reader::Unread> {
    read_folder("kubernetes/c", &[("kustomization.yaml", KUSTOMIZATION), ("edge/a.yaml", policy)])
}

#[test]
fn a_policy_becomes_a_term() {
    let model = folder(POLICY).unwrap();
    let [term] = model.terms.as_slice() else { panic!("{:?}", model.terms) };
    assert_eq!(term.subject.to_string(), "edge/app=broker");
    assert_eq!(term.ports, [(Protocol::Tcp, 8883, 8883)]);
    assert_eq!(model.describe(term.place), "kubernetes/c/edge/a.yaml:13");
    let Peer::Pods(pods) = &term.peers[0] else { panic!("{:?}", term.peers) };
    assert_eq!(pods.to_string(), "edge/*");
    assert_eq!(
        term.peers[1],
        Peer::Addresses("10.0.0.0".parse().unwrap(), "10.255.255.255".parse().unwrap())
    );
}

/// From, to, the line and a word of what is said.
const REFUSED: [(&str, &str, u32, &str); 24] = [
    ("\"broker\"", "broker", 9, "double quotes"),
    ("\"broker\"", "null", 9, "nothing"),
    ("\"broker\"", "\"-x\"", 9, "matchLabels"),
    ("    - \"Ingress\"", "    - \"Ingress\"\n    - \"Egress\"", 7, "policyTypes"),
    ("  policyTypes:\n    - \"Ingress\"\n", "", 7, "policyTypes"),
    ("\"Ingress\"", "\"Egress\"", 13, "other direction"),
    ("  podSelector:\n    matchLabels:\n      \"app\": \"broker\"\n", "", 7, "podSelector"),
    ("          podSelector: {}\n", "", 13, "together"),
    ("\"kubernetes.io/metadata.name\"", "\"team\"", 13, "by its name"),
    ("cidr: \"10.0.0.0/8\"", "cidr: \"10.0.0.1/8\"", 19, "beyond the prefix"),
    ("cidr: \"10.0.0.0/8\"", "cidr: \"10.0.0.0/8\"\n            except: [\"10.1.0.0/16\"]", 13, "except"),
    (
        "        - ipBlock:",
        "        - ipBlock:\n            cidr: \"10.1.0.0/16\"\n        - ipBlock:",
        13,
        "overlap",
    ),
    ("port: 8883", "port: \"mqtts\"", 13, "named"),
    ("port: 8883", "port: 0", 22, "65535"),
    ("port: 8883", "prot: 8883", 22, "unknown field `prot`"),
    ("\"TCP\"", "\"ICMP\"", 21, "TCP"),
    ("      ports:\n        - protocol: \"TCP\"\n          port: 8883\n", "", 13, "permits all"),
    ("port: 8883", "port: 8883\nspec: {}", 23, "twice"),
    ("  namespace: \"edge\"\n", "", 1, "namespace"),
    ("kind: \"NetworkPolicy\"", "kind: \"Deployment\"", 1, "not read"),
    ("port: 8883", "port: 8883\n---\na: 1", 0, "2 objects"),
    ("matchLabels:\n      \"app\": \"broker\"", "matchLabels: &a {}", 8, "anchors"),
    ("\"broker\"", "!!str \"broker\"", 9, "tags"),
    ("  ingress:\n", "  ingress: []\n  x:\n", 13, "unknown field"),
];

#[test]
fn anything_else_is_refused_with_its_line() {
    let mut wrong = Vec::new();
    for (from, to, line, word) in REFUSED {
        let text = POLICY.replacen(from, to, 1);
        assert_ne!(text, POLICY, "{from}");
        match folder(&text) {
            Ok(_) => wrong.push(format!("{from:?} -> {to:?} is read")),
            Err(refused) if refused.line == line && refused.what.contains(word) => {
                assert_eq!(refused.file, "kubernetes/c/edge/a.yaml");
            }
            Err(refused) => wrong.push(format!("{from:?} -> {to:?}: {refused}, and not line {line}, {word}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_folder_is_what_its_kustomization_names() {
    let read = |kustomization: &str, files: &[(&str, &str)]| {
        let mut all = vec![("kustomization.yaml", kustomization)];
        all.extend(files);
        read_folder("kubernetes/c", &all).map(|_| ()).unwrap_err().to_string()
    };
    let labels = KUSTOMIZATION.replace("sortOptions:", "commonLabels:\n  \"a\": \"b\"\nsortOptions:");
    assert!(read(&labels, &[("edge/a.yaml", POLICY)]).contains("unknown field `commonLabels`"));
    assert!(read(KUSTOMIZATION, &[]).contains("edge/a.yaml: is missing"));
    assert!(read(KUSTOMIZATION, &[("edge/a.yaml", POLICY), ("edge/b.yaml", POLICY)]).contains("not named"));
    let both = KUSTOMIZATION.replace("sortOptions", "  - \"edge/b.yaml\"\nsortOptions");
    assert!(read(&both, &[("edge/a.yaml", POLICY), ("edge/b.yaml", POLICY)]).contains("another policy `a`"));
    let twice = KUSTOMIZATION.replace("sortOptions", "  - \"edge/a.yaml\"\nsortOptions");
    assert!(read(&twice, &[("edge/a.yaml", POLICY)]).contains("twice"));
}

#[test]
fn hostile_text_is_refused() {
    let deep = "[".repeat(100_000);
    let wide = format!("{{{}}}", "\"a\": 1, ".repeat(10_000));
    for text in [
        deep.as_str(),
        &wide,
        "\u{feff}",
        "a: *b",
        "? [a]: b",
        "- - - a\n -",
        "\0",
        "a: \"\\x",
        "%YAML 9.9\n---\na",
    ] {
        let _ = read("-", text);
        assert!(folder(text).is_err(), "{}", &text[..text.len().min(40)]);
    }
}

// ---- models against the evaluator ----

const NAMESPACES: [&str; 2] = ["a", "b"];

fn selector() -> impl Strategy<Value = Selector> {
    (0..2_usize, proptest::collection::btree_map("[xy]", "[12]", 0..3))
        .prop_map(|(namespace, labels)| Selector { namespace: NAMESPACES[namespace].into(), labels })
}

fn peer() -> impl Strategy<Value = Peer> {
    prop_oneof![
        selector().prop_map(Peer::Pods),
        (0_u8..4, 30_u8..=32).prop_map(|(last, length)| {
            let net: ipnet::Ipv4Net = format!("10.0.0.{}/{length}", last * 4).parse().unwrap();
            Peer::Addresses(net.network().into(), net.broadcast().into())
        }),
    ]
}

fn grant() -> impl Strategy<Value = Grant> {
    let ports = (prop_oneof![Just(Protocol::Tcp), Just(Protocol::Udp)], 1_u16..4, 0_u16..2);
    let direction = prop_oneof![Just(Direction::Ingress), Just(Direction::Egress)];
    (direction, selector(), peer(), ports).prop_map(|(direction, subject, peer, (protocol, first, more))| {
        Grant {
            direction,
            subject,
            peers: vec![peer],
            ports: vec![(protocol, first, first + more)],
            origin: 0,
        }
    })
}

fn labels_of(labels: &Labels) -> String {
    let entries: Vec<String> = labels.iter().map(|(key, value)| format!("{key:?}: {value:?}")).collect();
    format!("{{\"matchLabels\": {{{}}}}}", entries.join(", "))
}

/// Grants as files in the normal form, with the default denies.
fn files(grants: &[Grant]) -> Vec<(String, String)> {
    let mut files = Vec::new();
    let mut policy = |name: String, namespace: &str, selector: &str, kind: &str, rules: &str| {
        let text = format!(
            "{{\"apiVersion\": \"networking.k8s.io/v1\", \"kind\": \"NetworkPolicy\", \"metadata\": {{\"name\": {name:?}, \
             \"namespace\": {namespace:?}}}, \"spec\": {{\"podSelector\": {selector}, \"policyTypes\": [{kind:?}]{rules}}}}}"
        );
        files.push((format!("{namespace}/{name}.yaml"), text));
    };
    for namespace in NAMESPACES {
        for kind in ["Ingress", "Egress"] {
            policy(format!("deny-{}-{namespace}", kind.to_lowercase()), namespace, "{}", kind, "");
        }
    }
    for (index, grant) in grants.iter().enumerate() {
        let (kind, field, peers) = match grant.direction {
            Direction::Ingress => ("Ingress", "ingress", "from"),
            Direction::Egress => ("Egress", "egress", "to"),
        };
        let peer = match &grant.peers[0] {
            Peer::Pods(pods) => format!(
                "{{\"namespaceSelector\": {{\"matchLabels\": {{\"kubernetes.io/metadata.name\": {:?}}}}}, \"podSelector\": {}}}",
                pods.namespace,
                labels_of(&pods.labels)
            ),
            Peer::Addresses(first, last) => {
                let (std::net::IpAddr::V4(first), std::net::IpAddr::V4(last)) = (first, last) else {
                    panic!()
                };
                let nets: Vec<_> = ipnet::Ipv4Subnets::new(*first, *last, 0).collect();
                format!("{{\"ipBlock\": {{\"cidr\": \"{}\"}}}}", nets[0])
            }
        };
        let (protocol, first, last) = grant.ports[0];
        let protocol = protocol.to_string().to_uppercase();
        let rules = format!(
            ", {field:?}: [{{{peers:?}: [{peer}], \"ports\": [{{\"protocol\": {protocol:?}, \"port\": {first}, \"endPort\": {last}}}]}}]"
        );
        policy(
            format!("p{index}"),
            &grant.subject.namespace,
            &labels_of(&grant.subject.labels),
            kind,
            &rules,
        );
    }
    let names: Vec<String> = files.iter().map(|(path, _)| format!("{path:?}")).collect();
    let kustomization = format!(
        "{{\"apiVersion\": \"kustomize.config.k8s.io/v1beta1\", \"kind\": \"Kustomization\", \"resources\": [{}], \
         \"sortOptions\": {{\"order\": \"fifo\"}}}}",
        names.join(", ")
    );
    files.push(("kustomization.yaml".into(), kustomization));
    files
}

/// A pod for every way of having two labels, in each namespace; and addresses.
fn world() -> (World, Vec<End>) {
    let mut world = World::default();
    for namespace in NAMESPACES {
        let label = ("kubernetes.io/metadata.name".to_owned(), namespace.to_owned());
        world.namespaces.insert(namespace.into(), [label].into());
        for x in ["", "1", "2"] {
            for y in ["", "1", "2"] {
                let labels = [("x", x), ("y", y)].into_iter().filter(|(_, value)| !value.is_empty());
                let labels = labels.map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
                let name = format!("{x}-{y}");
                world.pods.push(Pod { namespace: namespace.into(), name, labels, ..Pod::default() });
            }
        }
    }
    let pods = (0..world.pods.len()).map(End::Pod);
    let outside = (0..16_u8).map(|last| End::Outside([10, 0, 0, last].into()));
    let ends = pods.chain(outside).collect();
    (world, ends)
}

fn objects(files: &[(String, String)]) -> Vec<NetworkPolicy> {
    let files = files.iter().filter(|(path, _)| path != "kustomization.yaml");
    let objects = files.flat_map(|(path, text)| read(path, text).unwrap());
    objects
        .map(|object| match object {
            Object::NetworkPolicy(policy) => *policy,
            other => panic!("{other:?}"),
        })
        .collect()
}

/// One direction's policies alone, so that each side shows by itself.
fn of(policies: &[NetworkPolicy], direction: Direction) -> Vec<NetworkPolicy> {
    policies.iter().filter(|policy| policy.spec.isolates(direction)).cloned().collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn comparison_decides_what_the_evaluator_decides(
        emitted in proptest::collection::vec(grant(), 0..7),
        required in proptest::collection::vec(grant(), 0..7),
        same in any::<bool>(),
    ) {
        // Often nearly the same, for then a difference is small.
        let required = if same { emitted.iter().skip(1).cloned().chain(required.into_iter().take(1)).collect() } else { required };
        let emitted_files = files(&emitted);
        let borrowed: Vec<(&str, &str)> = emitted_files.iter().map(|(path, text)| (&**path, &**text)).collect();
        let model = read_folder("k", &borrowed).unwrap();
        let requirement = Requirement { namespaces: NAMESPACES.map(str::to_owned).into(), grants: required.clone(), denials: Vec::new() };
        let differences = compare(&requirement, &model);
        let (world, ends) = world();
        let (mine, theirs) = (objects(&emitted_files), objects(&files(&required)));
        for direction in [Direction::Egress, Direction::Ingress] {
            let (mine, theirs) = (of(&mine, direction), of(&theirs, direction));
            let (mut excess, mut loss) = (false, false);
            for from in &ends {
                for to in &ends {
                    if matches!((from, to), (End::Pod(a), End::Pod(b)) if a == b) {
                        continue;
                    }
                    for protocol in Protocol::ALL {
                        for port in 1..6 {
                            let mine = world.permits(&mine, *from, *to, protocol, port);
                            let theirs = world.permits(&theirs, *from, *to, protocol, port);
                            excess |= mine && !theirs;
                            loss |= theirs && !mine;
                        }
                    }
                }
            }
            let said = |excess: bool| differences.iter().any(|difference| match &difference.fault {
                Fault::Excess(connection) => excess && connection.direction == direction,
                Fault::Loss(connection) => !excess && connection.direction == direction,
                other => panic!("{other:?}"),
            });
            // A pod and itself are always connected, so a term may permit nothing that the evaluator can show.
            let alone = |grants: &[Grant]| grants.iter().any(|grant| matches!(&grant.peers[0], Peer::Pods(pods)
                if pods.namespace == grant.subject.namespace && pods.labels.len() == 2 && grant.subject.labels.len() == 2));
            if !alone(&emitted) && !alone(&required) {
                prop_assert_eq!(said(true), excess, "excess {:?}: {:?}", direction, differences);
                prop_assert_eq!(said(false), loss, "loss {:?}: {:?}", direction, differences);
            }
        }
    }
}

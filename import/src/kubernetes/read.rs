//! From files to objects.

use std::collections::BTreeMap;

use weir_syntax::{Diagnostic, diagnostic::codes};

use super::{
    Container, ContainerPort, Labels, Manifests, Object, Other, Pods, RivalPolicy, Service, ServicePort,
    Target,
};
use crate::{
    Input, Place, Transport, json,
    tree::{Node, Reader, Value},
    yaml,
};

/// Kinds of the API that run no pods and hold none.
const HARMLESS: [&str; 35] = [
    "APIService",
    "CSIDriver",
    "CertificateSigningRequest",
    "ClusterRole",
    "ClusterRoleBinding",
    "ConfigMap",
    "ControllerRevision",
    "CustomResourceDefinition",
    "Endpoints",
    "EndpointSlice",
    "Event",
    "HorizontalPodAutoscaler",
    "Ingress",
    "IngressClass",
    "Kustomization",
    "Lease",
    "LimitRange",
    "MutatingWebhookConfiguration",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "PodDisruptionBudget",
    "PodMonitor",
    "PriorityClass",
    "PrometheusRule",
    "ResourceQuota",
    "Role",
    "RoleBinding",
    "RuntimeClass",
    "Secret",
    "ServiceAccount",
    "ServiceMonitor",
    "StorageClass",
    "ValidatingAdmissionPolicy",
    "ValidatingWebhookConfiguration",
    "VolumeAttachment",
];
/// Where objects are that say no namespace.
const DEFAULT_NAMESPACE: &str = "default";

/// Reads manifests; objects that say no namespace are in `namespace`.
pub fn read(inputs: &[Input<'_>], namespace: Option<&str>) -> (Manifests, Vec<Diagnostic>) {
    let mut manifests = Manifests::default();
    let mut diagnostics = Vec::new();
    for input in inputs {
        let documents = if input.is_json() {
            json::document(input.file, input.text).map(|document| vec![document])
        } else {
            yaml::documents(input.file, input.text)
        };
        match documents {
            Ok(documents) => {
                let mut file = File {
                    reader: Reader::new(input.file),
                    namespace: namespace.unwrap_or(DEFAULT_NAMESPACE),
                    manifests: &mut manifests,
                };
                for document in &documents {
                    file.object(document, 0);
                }
                diagnostics.append(&mut file.reader.diagnostics);
            }
            Err(diagnostic) => diagnostics.push(*diagnostic),
        }
    }
    (manifests, diagnostics)
}

/// An object that is defined twice is one of the two, and nobody can say which.
pub fn twice(manifests: &Manifests) -> Vec<Diagnostic> {
    let mut diagnostics = Vec::new();
    let mut seen: BTreeMap<(&str, &str, &str), &Object> = BTreeMap::new();
    let pods = manifests.pods.iter().map(|pods| &pods.object);
    for object in pods.chain(manifests.services.iter().map(|service| &service.object)) {
        if let Some(first) = seen.insert((&object.kind, &object.namespace, &object.name), object) {
            diagnostics.push(
                Diagnostic::new(&codes::E0416, format!("{object} is defined twice"))
                    .primary(object.place.file, object.place.span, "again here")
                    .secondary(first.place.file, first.place.span, "first here")
                    .help("import one of the two"),
            );
        }
    }
    diagnostics
}

struct File<'m> {
    reader: Reader,
    namespace: &'m str,
    manifests: &'m mut Manifests,
}

impl File<'_> {
    fn place(&self, node: &Node) -> Place {
        Place { file: self.reader.file, span: node.span }
    }

    fn object(&mut self, node: &Node, depth: usize) {
        if !self.reader.map(node, "an object") {
            return;
        }
        let Some(kind) = self.reader.required(node, "kind", "this object") else { return };
        let Some(kind) = self.reader.text(kind, "kind") else { return };
        // kinds of others end so, too; a list has items
        if kind.ends_with("List") && node.get("items").is_some() && depth < 4 {
            for item in self.reader.list_of(node, "items") {
                self.object(item, depth + 1);
            }
            return;
        }
        let Some(version) = self.reader.required(node, "apiVersion", "this object") else { return };
        let Some(version) = self.reader.text(version, "apiVersion") else { return };
        self.manifests.objects += 1;
        if version.starts_with("kustomize.config.k8s.io/") {
            // of a build, and of no cluster: it needs no name
            let place = self.place(node);
            let object = Object { kind: kind.into(), namespace: String::new(), name: String::new(), place };
            return self.manifests.others.push(Other { object, harmless: true });
        }
        let Some(object) = self.named(node, kind) else { return };
        let Some(metadata) = node.get("metadata") else { return };
        let empty = Node { span: node.span, value: Value::Map(Vec::new()) };
        let spec = self.reader.map_of(node, "spec").unwrap_or(&empty);
        match kind {
            "Pod" => self.pods(object, metadata, spec, None, Labels::new()),
            "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet" | "ReplicationController" => {
                let selector = self.selector(spec, kind);
                self.template(object, spec, selector, Labels::new());
            }
            "Job" => {
                let name = object.name.clone();
                let generated = ["batch.kubernetes.io/job-name", "job-name"];
                let generated = generated.map(|key| (key.to_owned(), name.clone())).into();
                self.template(object, spec, None, generated);
            }
            "CronJob" => {
                let job = self.reader.required(spec, "jobTemplate", "a CronJob's `spec`");
                let Some(job) = job.and_then(|job| self.reader.map_of(job, "spec")) else { return };
                self.template(object, job, None, Labels::new());
            }
            "Service" => self.service(object, spec),
            "Namespace" => {
                self.manifests.add_namespace(object.name, object.place);
            }
            "NetworkPolicy" => {
                let labels = self.labels(metadata);
                let ours = labels.get("app.kubernetes.io/managed-by").is_some_and(|by| by == "weir");
                let rules = ["ingress", "egress"];
                let permits = rules.iter().any(|rules| !self.reader.list_of(spec, rules).is_empty());
                if ours {
                    self.manifests.covered.push((object.place, "as network policies of Weir's"));
                } else {
                    self.manifests.policies.push(RivalPolicy { object, permits });
                }
            }
            _ => {
                let harmless = HARMLESS.contains(&kind);
                self.manifests.others.push(Other { object, harmless });
            }
        }
    }

    fn named(&mut self, node: &Node, kind: &str) -> Option<Object> {
        let metadata = self.reader.required(node, "metadata", &format!("this {kind}"))?;
        if !self.reader.map(metadata, "metadata") {
            return None;
        }
        let name = self.reader.required(metadata, "name", &format!("the `metadata` of this {kind}"))?;
        let text = self.reader.text(name, "metadata.name")?;
        let namespace = self.reader.text_of(metadata, "namespace").unwrap_or(self.namespace);
        Some(Object {
            kind: kind.into(),
            namespace: namespace.into(),
            name: text.into(),
            place: self.place(name),
        })
    }

    fn labels(&mut self, metadata: &Node) -> Labels {
        let labels = self.reader.texts_of(metadata, "labels");
        labels.into_iter().map(|(key, value)| (key.text.clone(), value.to_owned())).collect()
    }

    /// `matchLabels`, where nothing else is asked for.
    fn selector(&mut self, spec: &Node, kind: &str) -> Option<Labels> {
        if kind == "ReplicationController" {
            let labels = self.reader.texts_of(spec, "selector");
            return Some(
                labels.into_iter().map(|(key, value)| (key.text.clone(), value.to_owned())).collect(),
            );
        }
        let selector = self.reader.required(spec, "selector", &format!("the `spec` of this {kind}"))?;
        if !self.reader.map(selector, "spec.selector") {
            return None;
        }
        let labels = self.reader.texts_of(selector, "matchLabels");
        let labels: Labels =
            labels.into_iter().map(|(key, value)| (key.text.clone(), value.to_owned())).collect();
        let only_labels = self.reader.list_of(selector, "matchExpressions").is_empty();
        (only_labels && !labels.is_empty()).then_some(labels)
    }

    fn template(&mut self, object: Object, spec: &Node, selector: Option<Labels>, generated: Labels) {
        let what = format!("the `spec` of {object}");
        let Some(template) = self.reader.required(spec, "template", &what) else { return };
        if !self.reader.map(template, "template") {
            return;
        }
        let empty = Node { span: template.span, value: Value::Map(Vec::new()) };
        let metadata = self.reader.map_of(template, "metadata").unwrap_or(&empty);
        let Some(inner) = self.reader.required(template, "spec", &format!("the template of {object}")) else {
            return;
        };
        if self.reader.map(inner, "template.spec") {
            self.pods(object, metadata, inner, selector, generated);
        }
    }

    fn pods(
        &mut self,
        object: Object,
        metadata: &Node,
        spec: &Node,
        selector: Option<Labels>,
        generated: Labels,
    ) {
        let labels = self.labels(metadata);
        if let Some(selector) = &selector
            && !super::covers(selector, &labels)
        {
            let span = metadata.get("labels").map_or(object.place.span, |labels| labels.span);
            self.reader.wrong(
                span,
                format!("the selector of {object} does not choose its own pods"),
                format!("give the template the labels `{}`", super::show(selector)),
            );
        }
        let flag = |reader: &mut Reader, name: &str| reader.boolean_of(spec, name).unwrap_or(false);
        let host = ["hostNetwork", "hostPID", "hostIPC"].map(|name| flag(&mut self.reader, name));
        let account = self.reader.text_of(spec, "serviceAccountName");
        let account = account.or_else(|| self.reader.text_of(spec, "serviceAccount"));
        let service_account = account.filter(|name| !name.is_empty()).map(str::to_owned);
        let mut containers = Vec::new();
        // what is removed by then does not serve, but may forge
        for list in ["containers", "initContainers", "ephemeralContainers"] {
            for node in self.reader.list_of(spec, list) {
                containers.extend(self.container(node, list == "containers"));
            }
        }
        let labels_place = metadata.get("labels").map_or(object.place, |labels| self.place(labels));
        self.manifests.pods.push(Pods {
            object,
            labels,
            labels_place,
            generated,
            selector,
            host_network: host[0],
            host_pid: host[1],
            host_ipc: host[2],
            service_account,
            containers,
        });
    }

    fn container(&mut self, node: &Node, serves: bool) -> Option<Container> {
        if !self.reader.map(node, "a container") {
            return None;
        }
        let name = self.reader.required(node, "name", "a container")?;
        let text = self.reader.text(name, "name")?.to_owned();
        let image = self.reader.text_of(node, "image").map(str::to_owned);
        let image = image.zip(node.get("image").map(|node| self.place(node)));
        let security = self.reader.map_of(node, "securityContext");
        let capabilities = security.and_then(|security| self.reader.map_of(security, "capabilities"));
        let mut listed = |name: &str| {
            let list = capabilities.map_or(&[][..], |capabilities| self.reader.list_of(capabilities, name));
            let words = list.iter().filter_map(|word| self.reader.text(word, name));
            words.map(|word| word.trim_start_matches("CAP_").to_owned()).collect::<Vec<_>>()
        };
        let (added, dropped) = (listed("add"), listed("drop"));
        let privileged =
            security.is_some_and(|security| self.reader.boolean_of(security, "privileged") == Some(true));
        let mut ports = Vec::new();
        for port in self.reader.list_of(node, "ports").iter().filter(|_| serves) {
            ports.extend(self.port(port));
        }
        Some(Container { name: text, place: self.place(name), image, ports, privileged, added, dropped })
    }

    fn port(&mut self, node: &Node) -> Option<ContainerPort> {
        if !self.reader.map(node, "a port") {
            return None;
        }
        self.reader.required(node, "containerPort", "a container's port")?;
        let number = self.reader.port_of(node, "containerPort")?;
        let protocol = self.protocol(node)?;
        Some(ContainerPort {
            name: self.reader.text_of(node, "name").map(str::to_owned),
            transport: protocol(number, number),
            number,
            host_port: match self.reader.integer_of(node, "hostPort") {
                None | Some(0) => None,
                Some(_) => self.reader.port_of(node, "hostPort"),
            },
            place: self.place(node),
        })
    }

    fn protocol(&mut self, node: &Node) -> Option<fn(u16, u16) -> Transport> {
        match self.reader.text_of(node, "protocol") {
            None | Some("TCP") => Some(Transport::Tcp),
            Some("UDP") => Some(Transport::Udp),
            Some("SCTP") => Some(Transport::Sctp),
            Some(other) => {
                let span = node.get("protocol").map_or(node.span, |node| node.span);
                self.reader.wrong(
                    span,
                    format!("`{other}` is no protocol of a port"),
                    "write `TCP`, `UDP` or `SCTP`, in capitals",
                );
                None
            }
        }
    }

    fn service(&mut self, object: Object, spec: &Node) {
        let selector = self.reader.texts_of(spec, "selector");
        let selector: Labels =
            selector.into_iter().map(|(key, value)| (key.text.clone(), value.to_owned())).collect();
        let selector_place = spec.get("selector").map_or(object.place, |node| self.place(node));
        let kind = self.reader.text_of(spec, "type").unwrap_or("ClusterIP").to_owned();
        let keeps_sources = self.reader.text_of(spec, "externalTrafficPolicy") == Some("Local");
        let mut ports = Vec::new();
        for node in self.reader.list_of(spec, "ports") {
            ports.extend(self.service_port(node, &object));
        }
        self.manifests.services.push(Service {
            object,
            kind,
            selector,
            selector_place,
            ports,
            keeps_sources,
        });
    }

    fn service_port(&mut self, node: &Node, object: &Object) -> Option<ServicePort> {
        if !self.reader.map(node, "a port") {
            return None;
        }
        self.reader.required(node, "port", &format!("a port of {object}"))?;
        let number = self.reader.port_of(node, "port")?;
        let protocol = self.protocol(node)?;
        let target = node.get("targetPort").filter(|target| target.value != Value::Null);
        let place = self.place(target.unwrap_or(node));
        let target = match target.map(|target| &target.value) {
            None => Target::Number(number),
            Some(Value::Text(name)) => Target::Name(name.clone()),
            Some(_) => Target::Number(self.reader.port_of(node, "targetPort")?),
        };
        Some(ServicePort { transport: protocol(number, number), number, target, place })
    }
}

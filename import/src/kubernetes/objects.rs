//! The objects of manifests, as far as they are read.

use std::{collections::BTreeMap, fmt};

use super::Labels;
use crate::{Place, Transport};

/// All objects of some files.
#[derive(Clone, Debug, Default)]
pub struct Manifests {
    pub pods: Vec<Pods>,
    pub services: Vec<Service>,
    pub namespaces: BTreeMap<String, Place>,
    pub policies: Vec<RivalPolicy>,
    pub others: Vec<Other>,
    /// Objects that say nothing new, each with the reason.
    pub covered: Vec<(Place, &'static str)>,
    /// How many objects were read, those of kinds that say nothing here among them.
    pub objects: usize,
}

impl Manifests {
    /// Takes in those of other files.
    pub fn add(&mut self, other: Self) {
        let Self { pods, services, namespaces, policies, others, covered, objects } = other;
        self.pods.extend(pods);
        self.services.extend(services);
        for (namespace, place) in namespaces {
            self.add_namespace(namespace, place);
        }
        self.policies.extend(policies);
        self.others.extend(others);
        self.covered.extend(covered);
        self.objects += objects;
    }

    pub(super) fn add_namespace(&mut self, name: String, place: Place) {
        if let Some(before) = self.namespaces.insert(name, place) {
            self.covered.push((before, "as repeats"));
        }
    }
}

/// Which object it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    pub kind: String,
    pub namespace: String,
    pub name: String,
    /// Of its name.
    pub place: Place,
}

impl fmt::Display for Object {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name.as_str() {
            "" => formatter.write_str(&self.kind),
            name => write!(formatter, "{} `{}/{name}`", self.kind, self.namespace),
        }
    }
}

/// What makes pods: a Deployment, StatefulSet, DaemonSet, Job, CronJob, or a Pod itself.
#[derive(Clone, Debug)]
pub struct Pods {
    pub object: Object,
    /// Of its pods, by the template.
    pub labels: Labels,
    pub labels_place: Place,
    /// Labels that its controller adds.
    pub generated: Labels,
    /// `matchLabels` by which its controller knows them, where these are all that it asks for.
    pub selector: Option<Labels>,
    pub host_network: bool,
    pub host_pid: bool,
    pub host_ipc: bool,
    pub service_account: Option<String>,
    pub containers: Vec<Container>,
}

impl Pods {
    /// Whether a selector chooses its pods.
    pub fn is_chosen(&self, selector: &Labels) -> bool {
        selector.iter().all(|(key, value)| {
            self.labels.get(key).or_else(|| self.generated.get(key)).is_some_and(|own| own == value)
        })
    }

    pub fn ports(&self) -> impl Iterator<Item = &ContainerPort> {
        self.containers.iter().flat_map(|container| &container.ports)
    }
}

#[derive(Clone, Debug)]
pub struct Container {
    pub name: String,
    pub place: Place,
    pub image: Option<(String, Place)>,
    pub ports: Vec<ContainerPort>,
    pub privileged: bool,
    pub added: Vec<String>,
    pub dropped: Vec<String>,
}

#[derive(Clone, Debug)]
pub struct ContainerPort {
    pub name: Option<String>,
    pub transport: Transport,
    pub number: u16,
    pub host_port: Option<u16>,
    pub place: Place,
}

#[derive(Clone, Debug)]
pub struct Service {
    pub object: Object,
    /// `ClusterIP`, `NodePort`, `LoadBalancer`, `ExternalName`.
    pub kind: String,
    /// Nothing, where its endpoints are made by hand.
    pub selector: Labels,
    pub selector_place: Place,
    pub ports: Vec<ServicePort>,
    /// `externalTrafficPolicy: Local`: pods see who asks.
    pub keeps_sources: bool,
}

#[derive(Clone, Debug)]
pub struct ServicePort {
    pub transport: Transport,
    pub number: u16,
    pub target: Target,
    pub place: Place,
}

/// The pods' own port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    Number(u16),
    /// Of a container's port.
    Name(String),
}

/// A NetworkPolicy that Weir did not write.
#[derive(Clone, Debug)]
pub struct RivalPolicy {
    pub object: Object,
    /// Whether it permits anything.
    pub permits: bool,
}

/// An object of a kind that is not read.
#[derive(Clone, Debug)]
pub struct Other {
    pub object: Object,
    /// Of a kind that is known to run no pods.
    pub harmless: bool,
}

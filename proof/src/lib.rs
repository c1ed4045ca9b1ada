//! The proof: every artifact is read back from its bytes and held against the policy.
//!
//! For each enforcement point, [`Prover`] derives anew what the relation has it permit ([`specification`]: every pair,
//! every route), has the target's reader say what the emitted bytes permit, and compares the two over the whole space of
//! packets: *excess* (the artifact permits what no policy does), *loss* (it refuses what one does), and the terms on which
//! both permit (limits, ends, operations, logs). Readers share no code with emitters, and the specification shares none
//! with the planner but one choice, which [`legs`] checks. A construct that a reader does not know fails the proof.
//!
//! A [`Finding`] in a tree that was just built is an error of the compiler, and nothing is written. In a tree or a
//! live ruleset that `weir verify` is given, it is drift. No findings give a [`certificate`].

mod arrivals;
pub mod certificate;
mod cluster;
mod filter;
mod finding;
mod forms;
mod frames;
mod guard_rails;
mod legs;
mod mobile;
mod points;
mod proxies;
mod redirects;
mod same_text;
mod specification;
mod terms;
mod topology;

use weir_compiler::{
    Facts,
    model::{Bridge, GatewayId},
    plan::{GatewayPlan, Plan},
};
use weir_engine::Budget;
use weir_nftables_reader::FilterModel;

pub use certificate::Verdict;
pub use filter::Effort;
pub use finding::{Fault, Finding, Packet};
pub use specification::Terms;

use crate::{
    arrivals::Homes,
    proxies::{Bearers, Points},
    redirects::LocalPorts,
    specification::Specification,
    topology::Topology,
};

/// An artifact that was held against the policy.
#[derive(Clone, Debug)]
pub struct Proven {
    pub path: String,
    pub target: &'static str,
    /// The enforcement point, as the package names it.
    pub point: String,
    pub verdict: Verdict,
    pub effort: Effort,
}

/// What a proof came to.
#[derive(Clone, Debug, Default)]
pub struct Proof {
    pub artifacts: Vec<Proven>,
    pub findings: Vec<Finding>,
    /// Rectangles of the relation.
    pub flows: usize,
    /// What is taken for granted.
    pub assumptions: Vec<String>,
}

/// One file of an artifact.
#[derive(Clone, Copy, Debug)]
pub struct File<'f> {
    /// Path in the output tree.
    pub path: &'f str,
    pub bytes: &'f [u8],
}

/// Holds the artifacts of one package against its policy, one enforcement point after the other.
pub struct Prover<'p> {
    facts: &'p Facts,
    plan: &'p Plan,
    budget: Budget,
    /// A question beyond the budget is a verdict and no finding.
    undecided_is_accepted: bool,
    specification: Specification,
    topology: Topology<'p>,
    homes: Homes,
    points: Points,
    bearers: Bearers,
    local_ports: LocalPorts,
    proof: Proof,
}

impl<'p> Prover<'p> {
    /// Derives what is to be proven, and checks the plan's choices.
    pub fn new(facts: &'p Facts, plan: &'p Plan, budget: Budget, undecided_is_accepted: bool) -> Self {
        let mut proof = Proof { flows: facts.rectangles.len(), ..Proof::default() };
        legs::check(facts, plan, &mut proof.findings);
        let points = Points::derive(facts, plan);
        let local_ports = LocalPorts::of(facts, plan, &mut proof.findings);
        for lacking in proxies::missing(facts, &points, &plan.proxies) {
            let what = format!("the configuration for {lacking} is missing");
            proof.findings.push(Finding::new("plan", Fault::Leg { what }));
        }
        Self {
            facts,
            plan,
            budget,
            undecided_is_accepted,
            specification: Specification::derive(facts, plan),
            topology: Topology::new(&facts.model),
            homes: Homes::new(&facts.model),
            points,
            bearers: Bearers::default(),
            local_ports,
            proof,
        }
    }

    /// Holds a ruleset, wherever it was read from, against what a gateway has to permit.
    pub fn filter(
        &mut self,
        gateway: &GatewayPlan,
        model: &FilterModel,
        artifact: &str,
    ) -> (Effort, Verdict) {
        let id = self.facts.model.gateways.iter().position(|known| known.name == gateway.name);
        let Some(id) = id.map(|index| GatewayId(index as u32)) else {
            let what = format!("the package has no gateway `{}`", gateway.name);
            self.proof.findings.push(Finding::new(artifact, Fault::Forms { what }));
            return (Effort::default(), Verdict::NotDecided);
        };
        let requirements = &self.specification.gateways[id.index()];
        let findings = &mut self.proof.findings;
        let known = findings.len();
        let effort =
            filter::compare(&self.specification, requirements, model, artifact, self.budget, findings);
        let bridges: Vec<&Bridge> =
            self.facts.model.bridges.iter().filter(|bridge| bridge.gateway == id).collect();
        let taken = &self.specification.taken[id.index()];
        let ports = self.local_ports.at(self.facts.model.gateway(id).principal.map(|own| own.0));
        redirects::compare(taken, requirements, ports, model, artifact, findings);
        let of_frames = &self.specification.frames[id.index()];
        let budget = self.budget;
        frames::compare(&self.specification, of_frames, &bridges, gateway, model, artifact, budget, findings);
        let undecided = |finding: &Finding| matches!(finding.fault, Fault::Undecided { .. });
        let decided = !findings[known..].iter().any(undecided);
        if self.undecided_is_accepted {
            findings.retain(|finding| !undecided(finding));
        }
        arrivals::compare(gateway, model, artifact, findings);
        let model = &self.facts.model;
        arrivals::check(
            model,
            &mut self.topology,
            &self.homes,
            id,
            gateway,
            requirements,
            artifact,
            findings,
        );
        (effort, if decided { Verdict::Equal } else { Verdict::NotDecided })
    }

    /// What was found since the last time, so that one prover serves many questions.
    pub fn take_findings(&mut self) -> Vec<Finding> {
        std::mem::take(&mut self.proof.findings)
    }

    /// Something that was found beside the contents of artifacts.
    pub fn add(&mut self, finding: Finding) {
        self.proof.findings.push(finding);
    }

    /// The plan that everything is held against.
    pub fn plan(&self) -> &'p Plan {
        self.plan
    }

    pub fn finish(mut self) -> Proof {
        self.proof.assumptions = assumptions(self.plan);
        self.proof
    }
}

/// What no reader of artifacts can see.
fn assumptions(plan: &Plan) -> Vec<String> {
    let always = [
        "the topology is as the package declares it: interfaces, networks, addresses and routes",
        "each artifact is loaded as it is, on the enforcement point that it is named after",
        "nftables: the kernel does what its documentation says; connection tracking sees both directions of a connection",
        "nftables: other tables may refuse more, and neither translate addresses, nor write connection marks, nor take \
         connections out of tracking",
        "stations of one segment reach each other, unless the segment is isolated or a bridge stands between",
    ];
    let with_clusters = [
        "kubernetes: the network plug-in enforces network policies as the API documents them, both ways, port ranges included; \
         nobody else adds policies to the same namespaces, or lets others set the labels that policies choose pods by",
        "kubernetes: nodes reach their own pods; pods of namespaces without workloads of the package are not held",
    ];
    let with_proxies = [
        "proxies: certificates are issued as the package declares them, by the authority whose certificate the point has, \
         and by nobody else",
        "proxies: Envoy, nginx with njs and Mosquitto do what their documentation says; what serves behind a proxy of its \
         own host is reached at loopback only",
    ];
    let with_proxies = with_proxies.into_iter().filter(|_| !plan.proxies.is_empty());
    let clusters = plan.clusters.iter().any(|cluster| !cluster.namespaces.is_empty());
    let with_clusters = with_clusters.into_iter().filter(|_| clusters);
    let with_cores = [
        "5g: the core chooses functions, pools and policies as its code of the named version does; nobody else adds \
         subscriptions, functions or policies to it, or speaks PFCP to its user planes",
        "5g: a user plane drops packets whose source is not the address of their session, and a SIM's key is in one device",
    ];
    let cores = !plan.cores.is_empty();
    let with_cores = with_cores.into_iter().filter(|_| cores);
    let imported = plan.taken_for_granted.iter().cloned();
    let known = always.into_iter().chain(with_clusters).chain(with_proxies).chain(with_cores);
    known.map(str::to_owned).chain(imported).collect()
}

//! From the files of an enforcement point to what they are held against.

use weir_compiler::{
    model::fiveg::Product,
    plan::{ClusterPlan, CorePlan, GatewayPlan, Point, ProxyPlan},
};
use weir_reading::Unread;
use weir_targets::file_name;

use crate::{
    File, Proven, Prover,
    certificate::Verdict,
    cluster,
    filter::Effort,
    finding::{Fault, Finding},
    forms, mobile,
    proxies::{self, Case, Concerns},
};

/// What was checked, with its verdict; nothing, where something was found, or nothing could be read.
type Checked = Option<(Verdict, Effort)>;

impl Prover<'_> {
    /// Proves all files of one enforcement point, by their paths in the output tree.
    pub fn prove(&mut self, point: Point<'_>, files: &[File<'_>]) {
        let known = self.proof.findings.len();
        let (target, checked) = match point {
            Point::Gateway(plan) => ("nftables", self.gateway(plan, files)),
            Point::Cluster(plan) => ("kubernetes", self.cluster(plan, files)),
            Point::Proxy(plan) => (plan.kind.word(), self.proxy(plan, files)),
            Point::Core(plan) => ("5g", self.core(plan, files)),
        };
        let Some((verdict, effort)) = checked.filter(|_| self.proof.findings.len() == known) else { return };
        self.proof.artifacts.extend(files.iter().map(|file| {
            // the hitless form of a ruleset holds what its whole form does
            let repeats = matches!(point, Point::Gateway(_)) && is_hitless(file);
            let (verdict, effort) =
                if repeats { (Verdict::SameAsProven, Effort::default()) } else { (verdict, effort) };
            Proven { path: file.path.into(), target, point: point.name().into(), verdict, effort }
        }));
    }

    fn gateway(&mut self, plan: &GatewayPlan, files: &[File<'_>]) -> Checked {
        let Some(whole) = files.iter().find(|file| !is_hitless(file)) else {
            return self.fault(&plan.name, "the ruleset is missing".into());
        };
        let model = forms::whole(whole).map_err(|unread| self.unread(whole.path, unread)).ok()?;
        let (effort, verdict) = self.filter(plan, &model, whole.path);
        let hitless: Vec<File<'_>> = files.iter().filter(|file| is_hitless(file)).copied().collect();
        if !hitless.is_empty() {
            forms::hitless(&plan.package, whole, &model, &hitless, &mut self.proof.findings);
        }
        Some((verdict, effort))
    }

    fn cluster(&mut self, plan: &ClusterPlan, files: &[File<'_>]) -> Checked {
        let root = format!("kubernetes/{}", file_name(&plan.name));
        let texts = self.texts(&root, files)?;
        let Some(cluster) = self.facts.model.clusters.iter().find(|cluster| cluster.name == plan.name) else {
            return self.fault(&root, format!("the package has no cluster `{}`", plan.name));
        };
        let model = weir_kubernetes_reader::read_folder(&root, &texts);
        let model = model.map_err(|unread| self.unread(&root, unread)).ok()?;
        let pods = &self.specification.pods;
        Some((
            Verdict::Equal,
            cluster::check(self.facts, plan, cluster, pods, &model, &root, &mut self.proof.findings),
        ))
    }

    fn core(&mut self, plan: &CorePlan, files: &[File<'_>]) -> Checked {
        let root = format!("5g/{}", file_name(&plan.name));
        let texts = self.texts(&root, files)?;
        let product = match plan.product {
            Product::Open5gs => weir_5g_reader::Product::Open5gs,
            Product::SdCore => weir_5g_reader::Product::SdCore,
            Product::Free5gc => return self.fault(&root, "free5GC's settings are not read".into()),
        };
        let cores = &self.facts.model.mobile.cores;
        let Some(index) = cores.iter().position(|known| known.name == plan.name) else {
            return self.fault(&root, format!("the package has no core `{}`", plan.name));
        };
        let model = weir_5g_reader::read(product, &texts);
        let model = model.map_err(|unread| self.unread(&root, unread)).ok()?;
        let findings = &mut self.proof.findings;
        Some((Verdict::Equal, mobile::check(self.facts, self.plan, index, &model, &root, findings)))
    }

    fn proxy(&mut self, plan: &ProxyPlan, files: &[File<'_>]) -> Checked {
        let target = plan.kind.word();
        let principals = self.facts.model.principals.iter();
        let point = (0..).zip(principals).find(|(_, known)| known.name == plan.name.as_str());
        let Some((point, _)) = point else {
            return self.fault(target, format!("the package has nobody by the name `{}`", plan.name));
        };
        // what the findings are about is in one of the files, mostly
        let decides = ["/listeners.yaml", "/policy.json", "/dynsec.json"];
        let artifact = files.iter().find(|file| decides.iter().any(|end| file.path.ends_with(end)));
        let none = Concerns::default();
        let case = Case {
            facts: self.facts,
            point,
            kind: plan.kind,
            concerns: self.points.of(point).unwrap_or(&none),
            bearers: self.bearers.of(&self.facts.model, plan.kind),
            local_ports: self.local_ports.at(Some(point)),
            artifact: artifact.map_or(target, |file| file.path),
        };
        let requirements = proxies::check(&case, files, &mut self.proof.findings)?;
        Some((Verdict::Equal, Effort { requirements, ..Effort::default() }))
    }

    /// The files of a folder by their paths below it, as texts.
    fn texts<'f>(&mut self, root: &str, files: &[File<'f>]) -> Option<Vec<(&'f str, &'f str)>> {
        let mut texts = Vec::with_capacity(files.len());
        for file in files {
            let below = file.path.strip_prefix(root).and_then(|path| path.strip_prefix('/'));
            match (below, std::str::from_utf8(file.bytes)) {
                (Some(below), Ok(text)) => texts.push((below, text)),
                _ => return self.fault(file.path, "is not UTF-8, or lies elsewhere".into()),
            }
        }
        Some(texts)
    }

    fn fault<T>(&mut self, artifact: &str, what: String) -> Option<T> {
        self.add(Finding::new(artifact, Fault::Forms { what }));
        None
    }

    /// A reader gave up.
    pub fn unread(&mut self, artifact: &str, unread: Unread) {
        self.add(Finding::unread(artifact, unread));
    }
}

fn is_hitless(file: &File<'_>) -> bool {
    file.path.contains(".d/")
}

//! From the plan to the files of the output tree: the one place that knows which targets there are.

use clap::ValueEnum;
use weir_compiler::{
    Facts, Sources,
    plan::{
        GatewayPlan, Plan,
        proxies::{ProxyKind, ProxyPlan},
    },
};
use weir_proof::{File, Prover, certificate};
use weir_syntax::{Diagnostic, FileId, Span, diagnostic::codes};
use weir_target_nftables::Options;
use weir_targets::{Emitted, Ledger, TargetGuide, TreeError, file_name};

use crate::{failure::Failure, prove, write::Publication};

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Target {
    Nftables,
    Kubernetes,
    Envoy,
    Modbus,
    Mosquitto,
    #[value(name = "5g")]
    Mobile,
}

/// What the targets made so far: the files of each point go to `publication` at once.
struct Emission<'p> {
    plan: &'p Plan,
    prover: Prover<'p>,
    ledger: Ledger<'p>,
    publication: &'p mut dyn Sink,
    guides: Vec<TargetGuide>,
    diagnostics: Vec<Diagnostic>,
}

fn internal(error: TreeError) -> Failure {
    Failure::Internal(error.to_string())
}

/// Who takes the files of a tree.
pub(crate) trait Sink {
    fn take(&mut self, path: &str, contents: &[u8], executable: bool) -> Result<(), Failure>;
}

impl Sink for Publication {
    fn take(&mut self, path: &str, contents: &[u8], executable: bool) -> Result<(), Failure> {
        Self::take(self, path, contents, executable)
    }
}

/// Emits the chosen targets, all if none is chosen, and proves what they emitted: each enforcement point's files go to
/// `publication` as soon as they are proven. Returns why a target cannot render the plan; then the publication lacks
/// files, and is to be dropped.
pub(crate) fn emit(
    plan: &Plan,
    facts: &Facts,
    sources: &Sources,
    targets: &[Target],
    publication: &mut dyn Sink,
) -> Result<Vec<Diagnostic>, Failure> {
    let wanted = |target| targets.is_empty() || targets.contains(&target);
    let mut emission = Emission {
        plan,
        prover: prove::prover(plan, facts, sources),
        ledger: Ledger::new(plan, sources),
        publication,
        guides: Vec::new(),
        diagnostics: Vec::new(),
    };
    if wanted(Target::Nftables) {
        let mut gateways: Vec<String> = Vec::new();
        let options = Options::from(&sources.manifest.targets.nftables);
        for gateway in &plan.gateways {
            match weir_target_nftables::emit(gateway, &options) {
                Ok(emitted) => {
                    let emitted = Emitted {
                        point: gateway.name.clone(),
                        artifacts: emitted.artifacts,
                        carried: vec![emitted.carried],
                    };
                    emission.prover.nftables(gateway, &files(&emitted));
                    emission.take(&emitted)?;
                    gateways.push(emitted.point);
                }
                Err(error) => {
                    let what = format!("gateway `{}` cannot be built: {error}", gateway.name);
                    emission.refused(what, error.statement(), error.help());
                }
            }
        }
        let those = |fits: fn(&GatewayPlan) -> bool| -> Vec<String> {
            plan.gateways.iter().filter(|one| fits(one)).map(|one| one.name.clone()).collect()
        };
        let (bridges, transparent) =
            (those(|one| !one.bridges.is_empty()), those(|one| !one.redirects.is_empty()));
        let section = weir_target_nftables::readme_section(&gateways, &bridges, &transparent);
        emission.guide(weir_target_nftables::TARGET, section);
    }
    if wanted(Target::Kubernetes) {
        let mut clusters = Vec::new();
        for cluster in plan.clusters.iter().filter(|cluster| !cluster.namespaces.is_empty()) {
            match weir_target_kubernetes::emit(cluster) {
                Ok(emitted) => {
                    let root = format!("kubernetes/{}", file_name(&cluster.name));
                    emission.prover.kubernetes(cluster, &root, &files(&emitted));
                    emission.take(&emitted)?;
                    clusters.push(cluster);
                }
                Err(error) => {
                    let what = format!("the policies of cluster `{}` cannot be built: {error}", cluster.name);
                    emission.refused(what, error.statement(), error.help());
                }
            }
        }
        emission.guide(weir_target_kubernetes::TARGET, weir_target_kubernetes::readme_section(&clusters));
    }
    let of = |kind: ProxyKind| plan.proxies.iter().filter(move |proxy| proxy.kind == kind);
    let manifest = &sources.manifest.targets;
    if wanted(Target::Envoy) {
        use weir_target_envoy::{Options, TARGET, emit, readme_section};
        let options = Options::from(&manifest.envoy);
        let done = emission.proxies(of(ProxyKind::Envoy), |proxy| {
            emit(proxy, &options).map_err(|error| (error.to_string(), error.help().to_owned()))
        })?;
        emission.guide(TARGET, readme_section(&done, &options));
    }
    if wanted(Target::Modbus) {
        use weir_target_modbus::{Options, TARGET, emit, readme_section};
        let options = Options::from(&manifest.modbus);
        let done = emission.proxies(of(ProxyKind::Modbus), |proxy| {
            emit(proxy, &options).map_err(|error| (error.to_string(), error.help()))
        })?;
        emission.guide(TARGET, readme_section(&done, &options));
    }
    if wanted(Target::Mosquitto) {
        use weir_target_mosquitto::{Options, TARGET, emit, readme_section};
        let options = Options::from(&manifest.mosquitto);
        // a broker that serves no MQTT has nothing to listen on
        let brokers = of(ProxyKind::Mosquitto).filter(|proxy| !proxy.listeners.is_empty());
        let done = emission.proxies(brokers, |proxy| {
            emit(proxy, &options).map_err(|error| (error.to_string(), error.help().to_owned()))
        })?;
        emission.guide(TARGET, readme_section(&done, &options));
    }
    if wanted(Target::Mobile) {
        let mut done = Vec::new();
        for core in &plan.cores {
            match weir_target_5g::emit(core, &plan.gaps) {
                Ok(emitted) => {
                    let root = format!("5g/{}", file_name(&core.name));
                    emission.prover.mobile(core, &root, &files(&emitted));
                    emission.take(&emitted)?;
                    done.push(core);
                }
                Err(error) => {
                    let what = format!("the settings of core `{}` cannot be built: {error}", core.name);
                    emission.refused(what, error.statement(), error.help());
                }
            }
        }
        emission.guide(weir_target_5g::TARGET, weir_target_5g::readme_section(&done));
    }
    let Emission { prover, ledger, publication, guides, diagnostics, .. } = emission;
    if !diagnostics.is_empty() {
        return Ok(diagnostics);
    }
    let proof = prover.finish();
    if let Some(undecided) = prove::settle(&proof, facts, sources)? {
        return Ok(undecided);
    }
    let certificate =
        certificate::render(&proof, facts, plan, sources, |path| ledger.sha256(path).to_owned())
            .map_err(|error| Failure::Internal(format!("the certificate cannot be written: {error}")))?;
    for (path, file) in ledger.describe(&guides, certificate).map_err(internal)? {
        publication.take(path, &file.contents, file.executable)?;
    }
    Ok(diagnostics)
}

fn files(emitted: &Emitted) -> Vec<File<'_>> {
    emitted.artifacts.iter().map(|file| File { path: &file.path, bytes: &file.contents }).collect()
}

impl Emission<'_> {
    fn take(&mut self, emitted: &Emitted) -> Result<(), Failure> {
        self.ledger.enter(emitted).map_err(internal)?;
        for artifact in &emitted.artifacts {
            self.publication.take(&artifact.path, &artifact.contents, artifact.executable)?;
        }
        Ok(())
    }

    fn guide(&mut self, target: &'static str, section: String) {
        self.guides.push(TargetGuide { target, section });
    }

    /// Emits the points of one kind, and gives the names of those that were rendered.
    fn proxies<'p>(
        &mut self,
        proxies: impl Iterator<Item = &'p ProxyPlan>,
        emit: impl Fn(&ProxyPlan) -> Result<Emitted, (String, String)>,
    ) -> Result<Vec<String>, Failure> {
        let mut done = Vec::new();
        for proxy in proxies {
            match emit(proxy) {
                Ok(emitted) => {
                    self.prover.proxy(proxy, &files(&emitted));
                    self.take(&emitted)?;
                    done.push(emitted.point);
                }
                Err((error, help)) => {
                    self.refused(format!("gateway `{}` cannot be built: {error}", proxy.name), None, &help);
                }
            }
        }
        Ok(done)
    }

    /// What a target cannot say, at the statement that it cannot say.
    fn refused(&mut self, what: String, statement: Option<&str>, help: &str) {
        let origin = statement.and_then(|id| self.plan.statements.iter().find(|origin| origin.id == id));
        let (file, span) = origin.map_or((FileId(0), Span::default()), |origin| (origin.file, origin.span));
        self.diagnostics
            .push(Diagnostic::new(&codes::E0604, what).primary(file, span, "not rendered").help(help));
    }
}

//! From the plan to the output tree: the one place that knows which targets there are.

use clap::ValueEnum;
use weir_compiler::{
    Sources,
    package::{NftablesOptions, Targets},
    plan::{
        Plan,
        proxies::{ProxyKind, ProxyPlan},
    },
};
use weir_syntax::{Diagnostic, FileId, Span, diagnostic::codes};
use weir_target_nftables::{LogDestination, Options};
use weir_targets::{Emitted, OutputTree, TargetGuide};

use crate::failure::Failure;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Target {
    Nftables,
    Envoy,
    Modbus,
    Mosquitto,
}

/// What a plan became: a tree, or why a target cannot render it.
pub(crate) type Outcome = Result<OutputTree, Vec<Diagnostic>>;

/// What the targets made so far.
struct Emission<'p> {
    plan: &'p Plan,
    emitted: Vec<Emitted>,
    guides: Vec<TargetGuide>,
    diagnostics: Vec<Diagnostic>,
}

impl<'p> Emission<'p> {
    fn refused(&mut self, point: &str, error: &dyn std::fmt::Display, statement: Option<&str>, help: String) {
        let origin = statement.and_then(|id| self.plan.statements.iter().find(|origin| origin.id == id));
        let (file, span) = origin.map_or((FileId(0), Span::default()), |origin| (origin.file, origin.span));
        self.diagnostics.push(
            Diagnostic::new(&codes::E0604, format!("gateway `{point}` cannot be built: {error}"))
                .primary(file, span, "not rendered")
                .help(help),
        );
    }

    /// Takes the points that a target emitted, and what it says of them.
    fn add(&mut self, target: &'static str, emitted: Vec<Emitted>, guide: impl FnOnce(&[String]) -> String) {
        let points: Vec<String> = emitted.iter().map(|one| one.point.clone()).collect();
        self.guides.push(TargetGuide { target, section: guide(&points) });
        self.emitted.extend(emitted);
    }

    fn nftables(&mut self, wanted: &NftablesOptions) {
        let options = options(wanted);
        let mut emitted = Vec::new();
        for gateway in &self.plan.gateways {
            match weir_target_nftables::emit(gateway, &options) {
                Ok(emission) => emitted.push(Emitted {
                    point: gateway.name.clone(),
                    artifacts: emission.artifacts,
                    carried: emission.sources,
                }),
                Err(error) => {
                    self.refused(&gateway.name, &error, error.statement(), error.help().to_owned());
                }
            }
        }
        self.add(weir_target_nftables::TARGET, emitted, weir_target_nftables::readme_section);
    }

    fn proxies(&self, kind: ProxyKind) -> impl Iterator<Item = &'p ProxyPlan> + use<'p> {
        let plan = self.plan;
        plan.proxies.iter().filter(move |proxy| proxy.kind == kind)
    }

    fn envoy(&mut self, targets: &Targets) {
        use weir_target_envoy::{Options, TARGET, emit, readme_section};
        let mut options = Options::default();
        options.folder = targets.envoy.folder.clone().unwrap_or(options.folder);
        let mut emitted = Vec::new();
        for proxy in self.proxies(ProxyKind::Envoy) {
            match emit(proxy, &options) {
                Ok(one) => emitted.push(one),
                Err(error) => self.refused(&proxy.name, &error, None, error.help().to_owned()),
            }
        }
        self.add(TARGET, emitted, |points| readme_section(points, &options));
    }

    fn modbus(&mut self, targets: &Targets) {
        use weir_target_modbus::{Options, TARGET, emit, readme_section};
        let mut options = Options::default();
        options.folder = targets.modbus.folder.clone().unwrap_or(options.folder);
        options.state = targets.modbus.state.clone().unwrap_or(options.state);
        options.modules = targets.modbus.modules.clone().unwrap_or(options.modules);
        let mut emitted = Vec::new();
        for proxy in self.proxies(ProxyKind::Modbus) {
            match emit(proxy, &options) {
                Ok(one) => emitted.push(one),
                Err(error) => self.refused(&proxy.name, &error, None, error.help()),
            }
        }
        self.add(TARGET, emitted, |points| readme_section(points, &options));
    }

    fn mosquitto(&mut self, targets: &Targets) {
        use weir_target_mosquitto::{Options, TARGET, emit, readme_section};
        let mut options = Options::default();
        options.folder = targets.mosquitto.folder.clone().unwrap_or(options.folder);
        options.plugin = targets.mosquitto.plugin.clone().unwrap_or(options.plugin);
        let mut emitted = Vec::new();
        for proxy in self.proxies(ProxyKind::Mosquitto).filter(|proxy| !proxy.listeners.is_empty()) {
            match emit(proxy, &options) {
                Ok(one) => emitted.push(one),
                Err(error) => self.refused(&proxy.name, &error, None, error.help().to_owned()),
            }
        }
        self.add(TARGET, emitted, |points| readme_section(points, &options));
    }
}

/// Emits the chosen targets; all, if none is chosen.
pub(crate) fn emit(plan: &Plan, sources: &Sources, targets: &[Target]) -> Result<Outcome, Failure> {
    let wanted = |target| targets.is_empty() || targets.contains(&target);
    let options = &sources.manifest.targets;
    let mut emission = Emission { plan, emitted: Vec::new(), guides: Vec::new(), diagnostics: Vec::new() };
    if wanted(Target::Nftables) {
        emission.nftables(&options.nftables);
    }
    if wanted(Target::Envoy) {
        emission.envoy(options);
    }
    if wanted(Target::Modbus) {
        emission.modbus(options);
    }
    if wanted(Target::Mosquitto) {
        emission.mosquitto(options);
    }
    if !emission.diagnostics.is_empty() {
        return Ok(Err(emission.diagnostics));
    }
    let tree = OutputTree::assemble(plan, sources, emission.emitted, &emission.guides);
    tree.map(Ok).map_err(|error| Failure::Internal(error.to_string()))
}

fn options(wanted: &NftablesOptions) -> Options {
    let mut options = Options::default();
    if let Some(group) = wanted.log_group {
        options.log = LogDestination::Nflog(group);
    }
    if let Some(rate) = wanted.deny_log_rate {
        options.deny_log.per_second = rate;
    }
    options
}

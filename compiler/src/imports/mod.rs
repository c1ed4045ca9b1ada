//! `import`: files of other formats. Inventories, MUD files and Aerleon policies become declarations ([`declared`]); against
//! Kubernetes manifests the package is held. Which files it wants is known from its text alone; the caller reads them, and hands them in before the
//! analysis.

mod declared;
mod respan;

use std::collections::BTreeMap;

use smol_str::SmolStr;
use weir_import::{
    Input, Place, Transport,
    kubernetes::{self, bind::Declared},
};
use weir_syntax::{
    Diagnostic, FileId, Severity, Span,
    ast::{Block, Declaration, ExprKind, File, Item, ItemKind},
    diagnostic::codes,
    parse,
};

pub(crate) use declared::{Made, declarations};

use crate::{
    Sources,
    model::{Cluster, Model, TransportMatch, Typed, Workload, attribute_place, entity_block},
    names::{EntityId, Kind, Universe},
    plan::{self, PortMatch},
};

/// How the names of files end that are read where a folder is imported, whatever the format.
pub const ENDINGS: &[&str] = &[".yaml", ".yml", ".json", ".csv", ".net", ".svc", ".pol", ".inc"];

/// Those of one format.
pub fn endings(format: &str) -> &'static [&'static str] {
    match format {
        "mud" => &[".json"],
        "kubernetes" => &[".yaml", ".yml", ".json"],
        "inventory" => &[".csv", ".yaml", ".yml", ".json"],
        "aerleon" => &[".net", ".svc", ".pol", ".inc", ".yaml", ".yml", ".json"],
        _ => ENDINGS,
    }
}

/// What imported inventories, MUD files and Aerleon policies declare: by file, each declaration at the place that it was read from, and the
/// folder whose names they share. Files that cannot be read declare nothing here; [`crate::analyze`] says why.
pub fn trees(sources: &Sources, trees: &[&File]) -> BTreeMap<FileId, (File, String)> {
    declarations(sources, trees).files
}

/// The paths that a package's declarations import, each once: of files, or of folders. Only those that lie inside of the
/// package.
pub fn wanted(sources: &Sources) -> Vec<String> {
    let mut paths = Vec::new();
    let policies = sources.files.iter().skip(1).filter(|source| !source.is_standard());
    for source in policies {
        // a second look at each file costs; few have the word
        if source.text.contains("import") {
            for item in &parse(&source.text, FileId(0)).file.items {
                collect(item, &mut paths);
            }
        }
    }
    paths.retain(|path| is_inside(path));
    paths.sort();
    paths.dedup();
    paths
}

fn collect(item: &Item, paths: &mut Vec<String>) {
    match &item.kind {
        ItemKind::Declaration(declaration) if declaration.keyword.text == "import" => {
            paths.extend(path_attributes(declaration, &["file"]));
            paths.extend(declared::beside(declaration));
        }
        ItemKind::Template(template) => template.items.iter().for_each(|item| collect(item, paths)),
        _ => {}
    }
}

/// The text of an attribute that is no more than a text.
fn plain(declaration: &Declaration, name: &str) -> Option<String> {
    let attributes = declaration.body.iter().flat_map(Block::attributes);
    let mut named = attributes.filter(|attribute| attribute.name.text == name);
    match &named.next()?.value.kind {
        ExprKind::String(text) => text.as_plain().map(|path| path.trim_end_matches('/').to_owned()),
        _ => None,
    }
}

/// The paths that these attributes name.
fn path_attributes(declaration: &Declaration, names: &[&'static str]) -> impl Iterator<Item = String> {
    names.iter().filter_map(|name| plain(declaration, name))
}

/// Whether a path leads into the package's folder, whatever that is.
fn is_inside(path: &str) -> bool {
    !path.is_empty()
        && !path.contains(['\\', '\0', ':'])
        && path.split('/').all(|part| !matches!(part, "" | "." | ".."))
}

/// The file at a path, or those of this format below it.
fn inputs_of<'s>(
    sources: &'s Sources,
    path: &str,
    format: &str,
) -> impl Iterator<Item = Input<'s>> + use<'s> {
    let (own, below, endings) = (path.to_owned(), format!("{path}/"), endings(format));
    let ends = move |name: &str| {
        let name = name.to_ascii_lowercase();
        endings.iter().any(|ending| name.ends_with(ending))
    };
    let found = sources.imported.iter();
    found.filter(move |(other, _)| **other == own || (other.starts_with(&below) && ends(other))).filter_map(
        |(_, file)| {
            let source = sources.file(*file)?;
            Some(Input { file: *file, path: &source.path, text: &source.text })
        },
    )
}

/// One cluster's imports.
#[derive(Default)]
struct OfCluster<'s> {
    /// With the namespace of objects that say none.
    inputs: BTreeMap<Option<SmolStr>, Vec<Input<'s>>>,
    paths: Vec<String>,
}

/// Holds the package against what it imports, and returns what that decides and nobody can prove.
pub(crate) fn check(
    sources: &Sources,
    universe: &Universe<'_>,
    model: &Model,
    diagnostics: &mut Vec<Diagnostic>,
) -> Vec<String> {
    let mut clusters: BTreeMap<usize, OfCluster<'_>> = BTreeMap::new();
    for entity in universe.entities_of(Kind::Import) {
        if let Some(import) = read(sources, universe, model, entity, diagnostics) {
            let of_cluster = clusters.entry(import.cluster).or_default();
            of_cluster.inputs.entry(import.namespace).or_default().extend(import.inputs);
            of_cluster.paths.push(import.path);
        }
    }
    let mut granted = Vec::new();
    for (index, imports) in clusters {
        granted.extend(hold(universe, model, &model.clusters[index], &imports, diagnostics));
    }
    granted
}

struct Import<'s> {
    cluster: usize,
    namespace: Option<SmolStr>,
    path: String,
    inputs: Vec<Input<'s>>,
}

fn read<'s>(
    sources: &'s Sources,
    universe: &Universe<'_>,
    model: &Model,
    entity: EntityId,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<Import<'s>> {
    let (mut format, mut path, mut cluster, mut namespace) = (None, None, None, None);
    // its attributes were checked with the other kinds
    let mut named = Vec::new();
    for (name, typed) in entity_block(universe, entity, &mut Vec::new()) {
        named.push(name);
        match (name, typed) {
            ("format", Typed::Word(word)) => format = Some(word),
            ("file", Typed::Text(text)) => path = Some(text.trim_end_matches('/').to_owned()),
            ("cluster", Typed::References(list)) => cluster = list.first().map(|(entity, _)| *entity),
            ("namespace", Typed::Text(text)) => namespace = Some(text),
            _ => {}
        }
    }
    let (format, path) = (format?, path?);
    let (name_file, name_span) = universe.name_span(entity);
    let (file, span) = attribute_place(universe, entity, "file");
    let inside = is_inside(&path);
    let inputs: Vec<Input<'s>> = inputs_of(sources, &path, format).collect();
    if inputs.is_empty() {
        let (message, help) = if inside {
            (
                format!("`{path}` cannot be read: there is no such file, nor a folder with such files"),
                "give the path from the package's folder, with `/`",
            )
        } else {
            (
                format!("`{path}` is no path inside of the package"),
                "give the path from the package's folder; what lies elsewhere has to be copied or linked into it",
            )
        };
        diagnostics
            .push(Diagnostic::new(&codes::E0001, message).primary(file, span, "imported here").help(help));
        return None;
    }
    if format != "kubernetes" {
        return None; // its declarations are the package's
    }
    for name in ["mapping", "bind", "hosts", "outside", "accept_unsaid"] {
        if named.contains(&name) {
            let (file, span) = attribute_place(universe, entity, name);
            diagnostics.push(
                Diagnostic::new(&codes::E0422, format!("`{name}` says nothing about manifests"))
                    .primary(file, span, "not used")
                    .help("leave it out"),
            );
        }
    }
    let cluster = match cluster {
        Some(cluster) => model.clusters.iter().position(|known| known.entity == cluster)?,
        None if model.clusters.len() == 1 => 0,
        None => {
            let (message, help) = match model.clusters.as_slice() {
                [] => (
                    "these manifests are applied to no cluster",
                    "declare the cluster that they are applied to",
                ),
                _ => ("which cluster these manifests are applied to is not said", "add `cluster = …`"),
            };
            diagnostics.push(
                Diagnostic::new(&codes::E0422, message)
                    .primary(name_file, name_span, "which one?")
                    .help(help),
            );
            return None;
        }
    };
    Some(Import { cluster, namespace, path, inputs })
}

/// Holds the workloads of a cluster against its manifests.
fn hold(
    universe: &Universe<'_>,
    model: &Model,
    cluster: &Cluster,
    imports: &OfCluster<'_>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Vec<String> {
    let is_error = |diagnostic: &Diagnostic| diagnostic.severity() == Severity::Error;
    let wrong_before = diagnostics.iter().any(is_error);
    let mut manifests = kubernetes::Manifests::default();
    let mut found = Vec::new();
    for (namespace, inputs) in &imports.inputs {
        let (more, problems) = kubernetes::read(inputs, namespace.as_deref());
        manifests.add(more);
        found.extend(problems);
    }
    found.extend(kubernetes::twice(&manifests));
    if found.iter().any(is_error) {
        diagnostics.append(&mut found);
        return Vec::new();
    }
    found.extend(kubernetes::check(&manifests));
    let declared: Vec<Declared> =
        cluster.workloads.iter().map(|workload| declared(universe, model, workload)).collect();
    let (more, findings) = kubernetes::bind::bind(&declared, &manifests);
    // a workload that is wrong is not among the declared: what lacks it is no mistake of its own
    found.extend(more.into_iter().filter(|said| !wrong_before || is_error(said)));
    diagnostics.append(&mut found);
    let runs = format!("kubernetes: cluster `{}` runs what {} says", cluster.name, imports.paths.join(", "));
    let findings = findings.into_iter().map(|finding| format!("kubernetes: {}", finding.what));
    std::iter::once(runs).chain(findings).collect()
}

fn declared(universe: &Universe<'_>, model: &Model, workload: &Workload) -> Declared {
    let principal = model.principal(workload.principal);
    let place = |(file, span): (FileId, Span)| Place { file, span };
    let of = |name| place(attribute_place(universe, principal.entity, name));
    let account = workload.service_account.as_ref();
    let served = principal.serves().iter().flat_map(|served| match served.port {
        Some(port) => vec![port],
        None => model.protocols.get(model.protocols.index(served.protocol)).transports.clone(),
    });
    Declared {
        name: principal.name.to_string(),
        place: place(universe.name_span(principal.entity)),
        namespace: workload.pods.namespace.to_string(),
        namespace_place: of("namespace"),
        labels: workload
            .pods
            .labels
            .iter()
            .map(|(key, value)| (key.to_string(), value.to_string()))
            .collect(),
        labels_place: of("labels"),
        service_account: account.map(|account| (account.to_string(), of("service_account"))),
        host_network: workload.host_network,
        host_network_place: of("host_network"),
        serves: served.filter_map(transport).collect(),
        serves_place: of("serves"),
    }
}

fn transport(listens: TransportMatch) -> Option<Transport> {
    let TransportMatch::Ports(PortMatch { transport, first, last }) = listens else { return None };
    match transport {
        plan::Transport::Tcp => Some(Transport::Tcp(first, last)),
        plan::Transport::Udp => Some(Transport::Udp(first, last)),
        plan::Transport::Sctp => Some(Transport::Sctp(first, last)),
        plan::Transport::IcmpEcho => None,
    }
}

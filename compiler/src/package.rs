//! A package as text: its manifest and files, before anything is known of their meaning.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use include_dir::{Dir, include_dir};
use serde::Deserialize;
use weir_syntax::{Diagnostic, FileId, Span, diagnostic::codes};

/// The standard library, shipped inside of the binary.
static STANDARD_LIBRARY: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../stdlib");

/// The manifest's file name; it is always [`FileId`] 0.
pub const MANIFEST: &str = "weir.toml";
/// The edition that this compiler reads.
pub const EDITION: &str = "2026";

/// One text file. Its index in [`Sources::files`] is its [`FileId`].
#[derive(Clone, Debug)]
pub struct Source {
    /// From the package's folder, `/` between parts: `cells/press.weir`; of the standard library `std/ot/modbus.weir`.
    pub path: String,
    pub text: Arc<str>,
}

impl Source {
    pub fn is_standard(&self) -> bool {
        self.path.starts_with("std/")
    }

    /// The path of the module that the file is in: its folder, with dots. The package's root has the empty path.
    pub fn module(&self) -> String {
        match self.path.rsplit_once('/') {
            Some((folder, _)) => folder.replace('/', "."),
            None => String::new(),
        }
    }
}

/// `weir.toml`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    pub package: PackageTable,
    #[serde(default)]
    pub targets: Targets,
    #[serde(default)]
    pub proof: ProofOptions,
    /// Refused: imports are declared in the policy, where they are reviewed with it.
    #[serde(default)]
    import: Option<toml::Value>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PackageTable {
    pub name: String,
    #[serde(default)]
    pub version: String,
    #[serde(default)]
    pub edition: Option<String>,
    #[serde(default)]
    pub description: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Targets {
    #[serde(default)]
    pub nftables: NftablesOptions,
    #[serde(default)]
    pub envoy: EnvoyOptions,
    #[serde(default)]
    pub modbus: ModbusOptions,
    #[serde(default)]
    pub mosquitto: MosquittoOptions,
    #[serde(default)]
    pub kubernetes: KubernetesOptions,
}

/// `[targets.envoy]`: where things are on the proxy.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct EnvoyOptions {
    /// Holds a folder for each proxy; `/etc/weir/envoy`, if not given.
    #[serde(default)]
    pub folder: Option<String>,
}

/// `[targets.modbus]`: where things are on the gateway.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ModbusOptions {
    /// Holds a folder for each gateway; `/etc/weir/modbus`, if not given.
    #[serde(default)]
    pub folder: Option<String>,
    /// Where operations are counted; `/run/weir/modbus`, if not given.
    #[serde(default)]
    pub state: Option<String>,
    /// nginx's modules; `/usr/lib/nginx/modules`, if not given.
    #[serde(default)]
    pub modules: Option<String>,
}

/// `[targets.mosquitto]`: where things are on the broker's host.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct MosquittoOptions {
    /// Holds a folder for each broker; `/etc/weir/mosquitto`, if not given.
    #[serde(default)]
    pub folder: Option<String>,
    /// The dynamic-security plugin; Debian's on amd64, if not given.
    #[serde(default, deserialize_with = "plugin")]
    pub plugin: Option<String>,
}

/// `[targets.kubernetes]`.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct KubernetesOptions {
    /// The priority of guard rails among the cluster's policies of the tier `Admin`: 0 to 1000, the least first. There are
    /// no guard rails, if not given: clusters need the CRD `ClusterNetworkPolicy` for them.
    #[serde(default, deserialize_with = "priority")]
    pub guard_rails: Option<u16>,
}

/// Another plugin would not hold what its configuration says.
fn plugin<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    const NAME: &str = "mosquitto_dynamic_security.so";
    let path = String::deserialize(deserializer)?;
    if path.rsplit('/').next() != Some(NAME) {
        return Err(serde::de::Error::custom(format!(
            "`{path}` is not Mosquitto's plugin: its file is `{NAME}`"
        )));
    }
    Ok(Some(path))
}

fn priority<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<u16>, D::Error> {
    let priority = u16::deserialize(deserializer)?;
    if priority > 1000 {
        return Err(serde::de::Error::custom(format!("{priority} is no priority: they go from 0 to 1000")));
    }
    Ok(Some(priority))
}

/// `[targets.nftables]`.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct NftablesOptions {
    /// The NFLOG group that logs go to; the kernel log, if not given.
    #[serde(default)]
    pub log_group: Option<u16>,
    /// Log lines per second for what the default deny drops; 10, if not given.
    #[serde(default)]
    pub deny_log_rate: Option<u32>,
    /// The bits of connection and packet marks that rulesets may use; all, if not given.
    #[serde(default)]
    pub mark_mask: Option<u32>,
}

/// `[proof]`.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ProofOptions {
    /// Steps that one question may take, at about ten nanoseconds each; 400,000,000, if not given.
    #[serde(default)]
    pub budget: Option<u64>,
    /// What an artifact is whose question exceeds the budget.
    #[serde(default)]
    pub undecided: Undecided,
}

/// What becomes of a build that cannot be decided within its budget.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum Undecided {
    /// It fails.
    #[default]
    Error,
    /// It succeeds, and the certificate says that this part was not decided.
    Warning,
}

impl ProofOptions {
    pub fn budget(&self) -> weir_engine::Budget {
        let default = weir_engine::Budget::default();
        weir_engine::Budget {
            sweep: self.budget.unwrap_or(default.sweep),
            diagram: self.budget.unwrap_or(default.diagram),
        }
    }
}

/// A package's texts with the standard library's.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    pub files: Vec<Source>,
    pub manifest: Manifest,
    /// Files of other formats that the package imports, by path; they follow those of `std`.
    pub imported: BTreeMap<String, FileId>,
    /// What is wrong with the files as files.
    pub diagnostics: Vec<Diagnostic>,
}

impl Sources {
    /// Takes the manifest's text and the package's files as (path from the package's folder, bytes). Files come in any
    /// order; `std` is added.
    pub fn new(manifest: &str, mut files: Vec<(String, Vec<u8>)>) -> Self {
        files.sort();
        let mut sources = Self::default();
        sources.files.push(Source { path: MANIFEST.into(), text: manifest.into() });
        sources.read_manifest(manifest);
        for (path, bytes) in files {
            let file = FileId(sources.files.len() as u32);
            let text = sources.decode(&path, file, bytes);
            sources.files.push(Source { path, text: text.into() });
        }
        let mut standard: Vec<Source> = Vec::new();
        collect(&STANDARD_LIBRARY, &mut standard);
        standard.sort_by(|a, b| a.path.cmp(&b.path));
        sources.files.extend(standard);
        sources
    }

    /// Adds a file that the package imports; see [`crate::imports::wanted`].
    pub fn import(&mut self, path: String, bytes: Vec<u8>) {
        if self.imported.contains_key(&path) {
            return;
        }
        let file = FileId(self.files.len() as u32);
        let text = self.decode(&path, file, bytes);
        self.imported.insert(path.clone(), file);
        self.files.push(Source { path, text: text.into() });
    }

    /// Whether a file is no policy, but what one imports.
    pub fn is_imported(&self, file: FileId) -> bool {
        self.file(file).is_some_and(|source| self.imported.get(&source.path) == Some(&file))
    }

    /// The text of a file; the empty one, if it is none.
    fn decode(&mut self, path: &str, file: FileId, bytes: Vec<u8>) -> String {
        String::from_utf8(bytes).unwrap_or_else(|error| {
            let good = error.utf8_error().valid_up_to();
            let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
            let line = text.get(..good).map_or(0, |text| text.matches('\n').count()) + 1;
            self.diagnostics.push(
                Diagnostic::new(&codes::E0002, format!("`{path}` is not UTF-8"))
                    .primary(
                        file,
                        Span::default(), // no text is kept that another span could be in
                        format!("byte {good}, in line {line}"),
                    )
                    .help("save the file as UTF-8"),
            );
            String::new()
        })
    }

    fn read_manifest(&mut self, text: &str) {
        match toml::from_str::<Manifest>(text) {
            Ok(manifest) => {
                let known = manifest.package.edition.as_deref().is_none_or(|edition| edition == EDITION);
                if !known {
                    self.wrong_manifest(
                        "edition",
                        "this edition is not known",
                        format!("write `edition = \"{EDITION}\"`"),
                    );
                }
                if manifest.import.is_some() {
                    self.wrong_manifest(
                        "[import",
                        "imports stand in the policy, where they are reviewed with it",
                        "declare it in a `.weir` file: `import assets { format = inventory, file = \"assets.csv\" }`".into(),
                    );
                }
                if !is_package_name(&manifest.package.name) {
                    self.wrong_manifest(
                        "name",
                        "not usable as a package's name",
                        "use 1 to 64 letters, digits, `_` and `-`, starting with a letter".into(),
                    );
                }
                if !is_version(&manifest.package.version) {
                    self.wrong_manifest(
                        "version",
                        "not usable as a version",
                        "use at most 64 letters, digits, `.`, `+` and `-`: `1.2.0`".into(),
                    );
                }
                self.manifest = manifest;
            }
            Err(error) => {
                let span = error.span().unwrap_or(0..0);
                self.diagnostics.push(
                    Diagnostic::new(&codes::E0004, "weir.toml is not valid")
                        .primary(FileId(0), Span::new(span.start as u32, span.end as u32), error.message().to_owned())
                        .help("it has a table `[package]` with `name`, `version` and `edition`; see the book, chapter “Manifest”"),
                );
            }
        }
    }

    fn wrong_manifest(&mut self, key: &str, label: &str, help: String) {
        let text = &self.files[0].text;
        let start = text.lines().scan(0, |at, line| {
            let start = *at;
            *at += line.len() + 1;
            Some((start, line))
        });
        let span = start
            .filter(|(_, line)| line.trim_start().starts_with(key))
            .map(|(start, line)| Span::new(start as u32, (start + line.len()) as u32))
            .next()
            .unwrap_or_default();
        self.diagnostics.push(
            Diagnostic::new(
                &codes::E0004,
                format!("`{}` in weir.toml is not valid", key.trim_start_matches('[')),
            )
            .primary(FileId(0), span, label)
            .help(help),
        );
    }

    pub fn file(&self, file: FileId) -> Option<&Source> {
        self.files.get(file.0 as usize)
    }
}

/// Whether a text can name a package: it stands in artifacts and in file names.
pub fn is_package_name(name: &str) -> bool {
    name.len() <= 64
        && name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

/// Whether a text can be a package's version, which artifacts' descriptions quote.
fn is_version(version: &str) -> bool {
    version.len() <= 64
        && version.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'+' | b'-'))
}

fn collect(folder: &Dir<'_>, out: &mut Vec<Source>) {
    for file in folder.files() {
        if file.path().extension() == Some(std::ffi::OsStr::new("weir"))
            && let Some(text) = file.contents_utf8()
        {
            out.push(Source { path: format!("std/{}", slashed(file.path())), text: text.into() });
        }
    }
    for inner in folder.dirs() {
        collect(inner, out);
    }
}

fn slashed(path: &Path) -> String {
    path.components().map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/")
}
